/* Weights of 4 bits, activations of 8, sums in exact integers, which AVX512-VNNI multiplies four at a time. */
#include "int8.h"

/* Weights of an input take 16 bytes in a panel. */
enum { MOST_IN_GROUP = 64, STEP_BYTES = 1, WEIGHT_BYTES = 16, SCALE_BYTES = 64 };
#include "linear_groups.h"

/* Numbers as up to 127 steps on either side of zero. Weights have 8 added, which the sums begin without. Where a number
   is not finite no step is right, but the scale is none then either. */
INLINE Group round_group(const float *x, int64_t count, int64_t length, char *steps) {
  const float largest = largest_magnitude(x, count);
  const __m512 factor = _mm512_set1_ps(largest > 0 ? 127 / largest : 0);
  __m512i sum = _mm512_setzero_si512();
  for (int64_t i = 0; i < length; i += 16) {
    const __m512i rounded =
        _mm512_cvtps_epi32(_mm512_mul_ps(_mm512_maskz_loadu_ps(first_of(count - i), x + i), factor));
    sum = _mm512_add_epi32(sum, _mm512_srai_epi32(_mm512_slli_epi32(rounded, 24), 24)); /* as bytes hold them */
    _mm_mask_storeu_epi8(steps + i, first_of(length - i), _mm512_cvtepi32_epi8(rounded));
  }
  return (Group){.scale = largest / 127, .start = -8u * (uint32_t)_mm512_reduce_add_epi32(sum)};
}

INLINE void accumulate(__m512i *sum, __m512i steps, __m512i weights) { accumulate_bytes(sum, weights, steps); }

INLINE void accumulate_group(const int rows, const Linear *l, __m512i sums[][2], const char *steps[TRIPLES],
    const char *weights, const char **next, Ahead ahead) {
  const __m512i low = _mm512_set1_epi8(15);
  const int64_t fours = group_length(l) / 4;
  for (int64_t i = 0; i < fours; i++, weights += 64) {
    prefetch(next, ahead, 64);
    const __m512i both = _mm512_load_si512(weights);
    const __m512i left = _mm512_and_si512(both, low), right = _mm512_and_si512(_mm512_srli_epi16(both, 4), low);
    accumulate_rows(rows, l, sums, steps, 0, left, right, accumulate);
#pragma GCC unroll 4
    for (int t = 0; t < (rows + 2) / 3; t++) steps[t] += 4;
  }
}

INLINE __m512 column_scales(const char *scales, int half) {
  return from_bf16(_mm256_load_si256((const __m256i *)scales + half));
}

/* weights: int8 [panels, groups * (16 length + 64) + 128], `length` of `in` in each of `groups`: [length / 4, 16, 4],
   in each byte a weight of the first 16 columns in the low half and one of the others in the high one, and 32 scales
   in bf16, then 32 biases in fp32; scratch of at least rows * groups * (length + 8) bytes for the steps */
void linear_int4(const Value *v) { run_groups(v); }
