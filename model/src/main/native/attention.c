/* Attention of new tokens to the tokens of their conversations, whose keys and values are in blocks of 64. Softmax
   is taken over the blocks as they come (Milakov and Gimelshein 2018), always from the first, each in the same way:
   a token's result depends neither on other conversations nor on the pieces in which a prompt is read. */
#include "libtorch.h"
#include "vectors.h"

enum { TOKENS = 64, MOST_QUERIES = 6, TILE = 64 };

typedef struct {
  int64_t tokens, heads, size; /* of a head */
  const float *joined;         /* [tokens, 3, heads, size], queries, keys and values */
  char *keys, *values;         /* [blocks, heads, size, TOKENS] and [blocks, heads, TOKENS, size] */
  int64_t bytes;               /* of one of their numbers */
  const int64_t *positions;    /* [tokens] */
  const int64_t *begins;       /* [tokens], where in `table` the blocks of their conversations begin */
  const int64_t *table;
  const int64_t *tiles; /* [tile_count + 1], the first tokens of tiles, then the number of tokens */
  int64_t tile_count;
  float *out;                    /* [tokens, heads, size] */
  int64_t next_token, next_task; /* which no thread has taken */
} Attention;

/* The running softmax of one query. */
typedef struct {
  float greatest, sum;
} Softmax;

INLINE __m512 load(const char *numbers, int64_t at, __mmask16 mask, const int half) {
  if (half) return _mm512_cvtph_ps(_mm256_maskz_loadu_epi16(mask, (const uint16_t *)numbers + at));
  return _mm512_maskz_loadu_ps(mask, (const float *)numbers + at);
}

/* Where a head's keys, or values, begin in a block of a token's conversation. */
INLINE char *block_at(const Attention *a, char *numbers, int64_t token, int64_t block, int64_t head) {
  const int64_t number = a->table[a->begins[token] + block];
  return numbers + (number * a->heads + head) * a->size * TOKENS * a->bytes;
}

/* Writes a token's keys and values. */
INLINE void keep(const Attention *a, int64_t token, const int half) {
  const int64_t width = a->heads * a->size, block = a->positions[token] / TOKENS, place = a->positions[token] % TOKENS;
  for (int64_t head = 0; head < a->heads; head++) {
    const float *key = a->joined + (3 * token + 1) * width + head * a->size, *value = key + width;
    char *keys = block_at(a, a->keys, token, block, head), *values = block_at(a, a->values, token, block, head);
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
}

/* One head of `count` neighbouring tokens and one block. While keys are read, the values come from memory, and
   `next` while values are; both only where `next` is given. */
INLINE void read(const int count, const Attention *a, Softmax *states, int64_t first, int64_t head, int64_t block, const char *keys, const char *values, const char *next, const int half) {
  const int64_t size = a->size, width = a->heads * size;
  const int64_t *positions = a->positions + first;
  const float *query = a->joined + 3 * first * width + head * size;
  const int64_t left = positions[count - 1] + 1 - block * TOKENS, seen = left < TOKENS ? left : TOKENS; /* by the last */
  const __m512 root = _mm512_set1_ps(1 / __builtin_sqrtf(size));
  const int bytes = half ? 2 : 4;
  float weights[MOST_QUERIES][TOKENS], factors[MOST_QUERIES];
  __m512 scores[MOST_QUERIES][4];
#pragma GCC unroll 6
  for (int q = 0; q < count; q++) scores[q][0] = scores[q][1] = scores[q][2] = scores[q][3] = _mm512_setzero_ps();
  for (int64_t i = 0; i < size; i++) {
    if (next)
      for (int at = 0; at < TOKENS * bytes; at += 64) _mm_prefetch(values + i * TOKENS * bytes + at, _MM_HINT_T0);
    __m512 key[4];
#pragma GCC unroll 4
    for (int j = 0; j < 4; j++) key[j] = load(keys, i * TOKENS + 16 * j, 0xffff, half);
#pragma GCC unroll 6
    for (int q = 0; q < count; q++) {
      const __m512 number = _mm512_set1_ps(query[3 * q * width + i]);
#pragma GCC unroll 4
      for (int j = 0; j < 4; j++) scores[q][j] = _mm512_fmadd_ps(number, key[j], scores[q][j]);
    }
  }
#pragma GCC unroll 6
  for (int q = 0; q < count; q++) {
    const int64_t own = positions[q] + 1 - block * TOKENS;
    __m512 most = _mm512_set1_ps(states[q].greatest), sum = _mm512_setzero_ps();
#pragma GCC unroll 4
    for (int j = 0; j < 4; j++) {
      scores[q][j] = _mm512_mul_ps(scores[q][j], root);
      most = _mm512_mask_max_ps(most, first_of(own - 16 * j), most, scores[q][j]);
    }
    const float greatest = _mm512_reduce_max_ps(most);
#pragma GCC unroll 4
    for (int j = 0; j < 4; j++) {
      const __m512 weight = exponential(_mm512_sub_ps(scores[q][j], _mm512_set1_ps(greatest)));
      const __m512 masked = _mm512_maskz_mov_ps(first_of(own - 16 * j), weight);
      _mm512_storeu_ps(weights[q] + 16 * j, masked);
      sum = _mm512_add_ps(sum, masked);
    }
    factors[q] = block ? _mm512_cvtss_f32(exponential(_mm512_set1_ps(states[q].greatest - greatest))) : 0;
    states[q] = (Softmax){greatest, states[q].sum * factors[q] + _mm512_reduce_add_ps(sum)};
  }
  for (int64_t i = 0; i < size; i += 64) {
    float *out = a->out + first * width + head * size + i;
    __mmask16 masks[4];
    __m512 sums[MOST_QUERIES][4];
#pragma GCC unroll 4
    for (int j = 0; j < 4; j++) masks[j] = first_of(size - i - 16 * j);
#pragma GCC unroll 6
    for (int q = 0; q < count; q++)
#pragma GCC unroll 4
      for (int j = 0; j < 4; j++) {
        const __m512 before = block ? _mm512_maskz_loadu_ps(masks[j], out + q * width + 16 * j) : _mm512_setzero_ps();
        sums[q][j] = _mm512_mul_ps(_mm512_set1_ps(factors[q]), before);
      }
    for (int64_t t = 0; t < seen; t++) {
      if (next)
        for (int at = 0; at < 64 * bytes; at += 64) _mm_prefetch(next + (i + t) * 64 * bytes + at, _MM_HINT_T0);
      __m512 value[4];
#pragma GCC unroll 4
      for (int j = 0; j < 4; j++) value[j] = load(values, t * size + i + 16 * j, masks[j], half);
#pragma GCC unroll 6
      for (int q = 0; q < count; q++) {
        const __m512 weight = _mm512_set1_ps(weights[q][t]);
#pragma GCC unroll 4
        for (int j = 0; j < 4; j++) sums[q][j] = _mm512_fmadd_ps(weight, value[j], sums[q][j]);
      }
    }
#pragma GCC unroll 6
    for (int q = 0; q < count; q++) {
      const __m512 by = _mm512_set1_ps(positions[q] / TOKENS == block ? 1 / states[q].sum : 1);
#pragma GCC unroll 4
      for (int j = 0; j < 4; j++)
        _mm512_mask_storeu_ps(out + q * width + 16 * j, masks[j], _mm512_mul_ps(sums[q][j], by));
    }
  }
}

/* The keys that a task begins with. */
INLINE const char *begin_of(const Attention *a, int64_t task) {
  return block_at(a, a->keys, a->tiles[task / a->heads], 0, task % a->heads);
}

/* One head of a tile, the tokens of which are neighbours in one conversation: each block is read once. */
INLINE void attend(const Attention *a, int64_t task, int64_t following, const int half) {
  const int64_t tile = task / a->heads, head = task % a->heads, first = a->tiles[tile], end = a->tiles[tile + 1];
  const int64_t blocks = a->positions[end - 1] / TOKENS + 1;
  Softmax states[TILE];
  for (int64_t q = 0; q < end - first; q++) states[q] = (Softmax){-__builtin_inff(), 0};
  for (int64_t b = 0; b < blocks; b++) {
    const char *keys = block_at(a, a->keys, first, b, head), *values = block_at(a, a->values, first, b, head);
    const char *next = b + 1 < blocks ? block_at(a, a->keys, first, b + 1, head)
        : following < a->tile_count * a->heads ? begin_of(a, following) : keys;
    for (int64_t token = first, count; token < end; token += count) {
      count = end - token < MOST_QUERIES ? end - token : MOST_QUERIES;
      if (a->positions[token + count - 1] < b * TOKENS) continue; /* they see nothing of it */
      Softmax *own = states + (token - first);
      switch (count) {
        case 1: read(1, a, own, token, head, b, keys, values, next, half); break;
        case 2: read(2, a, own, token, head, b, keys, values, next, half); break;
        case 3: read(3, a, own, token, head, b, keys, values, next, half); break;
        case 4: read(4, a, own, token, head, b, keys, values, next, half); break;
        case 5: read(5, a, own, token, head, b, keys, values, next, half); break;
        case 6: read(6, a, own, token, head, b, keys, values, next, half); break;
      }
      next = 0;
    }
  }
}

INLINE void share(Attention *a, const int half) {
  for (int64_t token; (token = take(&a->next_token)) < a->tokens;) keep(a, token, half);
  GOMP_barrier();
  const int64_t tasks = a->tile_count * a->heads;
  for (int64_t task = take(&a->next_task), following; task < tasks; task = following) {
    following = take(&a->next_task);
    attend(a, task, following, half);
  }
}

static void work_fp16(void *a) { share(a, 1); }

static void work_fp32(void *a) { share(a, 0); }

enum { JOINED, KEYS, VALUES, POSITIONS, BEGINS, TABLE, TILES, HALF, OUT };

/* joined: fp32; keys, values: fp16 where `half`, else fp32; positions, begins, table, tiles: int64; a tile has at
   most 64 tokens */
void attention(Value *v, uint64_t count, uint64_t results) {
  const int half = v[HALF] & 1;
  Attention a = {
      .tokens = size(v[JOINED], 0), .heads = size(v[JOINED], 2), .size = size(v[JOINED], 3),
      .joined = data(v[JOINED]), .keys = data(v[KEYS]), .values = data(v[VALUES]), .bytes = half ? 2 : 4,
      .positions = data(v[POSITIONS]), .begins = data(v[BEGINS]), .table = data(v[TABLE]), .tiles = data(v[TILES]),
      .tile_count = size(v[TILES], 0) - 1, .out = data(v[OUT])};
  parallel(half ? work_fp16 : work_fp32, &a, a.tokens * a.heads * a.size * TOKENS);
  for (int i = JOINED; i <= OUT; i++)
    if (i != HALF) release(v[i]);
}
