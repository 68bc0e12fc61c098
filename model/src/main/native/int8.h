/* Numbers as steps of int8, and their products in exact integers, which AVX512-VNNI takes four at a time. */
#pragma once
#include "vectors.h"

/* NaN if a number is not finite. */
INLINE float largest_magnitude(const float *x, int64_t count) {
  __m512 most = _mm512_setzero_ps();
  __mmask16 infinite = 0;
  for (int64_t i = 0; i < count; i += 16) {
    const __m512 magnitude = _mm512_abs_ps(_mm512_maskz_loadu_ps(first_of(count - i), x + i));
    infinite |= _mm512_cmp_ps_mask(magnitude, _mm512_set1_ps(__builtin_inff()), _CMP_NLT_UQ);
    most = _mm512_max_ps(most, magnitude);
  }
  return infinite ? __builtin_nanf("") : _mm512_reduce_max_ps(most);
}

/* Adds 16 times four products. In assembly, since GCC 12 keeps the sums of its intrinsic in memory. */
INLINE void accumulate_bytes(__m512i *sum, __m512i unsigned_bytes, __m512i signed_bytes) {
  __asm__("vpdpbusd %2, %1, %0" : "+v"(*sum) : "v"(unsigned_bytes), "v"(signed_bytes));
}
