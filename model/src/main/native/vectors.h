/* AVX-512 for numbers in fp32. */
#pragma once
#include <immintrin.h>
#include <stdint.h>

#define INLINE static inline __attribute__((always_inline))
#define ALIGNED __attribute__((aligned(64)))

/* A mask of the first of 16 lanes. */
INLINE __mmask16 first_of(int64_t count) { return count >= 16 ? 0xffff : count > 0 ? (1 << count) - 1 : 0; }

/* Numbers in bf16, whose bits are the upper half of those of fp32. */
INLINE __m512 from_bf16(__m256i numbers) {
  return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(numbers), 16));
}

/* 2^x within 3 units of the last place: 2^n 2^r with |r| <= 1/2, by the series of e^(r ln 2) up to r^6. */
INLINE __m512 power_of_two(__m512 x) {
  const __m512 n = _mm512_roundscale_ps(x, 0), r = _mm512_sub_ps(x, n);
  __m512 p = _mm512_set1_ps(1.5403530e-4f);
  p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(1.3333558e-3f));
  p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(9.6181291e-3f));
  p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(5.5504109e-2f));
  p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(2.4022651e-1f));
  p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(6.9314718e-1f));
  p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(1));
  return _mm512_scalef_ps(p, n);
}

#define LOG2_E 1.4426950408889634

/* GELU by tanh: 0.5 y (1 + tanh(u)) = y / (1 + e^(-2 u)) with u = sqrt(2 / pi) (y + 0.044715 y^3). */
INLINE __m512 gelu(__m512 y) {
  const __m512 linear = _mm512_set1_ps(-1.5957691216057308 * LOG2_E);
  const __m512 cubic = _mm512_set1_ps(-0.07135481627260025 * LOG2_E);
  const __m512 factor = _mm512_fmadd_ps(_mm512_mul_ps(y, y), cubic, linear);
  return _mm512_div_ps(y, _mm512_add_ps(power_of_two(_mm512_mul_ps(factor, y)), _mm512_set1_ps(1)));
}
