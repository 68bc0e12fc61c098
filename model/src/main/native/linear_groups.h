/* Projections in integers, with one scale for a group of inputs of a column or of a row, their sums exact within it. A
   type of weights defines before it includes this: how many inputs a group has at most (MOST_IN_GROUP), the bytes of a
   number of a row (STEP_BYTES), of the weights of an input in a panel (WEIGHT_BYTES) and of a group's scales
   (SCALE_BYTES); and after it what is declared here. */
#pragma once
#include "linear.h"

INLINE int64_t group_count(const Linear *l) { return (l->in + MOST_IN_GROUP - 1) / MOST_IN_GROUP; }

/* A multiple of four. */
INLINE int64_t group_length(const Linear *l) {
  const int64_t groups = group_count(l);
  return ((l->in + groups - 1) / groups + 3) / 4 * 4;
}

/* Of a row's group: the length of a step, and what the sums of its products begin with. */
typedef struct {
  float scale;
  int32_t start;
} Group;

/* All stand behind all prepared rows. */
INLINE Group *row_groups(const Linear *l, int64_t row) {
  return (Group *)(l->steps + l->rows * l->row_bytes) + row * group_count(l);
}

/* Rounds `count` numbers to steps, and zeros up to `length`. */
INLINE Group round_group(const float *x, int64_t count, int64_t length, char *steps);

/* Adds the products of a group's weights with the steps of some rows. */
INLINE void accumulate_group(const int rows, const Linear *l, __m512i sums[][2], const char *steps[TRIPLES],
    const char *weights, const char **next, Ahead ahead);

/* The scales of 16 columns of a group, `half` 0 or 1; they stand behind its weights. */
INLINE __m512 column_scales(const char *scales, int half);

static void quantize(const Linear *l, int64_t row) {
  const int64_t length = group_length(l), bytes = length * STEP_BYTES;
  char *steps = l->steps + row * l->row_bytes;
  for (int64_t g = 0; g < group_count(l); g++, steps += bytes) {
    const int64_t left = l->in - g * length, count = left < length ? left : length;
    row_groups(l, row)[g] = round_group(l->x + row * l->in + g * length, count, length, steps);
  }
}

/* After each group its sums become fp32, and are added in the order of the groups. */
INLINE void multiply(const int rows, const Linear *l, int64_t first, int64_t panel, const char *next, Ahead ahead) {
  const int64_t groups = group_count(l), bytes = group_length(l) * WEIGHT_BYTES;
  const char *steps[TRIPLES];
#pragma GCC unroll 4
  for (int t = 0; t < (rows + 2) / 3; t++) steps[t] = l->steps + (first + 3 * t) * l->row_bytes;
  const char *weights = l->weights + panel * l->panel_bytes;
  ALIGNED float y[MOST_ROWS][COLUMNS];
#pragma GCC unroll 12
  for (int r = 0; r < rows; r++)
#pragma GCC unroll 2
    for (int half = 0; half < 2; half++) _mm512_store_ps(y[r] + 16 * half, _mm512_setzero_ps());
  for (int64_t g = 0; g < groups; g++) {
    __m512i sums[MOST_ROWS][2];
#pragma GCC unroll 12
    for (int r = 0; r < rows; r++) sums[r][0] = sums[r][1] = _mm512_set1_epi32(row_groups(l, first + r)[g].start);
    accumulate_group(rows, l, sums, steps, weights, &next, ahead);
    weights += bytes;
    prefetch(&next, ahead, SCALE_BYTES);
#pragma GCC unroll 12
    for (int r = 0; r < rows; r++) {
      const __m512 scale = _mm512_set1_ps(row_groups(l, first + r)[g].scale);
#pragma GCC unroll 2
      for (int half = 0; half < 2; half++) {
        const __m512 by = _mm512_mul_ps(scale, column_scales(weights, half));
        const __m512 sum = _mm512_cvtepi32_ps(sums[r][half]);
        _mm512_store_ps(y[r] + 16 * half, _mm512_fmadd_ps(sum, by, _mm512_load_ps(y[r] + 16 * half)));
      }
    }
    weights += SCALE_BYTES;
  }
#pragma GCC unroll 12
  for (int r = 0; r < rows; r++)
#pragma GCC unroll 2
    for (int half = 0; half < 32; half += 16) {
      const __m512 bias = _mm512_load_ps((const float *)weights + half);
      finish(l, _mm512_load_ps(y[r] + half), bias, first + r, panel * COLUMNS + half);
    }
}

INLINE void run_groups(const Value *v) {
  Linear l = arguments(v);
  l.row_bytes = STEP_BYTES * group_count(&l) * group_length(&l);
  run(&l, v);
}
