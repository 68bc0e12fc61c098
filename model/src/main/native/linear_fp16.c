/* Weights in fp16, arithmetic in fp32; where there are tiles, by exact products of halves in bf16. */
#include "linear.h"

/* The numbers of a tile's row. */
enum { INPUTS = TILE_ROW_BYTES / 2 };

/* A row for tiles: the nearest numbers in bf16, [in], then what is nearest to the rest, [in]. Both together are within
   2^-17 of a number. Ends of fp32 are lost: 3.39e38 and more become infinite, what is below 1e-38 zero. */
TILES static void quantize(const Linear *l, int64_t row) {
  const float *x = l->x + row * l->in;
  char *steps = l->steps + row * l->row_bytes;
  for (int64_t i = 0; i < l->in; i += 16) {
    const __m512 numbers = _mm512_loadu_ps(x + i);
    const __m256i nearest = (__m256i)_mm512_cvtneps_pbh(numbers);
    const __m512 rest = _mm512_sub_ps(numbers, from_bf16(nearest));
    _mm256_storeu_si256((__m256i *)(steps + 2 * i), nearest);
    _mm256_storeu_si256((__m256i *)(steps + 2 * (l->in + i)), (__m256i)_mm512_cvtneps_pbh(rest));
  }
}

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

/* 32 columns of as many inputs as two halves in bf16, whose sum they are, as tiles take them: in pairs of inputs, 16
   columns in each tile. */
typedef struct {
  __m512i high[2][TILE_ROWS], low[2][TILE_ROWS];
} Halves;

/* What becomes of a panel's weights while those before them are multiplied. */
typedef struct {
  const char *weights;
  Halves *to;
  int pair; /* of inputs */
  const char *next;
  Ahead ahead;
} Splitting;

/* The upper halves of two vectors, as the bits of a number in bf16 are those of one in fp32. */
INLINE __m512i upper(__m512 a, __m512 b) {
  const __m512i first = _mm512_srli_epi32(_mm512_castps_si512(a), 16);
  return _mm512_ternarylogic_epi32(first, _mm512_castps_si512(b), _mm512_set1_epi32(0xffff0000), 0xf8); /* a | b & c */
}

/* What the upper half leaves: of the 11 bits of fp16 the last three. */
INLINE __m512 rest(__m512 a) {
  const __m512i bits = _mm512_and_si512(_mm512_castps_si512(a), _mm512_set1_epi32(0xffff0000));
  return _mm512_sub_ps(a, _mm512_castsi512_ps(bits));
}

INLINE void split(Splitting *s, const int pairs) {
  for (int i = 0; i < pairs; i++, s->pair++, s->weights += 4 * COLUMNS) {
    prefetch(&s->next, s->ahead, 4 * COLUMNS);
#pragma GCC unroll 2
    for (int half = 0; half < 2; half++) {
      const __m256i *weights = (const __m256i *)s->weights + half;
      const __m512 a = _mm512_cvtph_ps(_mm256_load_si256(weights)), b = _mm512_cvtph_ps(_mm256_load_si256(weights + 2));
      s->to->high[half][s->pair] = upper(a, b);
      s->to->low[half][s->pair] = upper(rest(a), rest(b));
    }
  }
}

/* Adds the products of tiles; meanwhile weights are split, so that their instructions run beside the tiles'. */
TILES INLINE void accumulate_tiles(const int others, Splitting *s) {
  const int pairs = others ? 1 : 2;
  _tile_dpbf16ps(0, 4, 6);
  split(s, pairs);
  _tile_dpbf16ps(1, 4, 7);
  split(s, pairs);
  if (!others) return;
  _tile_dpbf16ps(2, 5, 6);
  split(s, pairs);
  _tile_dpbf16ps(3, 5, 7);
  split(s, pairs);
}

TILES INLINE void load_rows(const int others, const Linear *l, const char *steps) {
  _tile_loadd(4, steps, l->row_bytes);
  if (others) _tile_loadd(5, steps + TILE_ROWS * l->row_bytes, l->row_bytes);
}

TILES INLINE void load_columns(const __m512i (*half)[TILE_ROWS]) {
  _tile_loadd(6, half[0], TILE_ROW_BYTES);
  _tile_loadd(7, half[1], TILE_ROW_BYTES);
}

/* Each sum is taken in the same order, whatever the number of rows. */
TILES INLINE void multiply_rows(
    const int others, const Linear *l, Block block, int64_t panel, const char *next, Ahead ahead) {
  const char *weights = l->weights + panel * l->panel_bytes;
  const float *bias = (const float *)(weights + 2 * COLUMNS * l->in);
  const char *steps = l->steps + block.first * l->row_bytes;
  Halves halves[2];
  ALIGNED float sums[2 * TILE_ROWS][COLUMNS];
  zero_sums(others);
  Splitting s = {.weights = weights, .to = halves};
  split(&s, TILE_ROWS);
  s.next = next;
  s.ahead = ahead;
  for (int64_t i = 0; i < l->in; i += INPUTS, steps += TILE_ROW_BYTES) {
    const Halves *from = s.to;
    s.to = &halves[from == halves];
    s.pair = 0;
    if (i + INPUTS == l->in) s.weights = weights; /* none follow */
    load_rows(others, l, steps);
    load_columns(from->high);
    accumulate_tiles(others, &s);
    load_columns(from->low);
    accumulate_tiles(others, &s);
    load_rows(others, l, steps + 2 * l->in);
    accumulate_tiles(others, &s);
    load_columns(from->high);
    accumulate_tiles(others, &s);
  }
  store_sums(others, (char *)sums);
  for (int64_t r = 0; r < block.count; r++)
#pragma GCC unroll 2
    for (int half = 0; half < 32; half += 16) {
      const __m512 y = _mm512_load_ps(sums[r] + half);
      finish(l, y, _mm512_load_ps(bias + half), block.first + r, panel * COLUMNS + half);
    }
}

/* Up to 32 rows of a multiple of 32 numbers each, one of a tile's rows more for a block that has one less than the
   largest: see linear_int8.c. */
TILES static void multiply_by_tiles(const Linear *l, Block block, int64_t panel, const char *next, Ahead ahead) {
  if (l->tile_rows > TILE_ROWS) multiply_rows(1, l, block, panel, next, ahead);
  else multiply_rows(0, l, block, panel, next, ahead);
}

/* weights: int8 [panels, 64 in + 128]: fp16 [in, 32], then 32 biases in fp32; scratch of at least 4 rows * in bytes
   for the steps */
void linear_fp16(const Value *v) {
  Linear l = arguments(v);
  l.row_bytes = 4 * l.in;
  if (l.rows > 0 && l.in % INPUTS == 0 && has_amx()) use_tiles(&l, multiply_by_tiles);
  else l.steps = 0; /* rows are multiplied as they are */
  run(&l, v);
}
