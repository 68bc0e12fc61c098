/* Weights and activations in int16, up to 128 of them with one scale, sums in exact integers, which AVX512-VNNI
   multiplies two at a time: twice the arithmetic of fp32, and errors as small as those of weights in fp16. */
#include "int16.h"
#include "linear.h"

/* Rounding adds at most 6 to the norm of a group: weights may have one of 65,500, twice that of activations, which
   `panels` gives them. */
enum { MOST_IN_GROUP = 128 };

/* What follows a group's weights in a panel. */
typedef struct {
  float scales[COLUMNS];
} Scales;

INLINE int64_t group_count(const Linear *l) { return (l->in + MOST_IN_GROUP - 1) / MOST_IN_GROUP; }

/* An even number, since numbers are multiplied in pairs. */
INLINE int64_t group_length(const Linear *l) {
  const int64_t groups = group_count(l);
  return ((l->in + groups - 1) / groups + 1) / 2 * 2;
}

/* The scales of a row's groups. All stand behind all prepared rows. */
INLINE float *row_scales(const Linear *l, int64_t row) {
  return (float *)(l->steps + l->rows * l->row_bytes) + row * group_count(l);
}

/* Rounds the groups of a row. What is behind the row in its last one is zero. */
static void quantize(const Linear *l, int64_t row) {
  const int64_t length = group_length(l);
  int16_t *steps = (int16_t *)(l->steps + row * l->row_bytes);
  for (int64_t g = 0; g < group_count(l); g++, steps += length) {
    const int64_t left = l->in - g * length, count = left < length ? left : length;
    for (int64_t i = count > 0 ? count : 0; i < length; i++) steps[i] = 0;
    row_scales(l, row)[g] = to_int16(l->x + row * l->in + g * length, count, steps);
  }
}

INLINE void multiply(const int rows, const Linear *l, int64_t first, int64_t panel, const char *next, Ahead ahead) {
  const int64_t groups = group_count(l), pairs = group_length(l) / 2;
  const char *steps[TRIPLES];
#pragma GCC unroll 4
  for (int t = 0; t < (rows + 2) / 3; t++) steps[t] = l->steps + (first + 3 * t) * l->row_bytes;
  const char *weights = l->weights + panel * l->panel_bytes;
  ALIGNED float y[MOST_ROWS][COLUMNS];
#pragma GCC unroll 12
  for (int r = 0; r < rows; r++)
#pragma GCC unroll 2
    for (int half = 0; half < 32; half += 16) _mm512_store_ps(y[r] + half, _mm512_setzero_ps());
  for (int64_t g = 0; g < groups; g++) {
    __m512i sums[MOST_ROWS][2];
#pragma GCC unroll 12
    for (int r = 0; r < rows; r++) sums[r][0] = sums[r][1] = _mm512_setzero_si512();
    for (int64_t i = 0; i < pairs; i++, weights += 128) {
      prefetch(&next, ahead);
      const __m512i left = _mm512_load_si512(weights), right = _mm512_load_si512(weights + 64);
#pragma GCC unroll 12
      for (int r = 0; r < rows; r++) {
        const __m512i two = _mm512_set1_epi32(*(const int32_t *)(steps[r / 3] + r % 3 * l->row_bytes));
        accumulate(&sums[r][0], two, left);
        accumulate(&sums[r][1], two, right);
      }
#pragma GCC unroll 4
      for (int t = 0; t < (rows + 2) / 3; t++) steps[t] += 4;
    }
    prefetch(&next, ahead);
    const float *scales = ((const Scales *)weights)->scales;
#pragma GCC unroll 12
    for (int r = 0; r < rows; r++) {
      const __m512 scale = _mm512_set1_ps(row_scales(l, first + r)[g]);
#pragma GCC unroll 2
      for (int half = 0; half < 32; half += 16) {
        const __m512 by = _mm512_mul_ps(scale, _mm512_load_ps(scales + half));
        const __m512 sum = _mm512_cvtepi32_ps(sums[r][half / 16]);
        _mm512_store_ps(y[r] + half, _mm512_fmadd_ps(sum, by, _mm512_load_ps(y[r] + half)));
      }
    }
    weights += sizeof(Scales);
  }
#pragma GCC unroll 12
  for (int r = 0; r < rows; r++)
#pragma GCC unroll 2
    for (int half = 0; half < 32; half += 16) {
      const __m512 bias = _mm512_load_ps((const float *)weights + half);
      finish(l, _mm512_load_ps(y[r] + half), bias, first + r, panel * COLUMNS + half);
    }
}

/* weights: int8 [panels, groups * (64 length + 128) + 128], `length` of `in` in each of `groups`: int16
   [length / 2, 32, 2] and their Scales, then 32 biases in fp32; scratch of at least
   rows * groups * (2 length + 4) bytes for the steps */
void linear_int16(const Value *v) {
  Linear l = arguments(v);
  l.row_bytes = 2 * group_count(&l) * group_length(&l);
  run(&l, v);
}
