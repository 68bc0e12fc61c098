/* AMX: tiles of 16 rows of 64 bytes, 16 by 16 products of which are summed in 16 cycles. */
#pragma once
#include <immintrin.h>
#include <stdint.h>

/* What every processor with AMX has. */
#define TILES __attribute__((target("amx-tile,amx-int8,amx-bf16,avx512bf16")))

enum { TILE_ROWS = 16, TILE_ROW_BYTES = 64 };

/* Whether the processor has AMX, the operating system lets this process use it, and nobody has forbidden it. */
int has_amx(void);

/* Sets a core's tiles up for a product of up to 32 rows with 32 columns: sums of the first 16 rows in tiles 0 and 1,
   of the others in 2 and 3, the rows in 4 and 5, columns in 6 and 7. */
TILES static inline void set_tiles(int64_t rows) {
  struct {
    uint8_t palette, start, reserved[14];
    uint16_t bytes[16];
    uint8_t rows[16];
  } config = {.palette = 1};
  const int64_t first = rows < TILE_ROWS ? rows : TILE_ROWS, others = rows - first;
  const uint8_t of[] = {first, first, others, others, first, others, TILE_ROWS, TILE_ROWS};
  for (int t = 0; t < 8; t++) config.rows[t] = of[t], config.bytes[t] = of[t] ? TILE_ROW_BYTES : 0;
  __asm__ volatile("ldtilecfg %0" : : "m"(config)); /* of the intrinsic's structure GCC 12 takes 8 bytes */
}

TILES static inline void release_tiles(void) { _tile_release(); }

/* Begins the sums of up to 16 rows, and of others where there are some. */
TILES static inline void zero_sums(int others) {
  _tile_zero(0);
  _tile_zero(1);
  if (!others) return;
  _tile_zero(2);
  _tile_zero(3);
}

/* Puts the sums where they are wanted, [32, 32] of 4 bytes; without others the first 16 rows. */
TILES static inline void store_sums(int others, char *sums) {
  const int64_t stride = 2 * TILE_ROW_BYTES;
  _tile_stored(0, sums, stride);
  _tile_stored(1, sums + TILE_ROW_BYTES, stride);
  if (!others) return;
  _tile_stored(2, sums + TILE_ROWS * stride, stride);
  _tile_stored(3, sums + TILE_ROWS * stride + TILE_ROW_BYTES, stride);
}
