/* Attention to keys and values in int16, those of each token with one scale, by exact sums of integers: queries and
   weights become integers, too, each query with one scale, its weights with one for every block. */
#include "attention.h"
#include "int16.h"

/* Numbers of a head, in pairs. */
INLINE int64_t pairs(const Attention *a) { return (a->size + 1) / 2; }

/* Keys are [pairs, TOKENS, 2], values [TOKENS / 2, 2 pairs, 2]; the steps of the tokens follow. */
INLINE float *steps_of(const Attention *a, const char *numbers) {
  return (float *)(numbers + 4 * TOKENS * pairs(a));
}

static void keep(const Attention *a, int64_t token, int64_t head, char *keys, char *values, int64_t place) {
  ALIGNED int16_t steps[TILE_NUMBERS];
  steps[2 * pairs(a) - 1] = 0;
  steps_of(a, keys)[place] = to_int16(joined_at(a, token, KEY, head), a->size, steps);
  for (int64_t i = 0; i < pairs(a); i++) ((int32_t *)keys)[i * TOKENS + place] = ((int32_t *)steps)[i];
  steps_of(a, values)[place] = to_int16(joined_at(a, token, VALUE, head), a->size, steps);
  char *value = values + place / 2 * 8 * pairs(a);
  for (int64_t i = 0; i < a->size; i += 16) {
    const __m512i wide = _mm512_cvtepi16_epi32(_mm256_load_si256((const __m256i *)(steps + i)));
    const __mmask32 evens = 0x55555555 >> (i + 16 > a->size ? 2 * (i + 16 - a->size) : 0);
    if (place % 2) _mm512_mask_storeu_epi16(value + 4 * i, evens << 1, _mm512_slli_epi32(wide, 16));
    else _mm512_mask_storeu_epi16(value + 4 * i, evens, wide);
  }
}

/* Scores come out as logarithms to the base of 2. */
static void prepare(const Attention *a, Tile *tile, int64_t count) {
  const float scale = LOG2_E / __builtin_sqrtf(a->size);
  for (int64_t q = 0; q < count; q++) {
    int16_t *query = tile->queries + q * 2 * pairs(a);
    query[2 * pairs(a) - 1] = 0;
    tile->steps[q] = scale * to_int16(joined_at(a, tile->first + q, QUERY, tile->head), a->size, query);
  }
}

/* Of vectors of pairs, `stride` apart, with 64 columns of as many rows, `row_bytes` apart. */
typedef struct {
  int64_t pairs, stride, row_bytes;
  const int32_t *vectors;
  const char *columns;
  __mmask16 masks[4]; /* of the columns that there are */
  ALIGNED int32_t sums[MOST_QUERIES][TOKENS];
} Products;

INLINE void multiply(const int count, Products *p, const char **next_block, int64_t groups) {
  const char *columns = p->columns, *next = *next_block;
  __m512i sums[MOST_QUERIES][4];
#pragma GCC unroll 6
  for (int q = 0; q < count; q++) sums[q][0] = sums[q][1] = sums[q][2] = sums[q][3] = _mm512_setzero_si512();
  for (int64_t i = 0; i < p->pairs; i++, columns += p->row_bytes) {
    next = prefetch(next, i, groups, 4 * TOKENS);
    __m512i column[4];
#pragma GCC unroll 4
    for (int j = 0; j < 4; j++) column[j] = _mm512_maskz_loadu_epi32(p->masks[j], columns + 64 * j);
#pragma GCC unroll 6
    for (int q = 0; q < count; q++) {
      const __m512i two = _mm512_set1_epi32(p->vectors[q * p->stride + i]);
#pragma GCC unroll 4
      for (int j = 0; j < 4; j++) accumulate(&sums[q][j], two, column[j]);
    }
  }
#pragma GCC unroll 6
  for (int q = 0; q < count; q++)
#pragma GCC unroll 4
    for (int j = 0; j < 4; j++) _mm512_store_si512(p->sums[q] + 16 * j, sums[q][j]);
  *next_block = next;
}

/* A function of its own: in `read` GCC 12 keeps the sums in memory. */
static __attribute__((noinline)) void products(int64_t count, Products *p, const char **next, int64_t groups) {
  WITH_QUERIES(multiply, count, p, next, groups)
}

/* Weights of values in steps. */
typedef struct {
  ALIGNED int16_t numbers[MOST_QUERIES][TOKENS];
  float lengths[MOST_QUERIES];
} Steps;

/* What the sums with the keys amount to as scores. */
INLINE void score(const int count, const Block *block, const Attention *a, const Tile *tile, int64_t at,
    const Products *p, Scores *scores) {
  const float *key_steps = steps_of(a, block->keys);
#pragma GCC unroll 6
  for (int q = 0; q < count; q++)
#pragma GCC unroll 4
    for (int j = 0; j < 4; j++) {
      const __m512 by = _mm512_mul_ps(_mm512_set1_ps(tile->steps[at + q]), _mm512_loadu_ps(key_steps + 16 * j));
      const __m512 sums = _mm512_cvtepi32_ps(_mm512_load_si512(p->sums[q] + 16 * j));
      _mm512_store_ps(scores->weights[q] + 16 * j, _mm512_mul_ps(sums, by));
    }
}

/* Rounds weights, each times the step of its value, which may be no number where it is not seen, so that a query's
   amount to at most NORM, but for rounding. None is negative. */
INLINE void round_weights(const int count, const Block *block, const Attention *a, Scores *scores, Steps *steps) {
  const float *value_steps = steps_of(a, block->values);
#pragma GCC unroll 6
  for (int q = 0; q < count; q++) {
    __m512 weights[4];
#pragma GCC unroll 4
    for (int j = 0; j < 4; j++) {
      const __m512 step = _mm512_loadu_ps(value_steps + 16 * j);
      weights[j] = _mm512_mul_ps(_mm512_load_ps(scores->weights[q] + 16 * j), step);
    }
    steps->lengths[q] = replace_weights(scores, q, weights) / NORM;
  }
#pragma GCC unroll 6
  for (int q = 0; q < count; q++) {
    const __m512 factor = _mm512_set1_ps(steps->lengths[q] > 1e-35f ? 1 / steps->lengths[q] : 0);
#pragma GCC unroll 4
    for (int j = 0; j < 4; j++) {
      const __m512 scaled = _mm512_mul_ps(_mm512_load_ps(scores->weights[q] + 16 * j), factor);
      const __m256i rounded = _mm512_cvtepi32_epi16(_mm512_cvtps_epi32(scaled));
      _mm256_store_si256((__m256i *)steps->numbers[q] + j, rounded);
    }
  }
}

/* Turns the sums with the keys into weights of the values. */
INLINE void weigh_values(const int count, const Block *block, const Attention *a, Tile *tile, int64_t at,
    const Products *p, Scores *scores, Steps *steps) {
  find_seen(count, a, tile, at, block, scores);
  score(count, block, a, tile, at, p, scores);
  weigh(count, tile, at, block, scores);
  round_weights(count, block, a, scores, steps);
}

/* Adds sums of 64 of the values' numbers from i on to those of the blocks before. */
INLINE void add_values(const int count, const Block *block, const Attention *a, Tile *tile, int64_t at,
    const Products *p, const Scores *scores, const Steps *steps, int64_t i) {
  __mmask16 masks[4];
  numbers_from(a, i, masks);
#pragma GCC unroll 6
  for (int q = 0; q < count; q++) {
    __m512 sums[4];
    take_over(a, tile, at + q, block, i, masks, scores->factors[q], sums);
#pragma GCC unroll 4
    for (int j = 0; j < 4; j++) {
      const __m512 sum = _mm512_cvtepi32_ps(_mm512_load_si512(p->sums[q] + 16 * j));
      sums[j] = _mm512_fmadd_ps(sum, _mm512_set1_ps(steps->lengths[q]), sums[j]);
    }
    put(a, tile, at + q, block, i, masks, sums);
  }
}

static void read(int64_t count, const Attention *a, Block *block, Tile *tile, int64_t at) {
  const int64_t half = pairs(a);
  Scores scores;
  Steps steps;
  Products p;
  p.pairs = p.stride = half;
  p.row_bytes = 4 * TOKENS;
  p.vectors = (const int32_t *)tile->queries + at * half;
  p.columns = block->keys;
  for (int j = 0; j < 4; j++) p.masks[j] = 0xffff;
  products(count, &p, &block->next_keys, block->groups);
  WITH_QUERIES(weigh_values, count, block, a, tile, at, &p, &scores, &steps)
  p.pairs = p.stride = TOKENS / 2;
  p.row_bytes = 8 * half;
  p.vectors = (const int32_t *)steps.numbers;
  for (int64_t i = 0; i < a->size; i += 64) {
    p.columns = block->values + 4 * i;
    for (int j = 0; j < 4; j++) p.masks[j] = first_of(2 * half - i - 16 * j);
    products(count, &p, &block->next_values, block->groups);
    WITH_QUERIES(add_values, count, block, a, tile, at, &p, &scores, &steps, i)
  }
}

/* keys, values: int16 [blocks, heads, 64 (2 pairs + 2)] */
void attention_int16(const Value *v) {
  run(v, 2 * TOKENS * ((size(v[JOINED], 3) + 1) / 2 * 2 + 2));
}
