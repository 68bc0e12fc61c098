/* Weights of 12 bits, activations of 16, up to 128 of them with one scale, sums in exact integers, which AVX512-VNNI
   multiplies two at a time: twice the arithmetic of fp32 from three quarters of the bytes of fp16. */
#include "int16.h"
#include "linear.h"

/* Rounding adds at most 6 to the norm of a group of activations and 91 to one of weights: those may have one of 65,400,
   almost twice that of activations, which `panels` gives them. */
enum { MOST_IN_GROUP = 128 };

/* What follows a group's weights in a panel. */
typedef struct {
  float scales[COLUMNS];
} Scales;

INLINE int64_t group_count(const Linear *l) { return (l->in + MOST_IN_GROUP - 1) / MOST_IN_GROUP; }

/* A multiple of four, since weights stand in fours. */
INLINE int64_t group_length(const Linear *l) {
  const int64_t groups = group_count(l);
  return ((l->in + groups - 1) / groups + 3) / 4 * 4;
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

/* Of 128 weights the last 32, whose bits are the low four of those before: in each word what is 12 bits of them, the
   highest first, and 4 zeros. */
INLINE __m512i last_of(__m512i a, __m512i b, __m512i c) {
  const __m512i high = _mm512_slli_epi16(a, 12), middle = _mm512_slli_epi16(b, 8), low = _mm512_slli_epi16(c, 4);
  const __m512i both = _mm512_ternarylogic_epi32(high, middle, _mm512_set1_epi16(0x0f00), 0xf8); /* a | b & c */
  return _mm512_ternarylogic_epi32(both, low, _mm512_set1_epi16(0x00f0), 0xf8);
}

INLINE void multiply(const int rows, const Linear *l, int64_t first, int64_t panel, const char *next, Ahead ahead) {
  const int64_t groups = group_count(l), fours = group_length(l) / 4;
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
    for (int64_t i = 0; i < fours; i++, weights += 192) {
      prefetch(&next, ahead, 192);
      const __m512i a = _mm512_load_si512(weights), b = _mm512_load_si512(weights + 64);
      const __m512i c = _mm512_load_si512(weights + 128), d = last_of(a, b, c);
      accumulate_rows(rows, l, sums, steps, 0, a, b, accumulate);
      accumulate_rows(rows, l, sums, steps, 4, c, d, accumulate);
#pragma GCC unroll 4
      for (int t = 0; t < (rows + 2) / 3; t++) steps[t] += 8;
    }
    prefetch(&next, ahead, 128);
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

/* weights: int8 [panels, groups * (48 length + 128) + 128], `length` of `in` in each of `groups`: int16
   [length / 4, 3, 32], see `last_of`, and their Scales, then 32 biases in fp32; scratch of at least
   rows * groups * (2 length + 4) bytes for the steps */
void linear_int12(const Value *v) {
  Linear l = arguments(v);
  l.row_bytes = 2 * group_count(&l) * group_length(&l);
  run(&l, v);
}
