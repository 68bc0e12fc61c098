/* Weights and activations in int8, sums in exact integers, which AVX512-VNNI multiplies four at a time. */
#include "int8.h"
#include "linear.h"

/* What follows the weights in a panel. */
typedef struct {
  float scales[COLUMNS];
  int32_t offsets[COLUMNS]; /* -128 times the sum of a column: activations have 128 added */
  float bias[COLUMNS];
} Columns;

/* The scales of rows stand behind all prepared ones. */
INLINE float *row_scales(const Linear *l) { return (float *)(l->steps + l->rows * l->row_bytes); }

/* A row as up to 127 steps on either side of 128. Where a number is not finite no step is right, but the scale is none
   then either. */
static void quantize(const Linear *l, int64_t row) {
  char *steps = l->steps + row * l->row_bytes;
  const float *x = l->x + row * l->in;
  const int64_t fours = l->row_bytes / 4;
  const float largest = largest_magnitude(x, l->in);
  const __m512 factor = _mm512_set1_ps(largest > 0 ? 127 / largest : 0);
  for (int64_t i = 0; i < fours; i += 4) {
    const __m512 scaled = _mm512_mul_ps(_mm512_maskz_loadu_ps(first_of(l->in - 4 * i), x + 4 * i), factor);
    const __m512i rounded = _mm512_add_epi32(_mm512_cvtps_epi32(scaled), _mm512_set1_epi32(128));
    _mm_mask_storeu_epi8(steps + 4 * i, first_of(4 * (fours - i)), _mm512_cvtepi32_epi8(rounded));
  }
  row_scales(l)[row] = largest / 127;
}

/* What becomes of the sums of 16 columns, with their offsets, of a row. */
INLINE void dequantize(
    const Linear *l, __m512i sums, __m512 scale, const Columns *columns, int64_t row, int64_t panel, int half) {
  const __m512 by = _mm512_mul_ps(scale, _mm512_load_ps(columns->scales + half));
  const __m512 y = _mm512_mul_ps(_mm512_cvtepi32_ps(sums), by);
  finish(l, y, _mm512_load_ps(columns->bias + half), row, panel * COLUMNS + half);
}

INLINE void multiply(const int rows, const Linear *l, int64_t first, int64_t panel, const char *next, Ahead ahead) {
  const int64_t fours = l->row_bytes / 4;
  const char *steps[TRIPLES];
#pragma GCC unroll 4
  for (int t = 0; t < (rows + 2) / 3; t++) steps[t] = l->steps + (first + 3 * t) * l->row_bytes;
  const char *weights = l->weights + panel * l->panel_bytes;
  const Columns *columns = (const Columns *)(weights + 4 * COLUMNS * fours);
  __m512i sums[MOST_ROWS][2];
#pragma GCC unroll 12
  for (int r = 0; r < rows; r++) {
    sums[r][0] = _mm512_load_si512(columns->offsets);
    sums[r][1] = _mm512_load_si512(columns->offsets + 16);
  }
  for (int64_t i = 0; i < fours; i++) {
    prefetch(&next, ahead, 128);
    const __m512i left = _mm512_load_si512(weights + 128 * i);
    const __m512i right = _mm512_load_si512(weights + 128 * i + 64);
    accumulate_rows(rows, l, sums, steps, 0, left, right, accumulate_bytes);
#pragma GCC unroll 4
    for (int t = 0; t < (rows + 2) / 3; t++) steps[t] += 4;
  }
#pragma GCC unroll 12
  for (int r = 0; r < rows; r++) {
    const __m512 scale = _mm512_set1_ps(row_scales(l)[first + r]);
#pragma GCC unroll 2
    for (int half = 0; half < 32; half += 16)
      dequantize(l, sums[r][half / 16], scale, columns, first + r, panel, half);
  }
}

/* Up to 32 rows by tiles, of a multiple of 64 numbers each. A block that has a row less than the largest one takes the
   next block's first one along; there is a next one, since the last block is one of the largest. */
TILES static void multiply_by_tiles(const Linear *l, Block block, int64_t panel, const char *next, Ahead ahead) {
  const char *weights = l->weights + panel * l->panel_bytes;
  const Columns *columns = (const Columns *)(weights + COLUMNS * l->row_bytes);
  const char *steps = l->steps + block.first * l->row_bytes, *others = steps + TILE_ROWS * l->row_bytes;
  const int64_t stride = 4 * COLUMNS;
  ALIGNED int32_t sums[2 * TILE_ROWS][COLUMNS];
  zero_sums(l->tile_rows > TILE_ROWS);
  for (int64_t i = 0; i < l->row_bytes; i += TILE_ROW_BYTES, weights += TILE_ROWS * stride) {
    for (int j = 0; j < TILE_ROWS; j++) prefetch(&next, ahead, stride);
    _tile_loadd(4, steps + i, l->row_bytes);
    _tile_loadd(6, weights, stride);
    _tile_loadd(7, weights + TILE_ROW_BYTES, stride);
    _tile_dpbusd(0, 4, 6);
    _tile_dpbusd(1, 4, 7);
    if (l->tile_rows > TILE_ROWS) {
      _tile_loadd(5, others + i, l->row_bytes);
      _tile_dpbusd(2, 5, 6);
      _tile_dpbusd(3, 5, 7);
    }
  }
  store_sums(l->tile_rows > TILE_ROWS, (char *)sums);
  for (int64_t r = 0; r < block.count; r++) {
    const __m512 scale = _mm512_set1_ps(row_scales(l)[block.first + r]);
#pragma GCC unroll 2
    for (int half = 0; half < 32; half += 16) {
      const __m512i offsets = _mm512_load_si512(columns->offsets + half);
      const __m512i sum = _mm512_add_epi32(_mm512_load_si512(sums[r] + half), offsets);
      dequantize(l, sum, scale, columns, block.first + r, panel, half);
    }
  }
}

/* weights: int8 [panels, 32 k + 384], k = `in` rounded up to fours: [k / 4, 32, 4], then Columns; scratch of
   at least rows * (k + 4) bytes for the steps */
void linear_int8(const Value *v) {
  Linear l = arguments(v);
  l.row_bytes = (l.in + 3) / 4 * 4;
  if (l.rows > MOST_ROWS && l.in % TILE_ROW_BYTES == 0 && has_amx())
    use_tiles(&l, multiply_by_tiles);
  run(&l, v);
}
