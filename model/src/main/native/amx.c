/* Whether there is AMX: asked once, of the processor and of Linux. */
#include "amx.h"
#include <cpuid.h>
#include "libtorch.h"

static enum { UNKNOWN, NO, YES } found;
static int forbidden;

/* Asks Linux to keep tiles for this process (arch_prctl, ARCH_REQ_XCOMP_PERM of XTILEDATA). */
static int ask_for_tiles(void) {
  long result;
  __asm__ volatile("syscall" : "=a"(result) : "0"(158L), "D"(0x1023L), "S"(18L) : "rcx", "r11", "memory");
  return result == 0;
}

static int find_amx(void) {
  enum { BF16_AND_TILES_AND_INT8 = 1 << 22 | 3 << 24, AVX512_BF16 = 1 << 5, TILES_OF_XCR0 = 3 << 17 };
  unsigned a, b, c, d, more, enabled, high;
  if (!__get_cpuid_count(7, 0, &a, &b, &c, &d) || (d & BF16_AND_TILES_AND_INT8) != BF16_AND_TILES_AND_INT8) return 0;
  if (!__get_cpuid_count(7, 1, &more, &b, &c, &d) || !(more & AVX512_BF16)) return 0;
  __asm__("xgetbv" : "=a"(enabled), "=d"(high) : "c"(0));
  return (enabled & TILES_OF_XCR0) == TILES_OF_XCR0 && ask_for_tiles();
}

int has_amx(void) {
  if (__atomic_load_n(&found, __ATOMIC_RELAXED) == UNKNOWN)
    __atomic_store_n(&found, find_amx() ? YES : NO, __ATOMIC_RELAXED);
  return __atomic_load_n(&found, __ATOMIC_RELAXED) == YES && !__atomic_load_n(&forbidden, __ATOMIC_RELAXED);
}

/* The operator, with Tensor any, by which libtorch finds what is for a CPU, and bool allowed; returns whether AMX is
   used from now on. */
void allow_amx(Value *v, uint64_t count, uint64_t results) {
  __atomic_store_n(&forbidden, !(v[1] & 1), __ATOMIC_RELAXED);
  release(v[0]);
  v[0] = has_amx();
}
