/* Weights in fp16, arithmetic in fp32. */
#include "linear.h"

/* Not called: rows are multiplied as they are. */
static void quantize(const Linear *l, int64_t row) {}

/* Each sum is taken in the order of `in`, whatever the number of rows. */
INLINE void multiply(const int rows, const Linear *l, int64_t first, int64_t panel, const char *next, Ahead ahead) {
  const float *x[TRIPLES];
#pragma GCC unroll 4
  for (int t = 0; t < (rows + 2) / 3; t++) x[t] = l->x + (first + 3 * t) * l->in;
  const char *weights = l->weights + panel * l->panel_bytes;
  const float *bias = (const float *)(weights + 2 * COLUMNS * l->in);
  __m512 sums[MOST_ROWS][2];
#pragma GCC unroll 12
  for (int r = 0; r < rows; r++) sums[r][0] = sums[r][1] = _mm512_setzero_ps();
  for (int64_t i = 0; i < l->in; i++) {
    if (i % 2 == 0) prefetch(&next, ahead, 128);
    const __m512 left = _mm512_cvtph_ps(_mm256_load_si256((const __m256i *)(weights + 64 * i)));
    const __m512 right = _mm512_cvtph_ps(_mm256_load_si256((const __m256i *)(weights + 64 * i + 32)));
#pragma GCC unroll 12
    for (int r = 0; r < rows; r++) {
      const __m512 number = _mm512_set1_ps(x[r / 3][r % 3 * l->in]);
      sums[r][0] = _mm512_fmadd_ps(number, left, sums[r][0]);
      sums[r][1] = _mm512_fmadd_ps(number, right, sums[r][1]);
    }
#pragma GCC unroll 4
    for (int t = 0; t < (rows + 2) / 3; t++) x[t]++;
  }
#pragma GCC unroll 12
  for (int r = 0; r < rows; r++)
#pragma GCC unroll 2
    for (int half = 0; half < 32; half += 16)
      finish(l, sums[r][half / 16], _mm512_load_ps(bias + half), first + r, panel * COLUMNS + half);
}

/* weights: int8 [panels, 64 in + 128]: fp16 [in, 32], then 32 biases in fp32 */
void linear_fp16(const Value *v) {
  Linear l = arguments(v);
  l.steps = 0;
  l.row_bytes = 4 * l.in;
  run(&l, v);
}
