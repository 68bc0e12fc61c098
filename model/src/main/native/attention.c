/* Attention of new tokens to the tokens of their conversations, whose keys and values are in blocks of 64. Softmax
   is taken over the blocks as they come (Milakov and Gimelshein 2018), always from the first, each in the same way:
   a token's result depends neither on other conversations nor on the pieces in which a prompt is read. */
#include "libtorch.h"
#include "vectors.h"

enum { TOKENS = 64, MOST_QUERIES = 6, TILE = 64, WIDEST = 128 };

typedef struct {
  int64_t rows, heads, size; /* of a head */
  const float *joined;       /* [tokens, 3, heads, size], queries, keys and values */
  char *keys, *values;       /* [blocks, heads, size, TOKENS] and [blocks, heads, TOKENS, size] */
  int64_t bytes;             /* of one of their numbers */
  const int64_t *positions;  /* [tokens] */
  const int64_t *firsts;     /* [rows + 1], the first token of each conversation, then the number of tokens */
  const int64_t *begins;     /* [rows], where their blocks begin in `table` */
  const int64_t *table;
  float *out;        /* [tokens, heads, size] */
  int64_t next_task; /* which no thread has taken: a head of a row */
} Attention;

/* The running softmax of a tile's queries. Each thread has its own: next to each other in `out`, numbers that two
   threads write would go from core to core. */
typedef struct {
  float greatest[TILE], sum[TILE];
  float *out; /* [TILE, size], not divided by the sums */
  int64_t stride;
} Softmax;

INLINE __m512 load(const char *numbers, int64_t at, __mmask16 mask, const int half) {
  if (half) return _mm512_cvtph_ps(_mm256_maskz_loadu_epi16(mask, (const uint16_t *)numbers + at));
  return _mm512_maskz_loadu_ps(mask, (const float *)numbers + at);
}

/* Where the keys, or the values, of a row's head begin in one of its blocks. */
INLINE char *block_at(const Attention *a, char *numbers, int64_t row, int64_t block, int64_t head) {
  const int64_t number = a->table[a->begins[row] + block];
  return numbers + (number * a->heads + head) * a->size * TOKENS * a->bytes;
}

/* Writes a token's key and value of one head. */
INLINE void keep(const Attention *a, int64_t row, int64_t token, int64_t head, const int half) {
  const int64_t block = a->positions[token] / TOKENS, place = a->positions[token] % TOKENS;
  const float *key = a->joined + ((3 * token + 1) * a->heads + head) * a->size, *value = key + a->heads * a->size;
  char *keys = block_at(a, a->keys, row, block, head), *values = block_at(a, a->values, row, block, head);
  for (int64_t i = 0; i < a->size; i += 16) {
    const __mmask16 mask = first_of(a->size - i);
    const __m512 v = _mm512_maskz_loadu_ps(mask, value + i);
    if (half) {
      uint16_t column[16];
      _mm256_storeu_si256((__m256i *)column, _mm512_cvtps_ph(_mm512_maskz_loadu_ps(mask, key + i), 0));
      for (int64_t j = 0; j < 16 && i + j < a->size; j++) ((uint16_t *)keys)[(i + j) * TOKENS + place] = column[j];
      _mm256_mask_storeu_epi16((uint16_t *)values + place * a->size + i, mask, _mm512_cvtps_ph(v, 0));
    } else {
      for (int64_t j = 0; j < 16 && i + j < a->size; j++) ((float *)keys)[(i + j) * TOKENS + place] = key[i + j];
      _mm512_mask_storeu_ps((float *)values + place * a->size + i, mask, v);
    }
  }
}

/* Numbers of fp16 in fp32. */
INLINE const char *widen(const char *numbers, float *wide, int64_t count) {
  for (int64_t i = 0; i < count; i += 16) _mm512_store_ps(wide + i, load(numbers, i, 0xffff, 1));
  return (const char *)wide;
}

/* What some neighbouring tokens of a tile read of one block, and what is fetched meanwhile, if anything is. */
typedef struct {
  int64_t head, first, block; /* the first token of the tile; the block's place in the row */
  const char *keys, *values;
  const char *after_keys, *after_values;
} Read;

/* Adds the values of one token, each times its weight, to the sums of those queries that see it. */
INLINE void add(const int count, __m512 sums[][4], const Read *r, float weights[][TOKENS], int64_t t, int64_t at,
    const __mmask16 *masks, const int64_t *own, const int half) {
  __m512 value[4];
#pragma GCC unroll 4
  for (int j = 0; j < 4; j++) value[j] = load(r->values, at + 16 * j, masks[j], half);
#pragma GCC unroll 6
  for (int q = 0; q < count; q++) {
    if (own && t >= own[q]) continue; /* what is no number would be none times zero either */
    const __m512 weight = _mm512_set1_ps(weights[q][t]);
#pragma GCC unroll 4
    for (int j = 0; j < 4; j++) sums[q][j] = _mm512_fmadd_ps(weight, value[j], sums[q][j]);
  }
}

INLINE void read(const int count, const Attention *a, const Read *r, Softmax *softmax, int64_t at, const int half) {
  const int64_t size = a->size, width = a->heads * size, block = r->block;
  const int64_t *positions = a->positions + r->first + at;
  const float *query = a->joined + 3 * (r->first + at) * width + r->head * size;
  int64_t own[MOST_QUERIES]; /* how many tokens of the block each query sees; of negative numbers none */
#pragma GCC unroll 6
  for (int q = 0; q < count; q++) own[q] = positions[q] + 1 - block * TOKENS;
  const int64_t by_all = own[0] < TOKENS ? own[0] : TOKENS;
  const int64_t by_any = own[count - 1] < TOKENS ? own[count - 1] : TOKENS;
  const __m512 scale = _mm512_set1_ps(LOG2_E / __builtin_sqrtf(size));
  const int64_t bytes = a->bytes; /* of what is fetched */
  float weights[MOST_QUERIES][TOKENS], factors[MOST_QUERIES];
  __m512 scores[MOST_QUERIES][4];
#pragma GCC unroll 6
  for (int q = 0; q < count; q++) scores[q][0] = scores[q][1] = scores[q][2] = scores[q][3] = _mm512_setzero_ps();
  for (int64_t i = 0; i < size; i++) {
    if (r->after_keys)
      for (int64_t b = 0; b < TOKENS * bytes; b += 64)
        _mm_prefetch(r->after_keys + i * TOKENS * bytes + b, _MM_HINT_T0);
    __m512 key[4];
#pragma GCC unroll 4
    for (int j = 0; j < 4; j++) key[j] = load(r->keys, i * TOKENS + 16 * j, 0xffff, half);
#pragma GCC unroll 6
    for (int q = 0; q < count; q++) {
      const __m512 number = _mm512_set1_ps(query[3 * q * width + i]);
#pragma GCC unroll 4
      for (int j = 0; j < 4; j++) scores[q][j] = _mm512_fmadd_ps(number, key[j], scores[q][j]);
    }
  }
#pragma GCC unroll 6
  for (int q = 0; q < count; q++) {
    float *greatest = softmax->greatest + at + q, *sum = softmax->sum + at + q;
    __m512 most = _mm512_set1_ps(*greatest), all = _mm512_setzero_ps();
#pragma GCC unroll 4
    for (int j = 0; j < 4; j++) {
      scores[q][j] = _mm512_mul_ps(scores[q][j], scale);
      most = _mm512_mask_max_ps(most, first_of(own[q] - 16 * j), most, scores[q][j]);
    }
    const float now = _mm512_reduce_max_ps(most);
#pragma GCC unroll 4
    for (int j = 0; j < 4; j++) {
      const __m512 weight = power_of_two(_mm512_sub_ps(scores[q][j], _mm512_set1_ps(now)));
      const __m512 masked = _mm512_maskz_mov_ps(first_of(own[q] - 16 * j), weight);
      _mm512_storeu_ps(weights[q] + 16 * j, masked);
      all = _mm512_add_ps(all, masked);
    }
    factors[q] = block ? _mm512_cvtss_f32(power_of_two(_mm512_set1_ps(*greatest - now))) : 0;
    *sum = *sum * factors[q] + _mm512_reduce_add_ps(all);
    *greatest = now;
  }
  for (int64_t i = 0; i < size; i += 64) {
    float *before = softmax->out + at * softmax->stride + i;
    float *out = a->out + (r->first + at) * width + r->head * size + i;
    __mmask16 masks[4];
    __m512 sums[MOST_QUERIES][4];
#pragma GCC unroll 4
    for (int j = 0; j < 4; j++) masks[j] = first_of(size - i - 16 * j);
#pragma GCC unroll 6
    for (int q = 0; q < count; q++)
#pragma GCC unroll 4
      for (int j = 0; j < 4; j++) {
        sums[q][j] = _mm512_maskz_loadu_ps(block ? masks[j] : 0, before + q * softmax->stride + 16 * j);
        sums[q][j] = _mm512_mul_ps(_mm512_set1_ps(factors[q]), sums[q][j]);
      }
    for (int64_t t = 0; t < by_all; t++) {
      if (r->after_values)
        for (int64_t b = 0; b < 64 * bytes; b += 64)
          _mm_prefetch(r->after_values + (i + t) * 64 * bytes + b, _MM_HINT_T0);
      add(count, sums, r, weights, t, t * size + i, masks, 0, half);
    }
    for (int64_t t = by_all > 0 ? by_all : 0; t < by_any; t++)
      add(count, sums, r, weights, t, t * size + i, masks, own, half);
#pragma GCC unroll 6
    for (int q = 0; q < count; q++) {
      const int64_t last = positions[q] / TOKENS;
      const __m512 by = _mm512_set1_ps(1 / softmax->sum[at + q]);
#pragma GCC unroll 4
      for (int j = 0; j < 4; j++)
        if (last == block) _mm512_mask_storeu_ps(out + q * width + 16 * j, masks[j], _mm512_mul_ps(sums[q][j], by));
        else if (last > block) _mm512_mask_storeu_ps(before + q * softmax->stride + 16 * j, masks[j], sums[q][j]);
    }
  }
}

INLINE void read_some(int64_t count, const Attention *a, const Read *r, Softmax *softmax, int64_t at, const int half) {
  switch (count) {
    case 1: read(1, a, r, softmax, at, half); break;
    case 2: read(2, a, r, softmax, at, half); break;
    case 3: read(3, a, r, softmax, at, half); break;
    case 4: read(4, a, r, softmax, at, half); break;
    case 5: read(5, a, r, softmax, at, half); break;
    case 6: read(6, a, r, softmax, at, half); break;
  }
}

/* One head of the tokens from `first` to `end` of a row, at most a tile: each block comes from memory once, and is made
   fp32 once where many tokens read it. `next` are the keys that are read afterwards. */
INLINE void attend(const Attention *a, int64_t row, int64_t head, int64_t first, int64_t end, const char *next,
    const int half) {
  const int64_t blocks = a->positions[end - 1] / TOKENS + 1, numbers = a->size * TOKENS;
  const int narrow = a->size <= WIDEST, wide = half && narrow && end - first > MOST_QUERIES;
  ALIGNED float out[TILE * WIDEST], wide_keys[WIDEST * TOKENS], wide_values[WIDEST * TOKENS];
  Softmax softmax;
  softmax.out = out;
  softmax.stride = a->size;
  if (!narrow) softmax.stride = a->heads * a->size, softmax.out = a->out + first * softmax.stride + head * a->size;
  for (int64_t q = 0; q < TILE; q++) softmax.greatest[q] = -__builtin_inff(), softmax.sum[q] = 0;
  for (int64_t b = 0; b < blocks; b++) {
    const int last = b + 1 == blocks;
    Read r = {head, first, b, block_at(a, a->keys, row, b, head), block_at(a, a->values, row, b, head), 0, 0};
    r.after_keys = r.values;
    r.after_values = last ? next : block_at(a, a->keys, row, b + 1, head);
    if (wide) {
      r.after_keys = r.after_values;
      r.after_values = last ? 0 : block_at(a, a->values, row, b + 1, head);
      r.keys = widen(r.keys, wide_keys, numbers);
      r.values = widen(r.values, wide_values, numbers);
    }
    for (int64_t token = first, count; token < end; token += count) {
      count = end - token < MOST_QUERIES ? end - token : MOST_QUERIES;
      if (a->positions[token + count - 1] < b * TOKENS) continue; /* they see nothing of it */
      if (wide) read_some(count, a, &r, &softmax, token - first, 0);
      else read_some(count, a, &r, &softmax, token - first, half);
      r.after_keys = r.after_values = 0;
    }
  }
}

/* What each thread does: heads of rows, one after the other, first their keys and values, then their attention. */
INLINE void share(Attention *a, const int half) {
  const int64_t tasks = a->rows * a->heads;
  for (int64_t task = take(&a->next_task), following; task < tasks; task = following) {
    following = take(&a->next_task);
    const int64_t row = task / a->heads, head = task % a->heads, end = a->firsts[row + 1];
    const char *next = following < tasks ? block_at(a, a->keys, following / a->heads, 0, following % a->heads) : 0;
    for (int64_t token = a->firsts[row]; token < end; token++) keep(a, row, token, head, half);
    for (int64_t first = a->firsts[row]; first < end; first += TILE)
      attend(a, row, head, first, end - first < TILE ? end : first + TILE, next, half);
  }
}

static void work_fp16(void *a) { share(a, 1); }

static void work_fp32(void *a) { share(a, 0); }

enum { JOINED, KEYS, VALUES, POSITIONS, FIRSTS, BEGINS, TABLE, HALF, OUT };

/* joined, out: fp32; keys, values: fp16 where `half`, else fp32; positions, firsts, begins, table: int64 */
void attention(Value *v, uint64_t count, uint64_t results) {
  const int half = v[HALF] & 1;
  Attention a = {
      .rows = size(v[BEGINS], 0), .heads = size(v[JOINED], 2), .size = size(v[JOINED], 3),
      .joined = data(v[JOINED]), .keys = data(v[KEYS]), .values = data(v[VALUES]), .bytes = half ? 2 : 4,
      .positions = data(v[POSITIONS]), .firsts = data(v[FIRSTS]), .begins = data(v[BEGINS]), .table = data(v[TABLE]),
      .out = data(v[OUT])};
  parallel(half ? work_fp16 : work_fp32, &a, size(v[JOINED], 0) * a.heads * a.size * TOKENS);
  for (int i = JOINED; i <= OUT; i++)
    if (i != HALF) release(v[i]);
}
