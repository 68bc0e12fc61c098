/* Projections of any type: y = x W + b, and GELU where it is wanted. Weights are in panels of 32 columns, each
   read from memory once, in order, and multiplied by all rows of x before the next one. */
#pragma once
#include "libtorch.h"
#include "vectors.h"

enum { COLUMNS = 32, MOST_ROWS = 12 }; /* 24 sums, two vectors of weights and one of x fill the registers */

enum { CHUNK = 512 << 10 }; /* bytes of x that stay in a core's cache while panels pass by */

typedef struct {
  int64_t rows, in, out;
  int64_t panels, panel_bytes;
  const char *weights;
  const float *x;    /* [rows, in] */
  char *scratch;     /* the rows in another type, where there is one */
  int64_t row_bytes; /* of what is multiplied */
  int gelu;
  float *y;                    /* [rows, out] */
  int64_t next_row, next_task; /* which no thread has taken */
} Linear;

/* Rows that are multiplied together. The numbers of all blocks' rows differ by one at most. */
typedef struct {
  int64_t first, count;
} Block;

INLINE int64_t block_count(const Linear *l) { return (l->rows + MOST_ROWS - 1) / MOST_ROWS; }

INLINE Block block_at(const Linear *l, int64_t index) {
  const int64_t blocks = block_count(l), first = l->rows * index / blocks;
  return (Block){first, l->rows * (index + 1) / blocks - first};
}

/* Adds the bias to 16 columns of a row, which end the product. */
INLINE void finish(const Linear *l, __m512 y, __m512 bias, int64_t row, int64_t column) {
  y = _mm512_add_ps(y, bias);
  if (l->gelu) y = gelu(y);
  _mm512_mask_storeu_ps(l->y + row * l->out + column, first_of(l->out - column), y);
}

/* How much of the next panel comes from memory while this one is multiplied by a block. */
typedef enum { NOTHING, HALF, ALL } Ahead;

/* Fetches what `bytes` read at i times `bytes` of this panel stand for. */
INLINE void prefetch(const char *next, int64_t i, const int bytes, Ahead ahead) {
  if (ahead == ALL)
    for (int at = 0; at < bytes; at += 64) _mm_prefetch(next + bytes * i + at, _MM_HINT_T1);
  else if (ahead == HALF)
    for (int at = 0; at < bytes / 2; at += 64) _mm_prefetch(next + bytes / 2 * i + at, _MM_HINT_T1);
}

typedef void Multiply(const Linear *, Block, int64_t panel, const char *next, Ahead ahead);

/* What each thread does: multiplies chunks of rows by one panel after the other, and meanwhile the next one comes from
   memory. */
INLINE void share(Linear *l, Multiply *multiply) {
  const int64_t blocks = block_count(l);
  const int64_t fit = CHUNK / (MOST_ROWS * l->row_bytes), most = fit > 0 ? fit : 1;
  const int64_t chunks = (blocks + most - 1) / most, tasks = chunks * l->panels;
  for (int64_t task = take(&l->next_task), following; task < tasks; task = following) {
    following = take(&l->next_task);
    const int64_t chunk = task / l->panels, panel = task % l->panels;
    const int64_t begin = blocks * chunk / chunks, end = blocks * (chunk + 1) / chunks;
    const char *next = l->weights + (following < tasks ? following % l->panels : panel) * l->panel_bytes;
    for (int64_t b = begin; b < end; b++) {
      const Ahead ahead = end - begin == 1 ? ALL : b < begin + 2 ? HALF : NOTHING;
      multiply(l, block_at(l, b), panel, b == begin + 1 ? next + l->panel_bytes / 2 : next, ahead);
    }
  }
}

/* Calls `multiply` with a number of rows that the compiler knows. */
#define WITH_ROWS(multiply, count, ...) \
  switch (count) { \
    case 1: multiply(1, __VA_ARGS__); break; \
    case 2: multiply(2, __VA_ARGS__); break; \
    case 3: multiply(3, __VA_ARGS__); break; \
    case 4: multiply(4, __VA_ARGS__); break; \
    case 5: multiply(5, __VA_ARGS__); break; \
    case 6: multiply(6, __VA_ARGS__); break; \
    case 7: multiply(7, __VA_ARGS__); break; \
    case 8: multiply(8, __VA_ARGS__); break; \
    case 9: multiply(9, __VA_ARGS__); break; \
    case 10: multiply(10, __VA_ARGS__); break; \
    case 11: multiply(11, __VA_ARGS__); break; \
    case 12: multiply(12, __VA_ARGS__); break; \
  }

/* Of three rows, whose addresses differ by 0, 1 and 2 strides, as an instruction can say. */
enum { GROUPS = MOST_ROWS / 3 };

/* The arguments of every projection: Tensor x [rows, in], Tensor weights [panels, ...], bool gelu, Tensor(a!) y
   [rows, out]. */
enum { X, WEIGHTS, GELU, Y };

INLINE Linear linear(const Value *v) {
  return (Linear){
      .rows = size(v[X], 0), .in = size(v[X], 1), .out = size(v[Y], 1), .panels = size(v[WEIGHTS], 0),
      .weights = data(v[WEIGHTS]), .x = data(v[X]), .gelu = v[GELU] & 1, .y = data(v[Y])};
}

INLINE void run(Linear *l, void (*work)(void *), const Value *v) {
  parallel(work, l, l->rows * l->in * l->out);
  release(v[X]);
  release(v[WEIGHTS]);
  release(v[Y]);
}
