/* AVX-512 for numbers in fp32. */
#pragma once
#include <immintrin.h>
#include <stdint.h>

#define INLINE static inline __attribute__((always_inline))
#define ALIGNED __attribute__((aligned(64)))

/* A mask of the first of 16 lanes. */
INLINE __mmask16 first_of(int64_t count) { return count >= 16 ? 0xffff : count > 0 ? (1 << count) - 1 : 0; }

/* e^x within 2 units of the last place: 2^n e^r with |r| <= ln(2) / 2, by Cephes' polynomial. */
INLINE __m512 exponential(__m512 x) {
  const __m512 n = _mm512_roundscale_ps(_mm512_mul_ps(x, _mm512_set1_ps(1.44269504f)), 0);
  __m512 r = _mm512_fnmadd_ps(n, _mm512_set1_ps(0.693359375f), x);
  r = _mm512_fnmadd_ps(n, _mm512_set1_ps(-2.12194440e-4f), r);
  __m512 p = _mm512_set1_ps(1.9875691500e-4f);
  p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(1.3981999507e-3f));
  p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(8.3334519073e-3f));
  p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(4.1665795894e-2f));
  p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(1.6666665459e-1f));
  p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(5.0000001201e-1f));
  p = _mm512_fmadd_ps(p, _mm512_mul_ps(r, r), _mm512_add_ps(r, _mm512_set1_ps(1)));
  return _mm512_scalef_ps(p, n);
}

/* GELU by tanh: 0.5 y (1 + tanh(u)) = y / (1 + e^(-2 u)) with u = sqrt(2 / pi) (y + 0.044715 y^3). */
INLINE __m512 gelu(__m512 y) {
  const __m512 factor = _mm512_fmadd_ps(_mm512_mul_ps(y, y), _mm512_set1_ps(-0.0713548162726f), _mm512_set1_ps(-1.5957691216057308f));
  return _mm512_div_ps(y, _mm512_add_ps(exponential(_mm512_mul_ps(factor, y)), _mm512_set1_ps(1)));
}
