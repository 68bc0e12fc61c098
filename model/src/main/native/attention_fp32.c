/* Attention to keys [size, TOKENS] and values [TOKENS, size] in fp32, arithmetic in fp32. */
#include "attention.h"

static void keep(const Attention *a, int64_t token, int64_t head, char *keys, char *values, int64_t place) {
  const float *key = joined_at(a, token, KEY, head), *value = joined_at(a, token, VALUE, head);
  for (int64_t i = 0; i < a->size; i++) ((float *)keys)[i * TOKENS + place] = key[i];
  for (int64_t i = 0; i < a->size; i += 16) {
    const __mmask16 mask = first_of(a->size - i);
    _mm512_mask_storeu_ps((float *)values + place * a->size + i, mask, _mm512_maskz_loadu_ps(mask, value + i));
  }
}

/* Queries are used as they are. */
static void prepare(const Attention *a, Tile *tile, int64_t count) {}

/* Adds the values of one token, each times its weight, to the sums of all queries, or of those that see it. */
INLINE void add(const int count, const int all, __m512 sums[][4], const float *values, const Scores *softmax, int64_t t,
    const __mmask16 *masks) {
  __m512 value[4];
#pragma GCC unroll 4
  for (int j = 0; j < 4; j++) value[j] = _mm512_maskz_loadu_ps(masks[j], values + 16 * j);
#pragma GCC unroll 6
  for (int q = 0; q < count; q++) {
    if (!all && !(softmax->seen[q] >> t & 1)) continue; /* what is no number would be none times zero either */
    const __m512 weight = _mm512_set1_ps(softmax->weights[q][t]);
#pragma GCC unroll 4
    for (int j = 0; j < 4; j++) sums[q][j] = _mm512_fmadd_ps(weight, value[j], sums[q][j]);
  }
}

INLINE void read_by(const int count, const Attention *a, Block *block, Tile *tile, int64_t at) {
  const int64_t size = a->size, width = 3 * a->heads * size, groups = block->groups;
  const float *query = joined_at(a, tile->first + at, QUERY, tile->head);
  const float *keys = (const float *)block->keys, *values = (const float *)block->values;
  const char *next_keys = block->next_keys, *next_values = block->next_values;
  const __m512 scale = _mm512_set1_ps(LOG2_E / __builtin_sqrtf(size));
  Scores softmax;
  __m512 scores[MOST_QUERIES][4];
#pragma GCC unroll 6
  for (int q = 0; q < count; q++) scores[q][0] = scores[q][1] = scores[q][2] = scores[q][3] = _mm512_setzero_ps();
  for (int64_t i = 0; i < size; i++) {
    next_keys = prefetch(next_keys, i, groups, 4 * TOKENS);
    __m512 key[4];
#pragma GCC unroll 4
    for (int j = 0; j < 4; j++) key[j] = _mm512_loadu_ps(keys + i * TOKENS + 16 * j);
#pragma GCC unroll 6
    for (int q = 0; q < count; q++) {
      const __m512 number = _mm512_set1_ps(query[q * width + i]);
#pragma GCC unroll 4
      for (int j = 0; j < 4; j++) scores[q][j] = _mm512_fmadd_ps(number, key[j], scores[q][j]);
    }
  }
#pragma GCC unroll 6
  for (int q = 0; q < count; q++)
#pragma GCC unroll 4
    for (int j = 0; j < 4; j++) _mm512_store_ps(softmax.weights[q] + 16 * j, _mm512_mul_ps(scores[q][j], scale));
  find_seen(count, a, tile, at, block, &softmax);
  weigh(count, tile, at, block, &softmax);
  const int by_all = _mm_popcnt_u64(softmax.seen[0]), by_any = _mm_popcnt_u64(softmax.seen[count - 1]);
  for (int64_t i = 0; i < size; i += 64) {
    __mmask16 masks[4];
    __m512 sums[MOST_QUERIES][4];
    numbers_from(a, i, masks);
#pragma GCC unroll 6
    for (int q = 0; q < count; q++) take_over(a, tile, at + q, block, i, masks, softmax.factors[q], sums[q]);
    for (int t = 0; t < by_all; t++) {
      next_values = prefetch(next_values, t, groups, 256);
      add(count, 1, sums, values + t * size + i, &softmax, t, masks);
    }
    for (int t = by_all; t < by_any; t++) add(count, 0, sums, values + t * size + i, &softmax, t, masks);
#pragma GCC unroll 6
    for (int q = 0; q < count; q++) put(a, tile, at + q, block, i, masks, sums[q]);
  }
  block->next_keys = next_keys;
  block->next_values = next_values;
}

static void read(int64_t count, const Attention *a, Block *block, Tile *tile, int64_t at) {
  WITH_QUERIES(read_by, count, a, block, tile, at)
}

/* keys, values: fp32 [blocks, heads, 64 size] */
void attention_fp32(const Value *v) { run(v, 4 * TOKENS * size(v[JOINED], 3)); }
