/* Numbers as steps of int16 with one scale for all of them, and their products in exact integers, which AVX512-VNNI
   takes two at a time. An int32 holds the product of two such vectors whatever is in them: it is at most the product of
   their norms (Cauchy and Schwarz), 32,766 each before the steps are rounded. One of the two may be almost twice as
   long. */
#pragma once
#include "vectors.h"

enum { NORM = 32766 };

/* Rounds numbers; returns the length of a step. Those that are all but zero, for which fp32 has no squares, become
   zero. If one is not finite, or its square is not, nor is the length of a step. */
INLINE float to_int16(const float *x, int64_t count, int16_t *steps) {
  __m512 squares = _mm512_setzero_ps();
  for (int64_t i = 0; i < count; i += 16) {
    const __m512 numbers = _mm512_maskz_loadu_ps(first_of(count - i), x + i);
    squares = _mm512_fmadd_ps(numbers, numbers, squares);
  }
  const float norm = __builtin_sqrtf(_mm512_reduce_add_ps(squares));
  const __m512 factor = _mm512_set1_ps(norm > 1e-15f ? NORM / norm : 0);
  for (int64_t i = 0; i < count; i += 16) {
    const __mmask16 mask = first_of(count - i);
    const __m512i rounded = _mm512_cvtps_epi32(_mm512_mul_ps(_mm512_maskz_loadu_ps(mask, x + i), factor));
    _mm256_mask_storeu_epi16(steps + i, mask, _mm512_cvtepi32_epi16(rounded));
  }
  return norm / NORM;
}

/* Adds 16 times two products. In assembly, since GCC 12 keeps the sums of its intrinsic in memory. */
INLINE void accumulate(__m512i *sum, __m512i two, __m512i pairs) {
  __asm__("vpdpwssd %2, %1, %0" : "+v"(*sum) : "v"(two), "v"(pairs));
}
