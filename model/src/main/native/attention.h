/* Attention of new tokens to the tokens of their conversations, whose keys and values are in blocks of 64. Softmax
   is taken over the blocks as they come (Milakov and Gimelshein 2018), always from the first, each in the same way:
   a token's result depends neither on other conversations nor on the pieces in which a prompt is read. A type of keys
   and values includes this and defines how those of a token are kept (`keep`), what is done with queries before they
   are used (`prepare`), and how some of them read a block (`read`). */
#pragma once
#include "libtorch.h"
#include "vectors.h"

/* The numbers of a tile's heads, of which one has at most half as many: see Gpt2Config. */
enum { TOKENS = 64, MOST_QUERIES = 6, TILE = 64, TILE_NUMBERS = 8192, AHEAD = 8 };

typedef struct {
  int64_t rows, heads, size; /* of a head */
  const float *joined;       /* [tokens, 3, heads, size], queries, keys and values */
  char *keys, *values;       /* [blocks, heads, bytes] */
  int64_t bytes;             /* of the keys, or the values, of one head in a block */
  const int64_t *positions;  /* [tokens] */
  const int64_t *firsts;     /* [rows + 1], the first token of each conversation, then the number of tokens */
  const int64_t *begins;     /* [rows], where their blocks begin in `table` */
  const int64_t *table;
  float *out;        /* [tokens, heads, size] */
  int64_t next_task; /* which no thread has taken: a head of a row */
} Attention;

/* Neighbouring tokens of a row whose queries read each block together, and their running softmax. Each thread has its
   own: next to each other in `Attention.out`, numbers that two threads write would go from core to core. */
typedef struct {
  int64_t head, first;
  float greatest[TILE + 16], sum[TILE + 16]; /* a vector from any of them */
  ALIGNED float out[TILE_NUMBERS]; /* [count, size], not divided by the sums */
  ALIGNED int16_t queries[TILE_NUMBERS];
  float steps[TILE]; /* of the queries */
} Tile;

/* A block of a row, and what is fetched from memory while it is read: the next one, of which each group of queries that
   reads this one fetches a part. */
typedef struct {
  int64_t number; /* its place in the row */
  const char *keys, *values;
  const char *next_keys, *next_values; /* none after the last one */
  int64_t groups;
} Block;

/* The first number of what a token's projection says of a head. */
enum { QUERY, KEY, VALUE };
INLINE const float *joined_at(const Attention *a, int64_t token, int which, int64_t head) {
  return a->joined + ((3 * token + which) * a->heads + head) * a->size;
}

/* Where the keys, or the values, of a row's head begin in one of its blocks. */
INLINE char *block_at(const Attention *a, char *numbers, int64_t row, int64_t block, int64_t head) {
  return numbers + (a->table[a->begins[row] + block] * a->heads + head) * a->bytes;
}

static void keep(const Attention *, int64_t token, int64_t head, char *keys, char *values, int64_t place);
static void prepare(const Attention *, Tile *, int64_t count);
static void read(int64_t count, const Attention *, Block *, Tile *, int64_t at);

/* Fetches what the i-th `bytes` of this block stand for, or a part of it: returns what is next. */
INLINE const char *prefetch(const char *next, int64_t i, int64_t groups, int64_t bytes) {
  if (!next || i % groups) return next;
  for (int64_t b = 0; b < bytes; b += 64) _mm_prefetch(next + b, _MM_HINT_T1);
  return next + bytes;
}

/* Some queries and the 64 tokens of a block: scores, logarithms to the base of 2, which become the tokens' weights. */
typedef struct {
  ALIGNED float weights[MOST_QUERIES][TOKENS];
  uint64_t seen[MOST_QUERIES]; /* a bit for each token that a query sees */
  ALIGNED float factors[16];   /* of everything before the block */
} Scores;

INLINE __mmask16 seen_of(const Scores *scores, int query, int j) { return scores->seen[query] >> 16 * j; }

/* Finds what queries see, the first of which is at `at` in the tile. */
INLINE void find_seen(
    const int count, const Attention *a, const Tile *tile, int64_t at, const Block *block, Scores *scores) {
#pragma GCC unroll 6
  for (int q = 0; q < count; q++) {
    const int64_t own = a->positions[tile->first + at + q] + 1 - block->number * TOKENS;
    scores->seen[q] = own >= TOKENS ? UINT64_MAX : own > 0 ? ((uint64_t)1 << own) - 1 : 0;
  }
}

/* Replaces the weights of a query, by none where it does not see the token. Returns their sum. */
INLINE float replace_weights(Scores *scores, int query, const __m512 weights[4]) {
  __m512 all = _mm512_setzero_ps();
#pragma GCC unroll 4
  for (int j = 0; j < 4; j++) {
    const __m512 seen = _mm512_maskz_mov_ps(seen_of(scores, query, j), weights[j]);
    _mm512_store_ps(scores->weights[query] + 16 * j, seen);
    all = _mm512_add_ps(all, seen);
  }
  return _mm512_reduce_add_ps(all);
}

/* Takes the scores of queries into their running softmax. Phase by phase, so that the
   processor works at one query's numbers while it waits for another's. */
INLINE void weigh(const int count, Tile *tile, int64_t at, const Block *block, Scores *scores) {
  ALIGNED float greatest[16], sums[16];
  const __m512 before = _mm512_loadu_ps(tile->greatest + at);
  _mm512_store_ps(greatest, before);
  _mm512_store_ps(sums, _mm512_setzero_ps());
#pragma GCC unroll 6
  for (int q = 0; q < count; q++) {
    __m512 most = _mm512_set1_ps(tile->greatest[at + q]);
#pragma GCC unroll 4
    for (int j = 0; j < 4; j++)
      most = _mm512_mask_max_ps(most, seen_of(scores, q, j), most, _mm512_load_ps(scores->weights[q] + 16 * j));
    greatest[q] = _mm512_reduce_max_ps(most);
  }
#pragma GCC unroll 6
  for (int q = 0; q < count; q++) {
    __m512 weights[4];
#pragma GCC unroll 4
    for (int j = 0; j < 4; j++) {
      const __m512 score = _mm512_load_ps(scores->weights[q] + 16 * j);
      weights[j] = power_of_two(_mm512_sub_ps(score, _mm512_set1_ps(greatest[q])));
    }
    sums[q] = replace_weights(scores, q, weights);
  }
  const __mmask16 some = first_of(count);
  const __m512 now = _mm512_load_ps(greatest);
  const __m512 factors = block->number ? power_of_two(_mm512_sub_ps(before, now)) : _mm512_setzero_ps();
  const __m512 sum = _mm512_fmadd_ps(_mm512_loadu_ps(tile->sum + at), factors, _mm512_load_ps(sums));
  _mm512_mask_storeu_ps(tile->sum + at, some, sum);
  _mm512_mask_storeu_ps(tile->greatest + at, some, now);
  _mm512_store_ps(scores->factors, factors);
}

/* Which of 64 of a head's numbers from i on there are. */
INLINE void numbers_from(const Attention *a, int64_t i, __mmask16 masks[4]) {
#pragma GCC unroll 4
  for (int j = 0; j < 4; j++) masks[j] = first_of(a->size - i - 16 * j);
}

/* What a query's values amount to up to a block: 64 of the head's numbers from i on. */
INLINE void put(const Attention *a, Tile *tile, int64_t query, const Block *block, int64_t i, const __mmask16 masks[4],
    const __m512 sums[4]) {
  const int64_t token = tile->first + query, last = a->positions[token] / TOKENS;
  if (last < block->number) return;
  float *out = tile->out + query * a->size + i;
  __m512 by = _mm512_set1_ps(1);
  if (last == block->number) {
    out = a->out + (token * a->heads + tile->head) * a->size + i;
    by = _mm512_set1_ps(1 / tile->sum[query]);
  }
#pragma GCC unroll 4
  for (int j = 0; j < 4; j++) _mm512_mask_storeu_ps(out + 16 * j, masks[j], _mm512_mul_ps(sums[j], by));
}

/* The same before the block, times a factor. */
INLINE void take_over(const Attention *a, const Tile *tile, int64_t query, const Block *block, int64_t i,
    const __mmask16 masks[4], float factor, __m512 sums[4]) {
  const float *out = tile->out + query * a->size + i;
#pragma GCC unroll 4
  for (int j = 0; j < 4; j++) {
    const __m512 before = _mm512_maskz_loadu_ps(block->number ? masks[j] : 0, out + 16 * j);
    sums[j] = _mm512_mul_ps(_mm512_set1_ps(factor), before);
  }
}

/* One head of the tokens from `first` to `end` of a row, at most a tile: each block comes from memory once. The block
   at `next_keys` and `next_values` is that of the next task. */
static void attend(const Attention *a, int64_t row, int64_t head, int64_t first, int64_t end, const char *next_keys,
    const char *next_values) {
  const int64_t blocks = a->positions[end - 1] / TOKENS + 1;
  Tile tile;
  tile.head = head;
  tile.first = first;
  for (int64_t q = 0; q < TILE + 16; q++) tile.greatest[q] = -__builtin_inff(), tile.sum[q] = 0;
  prepare(a, &tile, end - first);
  const char *keys = block_at(a, a->keys, row, 0, head), *values = block_at(a, a->values, row, 0, head);
  for (int64_t b = 0; b < blocks; b++) {
    const int last = b + 1 == blocks;
    Block block = {.number = b, .keys = keys, .values = values};
    block.next_keys = keys = last ? next_keys : block_at(a, a->keys, row, b + 1, head);
    block.next_values = values = last ? next_values : block_at(a, a->values, row, b + 1, head);
    block.groups = (end - first + MOST_QUERIES - 1) / MOST_QUERIES;
    for (int64_t token = first, count; token < end; token += count) {
      count = end - token < MOST_QUERIES ? end - token : MOST_QUERIES;
      if (a->positions[token + count - 1] < b * TOKENS) continue; /* they see nothing of it */
      read(count, a, &block, &tile, token - first);
    }
  }
}

/* Calls a function with a number of queries that the compiler knows. */
#define WITH_QUERIES(function, count, ...) \
  switch (count) { \
    case 1: function(1, __VA_ARGS__); break; \
    case 2: function(2, __VA_ARGS__); break; \
    case 3: function(3, __VA_ARGS__); break; \
    case 4: function(4, __VA_ARGS__); break; \
    case 5: function(5, __VA_ARGS__); break; \
    case 6: function(6, __VA_ARGS__); break; \
  }

/* What each thread does: heads of rows, one after the other, first their keys and values, then their attention. */
static void work(void *data) {
  Attention *a = data;
  const int64_t tasks = a->rows * a->heads, fit = TILE_NUMBERS / (a->size + 1), most = fit < TILE ? fit : TILE;
  for (int64_t task = take(&a->next_task), following; task < tasks; task = following) {
    following = take(&a->next_task);
    const int64_t row = task / a->heads, head = task % a->heads, end = a->firsts[row + 1];
    const int64_t next_row = following / a->heads, next_head = following % a->heads;
    const char *next_keys = following < tasks ? block_at(a, a->keys, next_row, 0, next_head) : 0;
    const char *next_values = following < tasks ? block_at(a, a->values, next_row, 0, next_head) : 0;
    for (int64_t token = a->firsts[row]; token < end; token++) {
      if (token + AHEAD < end)
        for (int which = QUERY; which <= VALUE; which++)
          for (int64_t i = 0; i < a->size; i += 16)
            _mm_prefetch(joined_at(a, token + AHEAD, which, head) + i, _MM_HINT_T1);
      const int64_t block = a->positions[token] / TOKENS, place = a->positions[token] % TOKENS;
      keep(a, token, head, block_at(a, a->keys, row, block, head), block_at(a, a->values, row, block, head), place);
    }
    for (int64_t first = a->firsts[row]; first < end; first += most)
      attend(a, row, head, first, end - first < most ? end : first + most, next_keys, next_values);
  }
}

enum { JOINED, KEYS, VALUES, POSITIONS, FIRSTS, BEGINS, TABLE, OUT };

/* joined, out: fp32; positions, firsts, begins, table: int64; `bytes` of the keys, or values, of a head in a block */
INLINE void run(const Value *v, int64_t bytes) {
  Attention a = {
      .rows = size(v[BEGINS], 0), .heads = size(v[JOINED], 2), .size = size(v[JOINED], 3), .bytes = bytes,
      .joined = data(v[JOINED]), .keys = data(v[KEYS]), .values = data(v[VALUES]),
      .positions = data(v[POSITIONS]), .firsts = data(v[FIRSTS]), .begins = data(v[BEGINS]), .table = data(v[TABLE]),
      .out = data(v[OUT])};
  parallel(work, &a, size(v[JOINED], 0) * a.heads * a.size * TOKENS);
  for (int i = JOINED; i <= OUT; i++) release(v[i]);
}
