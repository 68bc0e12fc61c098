/* Projections, with what stands around them in a layer: y = LayerNorm(x) W + b, or of x itself, then GELU or y added to
   what was there, where that is wanted. Weights are in panels of 32 columns, each read from memory once, in order, and
   multiplied by all rows of x before the next one. A type of weights includes this and defines how a row is rounded to
   be multiplied (`quantize`) and how up to 12 rows are multiplied by a panel (`multiply`); where there are tiles it may
   have another way (`Linear.multiply`). */
#pragma once
#include "amx.h"
#include "libtorch.h"
#include "vectors.h"

enum { COLUMNS = 32, MOST_ROWS = 12 }; /* 24 sums, two vectors of weights and one of x fill the registers */

enum { CHUNK = 512 << 10 }; /* bytes of x that stay in a core's cache while panels pass by */

/* Rows that are multiplied together. The numbers of all blocks' rows differ by one at most. */
typedef struct {
  int64_t first, count;
} Block;

/* How much of the next panel comes from memory while this one is multiplied by a block. */
typedef enum { NOTHING, HALF, ALL } Ahead;

typedef struct Linear {
  int64_t rows, in, out;
  int64_t panels, panel_bytes;
  const char *weights;
  const float *input;        /* [rows, in] */
  const float *gain, *shift; /* [in], of LayerNorm; none without */
  float epsilon;
  const float *x;              /* [rows, in], what comes out of it */
  char *steps;                 /* x as it is multiplied, then its scales; none where that is x itself */
  int64_t row_bytes;           /* of what is multiplied */
  int64_t block_rows;          /* most rows that are multiplied together */
  int64_t tile_rows;           /* rows of the largest block, if it is multiplied by tiles; none otherwise */
  void (*multiply)(const struct Linear *, Block, int64_t panel, const char *next, Ahead);
  int gelu, add;
  float *y;                    /* [rows, out] */
  int64_t next_row, next_task; /* which no thread has taken */
} Linear;

INLINE int64_t block_count(const Linear *l) { return (l->rows + l->block_rows - 1) / l->block_rows; }

/* The last of the blocks is always one of the largest. */
INLINE Block block_at(const Linear *l, int64_t index) {
  const int64_t blocks = block_count(l), first = l->rows * index / blocks;
  return (Block){first, l->rows * (index + 1) / blocks - first};
}

/* Adds the bias to 16 columns of a row, which end the product, and does what comes after. */
INLINE void finish(const Linear *l, __m512 y, __m512 bias, int64_t row, int64_t column) {
  const __mmask16 mask = first_of(l->out - column);
  float *place = l->y + row * l->out + column;
  y = _mm512_add_ps(y, bias);
  if (l->gelu) y = gelu(y);
  if (l->add) y = _mm512_add_ps(_mm512_maskz_loadu_ps(mask, place), y);
  _mm512_mask_storeu_ps(place, mask, y);
}

/* LayerNorm (Ba et al. 2016) of a row. */
static void normalize(const Linear *l, int64_t row) {
  const float *input = l->input + row * l->in;
  float *x = (float *)l->x + row * l->in;
  __m512 sums = _mm512_setzero_ps(), squares = _mm512_setzero_ps();
  for (int64_t i = 0; i < l->in; i += 16)
    sums = _mm512_add_ps(sums, _mm512_maskz_loadu_ps(first_of(l->in - i), input + i));
  const __m512 mean = _mm512_set1_ps(_mm512_reduce_add_ps(sums) / l->in);
  for (int64_t i = 0; i < l->in; i += 16) {
    const __mmask16 mask = first_of(l->in - i);
    const __m512 off = _mm512_maskz_sub_ps(mask, _mm512_maskz_loadu_ps(mask, input + i), mean);
    squares = _mm512_fmadd_ps(off, off, squares);
  }
  const float variance = _mm512_reduce_add_ps(squares) / l->in;
  const __m512 factor = _mm512_set1_ps(1 / __builtin_sqrtf(variance + l->epsilon));
  for (int64_t i = 0; i < l->in; i += 16) {
    const __mmask16 mask = first_of(l->in - i);
    const __m512 off = _mm512_sub_ps(_mm512_maskz_loadu_ps(mask, input + i), mean);
    const __m512 gain = _mm512_maskz_loadu_ps(mask, l->gain + i), shift = _mm512_maskz_loadu_ps(mask, l->shift + i);
    _mm512_mask_storeu_ps(x + i, mask, _mm512_fmadd_ps(_mm512_mul_ps(off, factor), gain, shift));
  }
}

/* Of three rows, whose addresses differ by 0, 1 and 2 strides, as an instruction can say. */
enum { TRIPLES = MOST_ROWS / 3 };

/* Fetches what so many bytes of this panel stand for, at most 192. */
INLINE void prefetch(const char **next, Ahead ahead, int64_t bytes) {
  if (ahead == NOTHING) return;
  const int64_t fetched = ahead == ALL ? bytes : bytes / 2;
  _mm_prefetch(*next, _MM_HINT_T1);
  if (fetched > 64) _mm_prefetch(*next + 64, _MM_HINT_T1);
  if (fetched > 128) _mm_prefetch(*next + 128, _MM_HINT_T1);
  *next += fetched;
}

/* Adds the products of four bytes of each of some rows, `offset` bytes on, with 32 columns, as an instruction takes
   them. */
INLINE void accumulate_rows(const int rows, const Linear *l, __m512i sums[][2], const char *const *steps,
    int64_t offset, __m512i left, __m512i right, void accumulate(__m512i *, __m512i, __m512i)) {
#pragma GCC unroll 12
  for (int r = 0; r < rows; r++) {
    const __m512i numbers = _mm512_set1_epi32(*(const int32_t *)(steps[r / 3] + offset + r % 3 * l->row_bytes));
    accumulate(&sums[r][0], numbers, left);
    accumulate(&sums[r][1], numbers, right);
  }
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

/* What each thread does: prepares rows, and once all are there multiplies chunks of them by one panel after the other,
   while the next one comes from memory. */
static void work(void *data) {
  Linear *l = data;
  if (l->gain || l->steps) {
    for (int64_t row; (row = take(&l->next_row)) < l->rows;) {
      if (l->gain) normalize(l, row);
      if (l->steps) quantize(l, row);
    }
    GOMP_barrier();
  }
  if (l->tile_rows) set_tiles(l->tile_rows);
  const int64_t blocks = block_count(l);
  const int64_t fit = CHUNK / (l->block_rows * l->row_bytes), most = fit > 0 ? fit : 1;
  const int64_t chunks = (blocks + most - 1) / most, tasks = chunks * l->panels;
  for (int64_t task = take(&l->next_task), following; task < tasks; task = following) {
    following = take(&l->next_task);
    const int64_t chunk = task / l->panels, panel = task % l->panels;
    const int64_t begin = blocks * chunk / chunks, end = blocks * (chunk + 1) / chunks;
    const char *next = l->weights + (following < tasks ? following % l->panels : panel) * l->panel_bytes;
    for (int64_t b = begin; b < end; b++) {
      const Ahead ahead = end - begin == 1 ? ALL : b < begin + 2 ? HALF : NOTHING;
      l->multiply(l, block_at(l, b), panel, b == begin + 1 ? next + l->panel_bytes / 2 : next, ahead);
    }
  }
  if (l->tile_rows) release_tiles();
}

/* The arguments of the operator: Tensor weights [panels, bytes], Tensor x [rows, in], Tensor gain and shift [in] or
   empty, float epsilon, bool gelu, bool add, Tensor(a!) y [rows, out], Tensor(b!) scratch: of the rows after LayerNorm
   in fp32, then as they are multiplied; and the type of the weights: 4, 8 or 12 for integers of so many bits, 0 for
   fp16. */
enum { WEIGHTS, X, GAIN, SHIFT, EPSILON, GELU, ADD, Y, SCRATCH, TYPE };

INLINE Linear arguments(const Value *v) {
  double epsilon;
  __builtin_memcpy(&epsilon, &v[EPSILON], sizeof(epsilon));
  Linear l = {
      .rows = size(v[X], 0), .in = size(v[X], 1), .out = size(v[Y], 1), .panels = size(v[WEIGHTS], 0),
      .panel_bytes = size(v[WEIGHTS], 1), .weights = data(v[WEIGHTS]), .input = data(v[X]), .x = data(v[X]),
      .steps = data(v[SCRATCH]), .epsilon = epsilon, .block_rows = MOST_ROWS, .multiply = multiply_block,
      .gelu = v[GELU] & 1, .add = v[ADD] & 1, .y = data(v[Y])};
  if (size(v[GAIN], 0)) {
    l.gain = data(v[GAIN]);
    l.shift = data(v[SHIFT]);
    l.x = (const float *)l.steps;
    l.steps += sizeof(float) * l.rows * l.in;
  }
  return l;
}

/* Has up to 32 rows multiplied at a time; there must be one. */
INLINE void use_tiles(Linear *l, void (*multiply)(const Linear *, Block, int64_t, const char *, Ahead)) {
  l->block_rows = 2 * TILE_ROWS;
  l->tile_rows = (l->rows + block_count(l) - 1) / block_count(l);
  l->multiply = multiply;
}

INLINE void run(Linear *l, const Value *v) {
  parallel(work, l, l->rows * l->in * l->out);
  for (int i = WEIGHTS; i <= SCRATCH; i++)
    if (i != EPSILON && i != GELU && i != ADD) release(v[i]);
}
