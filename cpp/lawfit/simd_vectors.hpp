// Vectors of doubles with the vector extensions of GCC and Clang, and what simd_math.hpp and its
// sisters do with them: simd_avx512.cpp and the like name their instruction set and build all of
// it.
//
// Everything is in an unnamed namespace and nothing inline from the standard library is called, so
// that no code built for one instruction set can be linked into another's.
#pragma once

#include <cstddef>

#if defined(LAWFIT_SIMD_NEON)
#include <arm_neon.h>
#else
#include <immintrin.h>
#endif

namespace lawfit::simd {
namespace {

// fma(a, b, c) = a·b + c, rounded once where the machine can. It is spelt out, not left to the
// compiler's contraction, so that every compiler and every machine with one gives the same bits.
// clamp passes NaN on: x86's min and max return their second argument then.
// any(x) says whether a lane has its sign bit set.
#if defined(LAWFIT_SIMD_AVX512)
typedef double Vec __attribute__((vector_size(64)));
typedef unsigned long long Bits __attribute__((vector_size(64)));
inline Vec fma(Vec a, Vec b, Vec c) { return _mm512_fmadd_pd(a, b, c); }
// All lanes are asked for: GCC 12 warns of the undefined ones in its plain forms (its bug 105593).
inline Vec clamp(Vec low, Vec high, Vec x) {
  return _mm512_maskz_min_pd(0xff, high, _mm512_maskz_max_pd(0xff, low, x));
}
inline Vec sqrt(Vec x) { return _mm512_maskz_sqrt_pd(0xff, x); }
inline double add_lanes(Vec x) {
  const __m256d four =
      _mm512_maskz_extractf64x4_pd(0xf, x, 0) + _mm512_maskz_extractf64x4_pd(0xf, x, 1);
  const __m128d two = _mm256_castpd256_pd128(four) + _mm256_extractf128_pd(four, 1);
  return two[0] + two[1];
}
inline bool any(Vec x) { return _mm512_movepi64_mask((__m512i)x) != 0; }
#elif defined(LAWFIT_SIMD_AVX2)
typedef double Vec __attribute__((vector_size(32)));
typedef unsigned long long Bits __attribute__((vector_size(32)));
inline Vec fma(Vec a, Vec b, Vec c) { return _mm256_fmadd_pd(a, b, c); }
inline Vec clamp(Vec low, Vec high, Vec x) { return _mm256_min_pd(high, _mm256_max_pd(low, x)); }
inline Vec sqrt(Vec x) { return _mm256_sqrt_pd(x); }
inline double add_lanes(Vec x) {
  const __m128d two = _mm256_castpd256_pd128(x) + _mm256_extractf128_pd(x, 1);
  return two[0] + two[1];
}
inline bool any(Vec x) { return _mm256_movemask_pd(x) != 0; }
#elif defined(LAWFIT_SIMD_NEON)
typedef double Vec __attribute__((vector_size(16)));
typedef unsigned long long Bits __attribute__((vector_size(16)));
inline Vec fma(Vec a, Vec b, Vec c) { return vfmaq_f64(c, a, b); }
inline Vec clamp(Vec low, Vec high, Vec x) { return vminq_f64(high, vmaxq_f64(low, x)); }
inline Vec sqrt(Vec x) { return vsqrtq_f64(x); }
inline double add_lanes(Vec x) { return x[0] + x[1]; }
inline bool any(Vec x) { return vminvq_s32((int32x4_t)((Bits)x >> 63 << 31)) < 0; }
#elif defined(LAWFIT_SIMD_SSE2)
typedef double Vec __attribute__((vector_size(16)));
typedef unsigned long long Bits __attribute__((vector_size(16)));
inline Vec fma(Vec a, Vec b, Vec c) { return a * b + c; }
inline Vec clamp(Vec low, Vec high, Vec x) { return _mm_min_pd(high, _mm_max_pd(low, x)); }
inline Vec sqrt(Vec x) { return _mm_sqrt_pd(x); }
inline double add_lanes(Vec x) { return x[0] + x[1]; }
inline bool any(Vec x) { return _mm_movemask_pd(x) != 0; }
#endif

constexpr std::size_t lanes = sizeof(Vec) / sizeof(double);

inline Vec all(double value) { return value - Vec{}; }
inline Vec load(const double *p) {
  Vec v;
  __builtin_memcpy(&v, p, sizeof v);
  return v;
}
inline void store(double *p, Vec v) { __builtin_memcpy(p, &v, sizeof v); }

constexpr unsigned long long sign_bit = 0x8000000000000000;
inline Vec abs(Vec x) { return (Vec)((Bits)x & ~sign_bit); }
// |x| with the sign of y.
inline Vec with_sign(Vec x, Vec y) { return (Vec)(((Bits)x & ~sign_bit) | ((Bits)y & sign_bit)); }
// a where `mask` is all ones, b where it is 0.
inline Vec blend(Bits mask, Vec a, Vec b) { return (Vec)((mask & (Bits)a) | (~mask & (Bits)b)); }

// hi + lo. Products and quotients need lo to be at most a few units in the last place of hi.
struct Pair {
  Vec hi, lo;
};

// a + b exactly, for |a| >= |b| or a = 0 (Dekker 1971).
inline Pair fast_sum(Vec a, Vec b) {
  const Vec sum = a + b;
  return {sum, b - (sum - a)};
}

// a + b exactly (Knuth 4.2.2).
inline Pair exact_sum(Vec a, Vec b) {
  const Vec sum = a + b;
  const Vec part = sum - a;
  return {sum, (a - (sum - part)) + (b - part)};
}

// a·b, short of underflow: exactly, or without fma to 2^-106 by halves of 26 and 27 bits.
inline Pair exact_product(Vec a, Vec b) {
  const Vec product = a * b;
#if defined(LAWFIT_SIMD_SSE2)
  constexpr unsigned long long upper = ~0ULL << 27;
  const Vec a_high = (Vec)((Bits)a & upper), a_low = a - a_high;
  const Vec b_high = (Vec)((Bits)b & upper), b_low = b - b_high;
  return {product,
          (((a_high * b_high - product) + a_high * b_low) + a_low * b_high) + a_low * b_low};
#else
  return {product, fma(a, b, -product)};
#endif
}

// c − a·b, rounded once where a·b is near c.
inline Vec rest_of_product(Vec c, Vec a, Vec b) {
#if defined(LAWFIT_SIMD_SSE2)
  const Pair product = exact_product(a, b);
  return (c - product.hi) - product.lo;
#else
  return fma(-a, b, c);
#endif
}

inline Pair operator*(Pair a, Pair b) {
  const Pair product = exact_product(a.hi, b.hi);
  return {product.hi, product.lo + fma(a.hi, b.lo, a.lo * b.hi)};
}

// a/b to about twice a double's precision.
inline Pair operator/(Pair a, Pair b) {
  const Vec inverse = all(1.0) / b.hi, quotient = a.hi * inverse;
  const Vec rest = rest_of_product(a.hi, quotient, b.hi) + fma(-quotient, b.lo, a.lo);
  return {quotient, rest * inverse};
}

// Σ_i c[i]·x^i, its even and its odd terms side by side.
template <int n> inline Vec polynomial(Vec x, const double (&c)[n]) {
  static_assert(n >= 2);
  const Vec x2 = x * x;
  Vec last = all(c[n - 1]), before = all(c[n - 2]);
#pragma GCC unroll 8
  for (int i = n - 3; i >= 0; i -= 2) {
    last = fma(last, x2, all(c[i]));
    if (i > 0)
      before = fma(before, x2, all(c[i - 1]));
  }
  // The term of x^0 is in `last` when n is odd.
  return n % 2 == 0 ? fma(last, x, before) : fma(before, x, last);
}

template <Vec (*f)(Vec)> void map(const double *x, double *y, std::size_t n) {
  std::size_t i = 0;
  for (; i + lanes <= n; i += lanes)
    store(y + i, f(load(x + i)));
  if (i == n)
    return;
  double padded[lanes] = {};
  for (std::size_t j = 0; i + j < n; ++j)
    padded[j] = x[i + j];
  store(padded, f(load(padded)));
  for (std::size_t j = 0; i + j < n; ++j)
    y[i + j] = padded[j];
}

template <Vec (*f)(Vec, Vec)>
void map_two(const double *x, const double *y, double *z, std::size_t n) {
  std::size_t i = 0;
  for (; i + lanes <= n; i += lanes)
    store(z + i, f(load(x + i), load(y + i)));
  if (i == n)
    return;
  double padded_x[lanes] = {}, padded_y[lanes] = {};
  for (std::size_t j = 0; i + j < n; ++j) {
    padded_x[j] = x[i + j];
    padded_y[j] = y[i + j];
  }
  store(padded_x, f(load(padded_x), load(padded_y)));
  for (std::size_t j = 0; i + j < n; ++j)
    z[i + j] = padded_x[j];
}

} // namespace
} // namespace lawfit::simd
