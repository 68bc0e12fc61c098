/* Weights of 12 bits, activations of 16, sums in exact integers, which AVX512-VNNI multiplies two at a time: twice the
   arithmetic of fp32 from three quarters of the bytes of fp16. */
#include "int16.h"

/* Rounding adds at most 6 to the norm of a group of activations and 91 to one of weights: those may have one of 65,400,
   almost twice that of activations, which `panels` gives them. Weights of an input take 48 bytes in a panel: 3 for
   every 4 of 16 bits. */
enum { MOST_IN_GROUP = 128, STEP_BYTES = 2, WEIGHT_BYTES = 48, SCALE_BYTES = 128 };
#include "linear_groups.h"

INLINE Group round_group(const float *x, int64_t count, int64_t length, char *steps) {
  for (int64_t i = count; i < length; i++) ((int16_t *)steps)[i] = 0;
  return (Group){.scale = to_int16(x, count, (int16_t *)steps)};
}

/* Of 128 weights the last 32, whose bits are the low four of those before: in each word what is 12 bits of them, the
   highest first, and 4 zeros. */
INLINE __m512i last_of(__m512i a, __m512i b, __m512i c) {
  const __m512i high = _mm512_slli_epi16(a, 12), middle = _mm512_slli_epi16(b, 8), low = _mm512_slli_epi16(c, 4);
  const __m512i both = _mm512_ternarylogic_epi32(high, middle, _mm512_set1_epi16(0x0f00), 0xf8); /* a | b & c */
  return _mm512_ternarylogic_epi32(both, low, _mm512_set1_epi16(0x00f0), 0xf8);
}

INLINE void accumulate_group(const int rows, const Linear *l, __m512i sums[][2], const char *steps[TRIPLES],
    const char *weights, const char **next, Ahead ahead) {
  const int64_t fours = group_length(l) / 4;
  for (int64_t i = 0; i < fours; i++, weights += 192) {
    prefetch(next, ahead, 192);
    const __m512i a = _mm512_load_si512(weights), b = _mm512_load_si512(weights + 64);
    const __m512i c = _mm512_load_si512(weights + 128), d = last_of(a, b, c);
    accumulate_rows(rows, l, sums, steps, 0, a, b, accumulate);
    accumulate_rows(rows, l, sums, steps, 4, c, d, accumulate);
#pragma GCC unroll 4
    for (int t = 0; t < (rows + 2) / 3; t++) steps[t] += 8;
  }
}

INLINE __m512 column_scales(const char *scales, int half) { return _mm512_load_ps(scales + 64 * half); }

/* weights: int8 [panels, groups * (48 length + 128) + 128], `length` of `in` in each of `groups`: int16
   [length / 4, 3, 32], see `last_of`, and 32 scales in fp32, then 32 biases in fp32; scratch of at least
   rows * groups * (2 length + 8) bytes for the steps */
void linear_int12(const Value *v) { run_groups(v); }
