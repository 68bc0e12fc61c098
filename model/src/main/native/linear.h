/* Projections: y = x W + b, and GELU where it is wanted. Weights are in panels of 32 columns, each read from memory
   once, in order, and multiplied by all rows of x before the next one. A type of weights includes this and defines how
   a row is rounded to that type (`quantize`) and how some rows are multiplied by a panel (`multiply`). */
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
  char *scratch;     /* the rows in the weights' type, then their scales; none where they are multiplied as they are */
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

/* Of three rows, whose addresses differ by 0, 1 and 2 strides, as an instruction can say. */
enum { TRIPLES = MOST_ROWS / 3 };

/* How much of the next panel comes from memory while this one is multiplied by a block. */
typedef enum { NOTHING, HALF, ALL } Ahead;

/* Fetches what 128 bytes of this panel stand for. */
INLINE void prefetch(const char **next, Ahead ahead) {
  if (ahead == NOTHING) return;
  _mm_prefetch(*next, _MM_HINT_T1);
  if (ahead == ALL) _mm_prefetch(*next += 64, _MM_HINT_T1);
  *next += 64;
}

static void quantize(const Linear *, int64_t row);
INLINE void multiply(const int rows, const Linear *, int64_t first, int64_t panel, const char *next, Ahead);

static void multiply_block(const Linear *l, Block block, int64_t panel, const char *next, Ahead ahead) {
  switch (block.count) { /* so that the compiler knows it */
    case 1: multiply(1, l, block.first, panel, next, ahead); break;
    case 2: multiply(2, l, block.first, panel, next, ahead); break;
    case 3: multiply(3, l, block.first, panel, next, ahead); break;
    case 4: multiply(4, l, block.first, panel, next, ahead); break;
    case 5: multiply(5, l, block.first, panel, next, ahead); break;
    case 6: multiply(6, l, block.first, panel, next, ahead); break;
    case 7: multiply(7, l, block.first, panel, next, ahead); break;
    case 8: multiply(8, l, block.first, panel, next, ahead); break;
    case 9: multiply(9, l, block.first, panel, next, ahead); break;
    case 10: multiply(10, l, block.first, panel, next, ahead); break;
    case 11: multiply(11, l, block.first, panel, next, ahead); break;
    case 12: multiply(12, l, block.first, panel, next, ahead); break;
  }
}

/* What each thread does: rounds rows, and once all are there multiplies chunks of them by one panel after the other,
   while the next one comes from memory. */
static void work(void *data) {
  Linear *l = data;
  if (l->scratch) {
    for (int64_t row; (row = take(&l->next_row)) < l->rows;) quantize(l, row);
    GOMP_barrier();
  }
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
      multiply_block(l, block_at(l, b), panel, b == begin + 1 ? next + l->panel_bytes / 2 : next, ahead);
    }
  }
}

/* The arguments of every projection: Tensor x [rows, in], Tensor weights [panels, bytes], bool gelu, Tensor(a!) y
   [rows, out], Tensor(b!) scratch. */
enum { X, WEIGHTS, GELU, Y, SCRATCH };

INLINE Linear linear(const Value *v) {
  return (Linear){
      .rows = size(v[X], 0), .in = size(v[X], 1), .out = size(v[Y], 1), .panels = size(v[WEIGHTS], 0),
      .panel_bytes = size(v[WEIGHTS], 1), .weights = data(v[WEIGHTS]), .x = data(v[X]), .scratch = data(v[SCRATCH]),
      .gelu = v[GELU] & 1, .y = data(v[Y])};
}

INLINE void run(Linear *l, const Value *v) {
  parallel(work, l, l->rows * l->in * l->out);
  release(v[X]);
  release(v[WEIGHTS]);
  release(v[Y]);
  release(v[SCRATCH]);
}
