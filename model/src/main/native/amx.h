/* AMX: tiles of 16 rows of 64 bytes, 16 by 16 products of which are summed in 16 cycles. */
#pragma once
#include <cpuid.h>
#include <immintrin.h>
#include <stdint.h>

#define TILES __attribute__((target("amx-tile,amx-int8")))

enum { TILE_ROWS = 16, TILE_ROW_BYTES = 64 };

/* Asks Linux to keep tiles for this process (arch_prctl, ARCH_REQ_XCOMP_PERM of XTILEDATA). */
static int ask_for_amx(void) {
  long result;
  __asm__ volatile("syscall" : "=a"(result) : "0"(158L), "D"(0x1023L), "S"(18L) : "rcx", "r11", "memory");
  return result == 0;
}

static int find_amx(void) {
  unsigned a, b, c, d, enabled, high;
  if (!__get_cpuid_count(7, 0, &a, &b, &c, &d) || (d >> 24 & 3) != 3) return 0; /* AMX-TILE, AMX-INT8 */
  __asm__("xgetbv" : "=a"(enabled), "=d"(high) : "c"(0));
  return (enabled >> 17 & 3) == 3 && ask_for_amx();
}

/* Whether the processor has them, and the operating system lets this process use them. */
static inline int has_amx(void) {
  enum { UNKNOWN, NO, YES };
  static int state;
  if (__atomic_load_n(&state, __ATOMIC_RELAXED) == UNKNOWN)
    __atomic_store_n(&state, find_amx() ? YES : NO, __ATOMIC_RELAXED);
  return __atomic_load_n(&state, __ATOMIC_RELAXED) == YES;
}

/* Sets a core's tiles up for a product of up to 32 rows with 32 columns: sums of the first 16 rows in tiles 0 and 1,
   of the others in 2 and 3, the rows in 4 and 5, columns in 6 and 7. */
TILES static void set_tiles(int64_t rows) {
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

TILES static void release_tiles(void) { _tile_release(); }
