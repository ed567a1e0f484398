// The kernels of simd.hpp, written once with the vector extensions of GCC and Clang and built once
// per instruction set: simd_avx512.cpp and its sisters name theirs and include this file.
//
// Everything is in an unnamed namespace and nothing inline from the standard library is called, so
// that no code built for one instruction set can be linked into another's.
#pragma once

#include "lawfit/simd_drop.hpp"
#include "lawfit/simd_tables.hpp"
#include "lawfit/simd_term.hpp"
#include "lawfit/simd_weigh.hpp"

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
// A tile of the Gram matrix is as large as the registers allow, and so is a `whole` matrix.
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
constexpr int tile = 4, whole = 6;
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
constexpr int tile = 2, whole = 2;
#elif defined(LAWFIT_SIMD_NEON)
typedef double Vec __attribute__((vector_size(16)));
typedef unsigned long long Bits __attribute__((vector_size(16)));
inline Vec fma(Vec a, Vec b, Vec c) { return vfmaq_f64(c, a, b); }
inline Vec clamp(Vec low, Vec high, Vec x) { return vminq_f64(high, vmaxq_f64(low, x)); }
inline Vec sqrt(Vec x) { return vsqrtq_f64(x); }
inline double add_lanes(Vec x) { return x[0] + x[1]; }
constexpr int tile = 2, whole = 2;
#elif defined(LAWFIT_SIMD_SSE2)
typedef double Vec __attribute__((vector_size(16)));
typedef unsigned long long Bits __attribute__((vector_size(16)));
inline Vec fma(Vec a, Vec b, Vec c) { return a * b + c; }
inline Vec clamp(Vec low, Vec high, Vec x) { return _mm_min_pd(high, _mm_max_pd(low, x)); }
inline Vec sqrt(Vec x) { return _mm_sqrt_pd(x); }
inline double add_lanes(Vec x) { return x[0] + x[1]; }
constexpr int tile = 1, whole = 1;
#endif

constexpr std::size_t lanes = sizeof(Vec) / sizeof(double);

inline Vec all(double value) { return value - Vec{}; }
inline Vec load(const double *p) {
  Vec v;
  __builtin_memcpy(&v, p, sizeof v);
  return v;
}
inline void store(double *p, Vec v) { __builtin_memcpy(p, &v, sizeof v); }

// ln 2 in two parts: the first has 42 bits, so its product with any exponent is exact.
constexpr double ln2_high = 0x1.62e42fefa3800p-1;
constexpr double ln2_low = 0x1.ef35793c76730p-45;

// exp(x) = 2^k·exp(r), k = round(x / ln 2), |r| <= ln(2)/2: Cody and Waite's reduction ("Software
// Manual for the Elementary Functions", 1980, ch. 6) and exp(r) = 1 + r + r²·q(r). q minimises the
// relative error of exp(r): Remez exchange in 60 digits, coefficients rounded to double one after
// the other and the rest fitted again; the error is below 2^-57.8.
inline Vec exp_of(Vec x) {
  // Beyond these the result is inf or 0, and k stays small.
  x = clamp(all(-746.0), all(710.0), x);

  // Adding 1.5·2^52 rounds to an integer and leaves it in the low bits; 2046 makes it positive.
  const Vec shift = all(0x1.8p52 + 2046);
  const Vec shifted = fma(x, all(0x1.71547652b82fep+0), shift);
  const Vec k = shifted - shift;
  const Vec x_high = fma(k, all(-ln2_high), x); // exact
  const Vec r = fma(k, all(-ln2_low), x_high);
  const Vec r_low = fma(k, all(-ln2_low), x_high - r); // what rounding took from r

  const Vec r2 = r * r;
  Vec even = fma(all(0x1.28aedecf19a9ap-22), r2, all(0x1.a019988a7c076p-16));
  Vec odd = fma(all(0x1.add8ff67a7b30p-26), r2, all(0x1.71def3ba2661ap-19));
  even = fma(even, r2, all(0x1.6c16c184b5dafp-10));
  odd = fma(odd, r2, all(0x1.a01a013d62cc1p-13));
  even = fma(even, r2, all(0x1.5555555550605p-5));
  odd = fma(odd, r2, all(0x1.1111111124d28p-7));
  even = fma(even, r2, all(0x1.000000000000ap-1));
  odd = fma(odd, r2, all(0x1.5555555555503p-3));
  const Vec q = fma(odd, r, even);

  // 1 + r is kept as a rounded sum and its error (Dekker 1971), which is what keeps the result near
  // half an ulp: 0.71 at worst on a million arguments, 0.8 where it is subnormal and rounds twice.
  const Vec sum = all(1.0) + r;
  const Vec error = (all(1.0) - sum) + r;
  const Vec power = sum + (error + fma(r2, q, r_low));

  // 2^k as two factors, each a normal number, so that a subnormal result is rounded once more only.
  const Bits biased = (Bits)shifted; // k + 2046 in the low bits
  const Bits half = biased >> 1;
  return power * (Vec)(half << 52) * (Vec)((biased - half) << 52);
}

// log(x) = k·ln 2 + log(1 + f), 1 + f in [√½, √2). With s = f/(2 + f), h = f²/2 and R(s²) =
// (log((1+s)/(1-s)) - 2s)/s, log(1 + f) = f - (h - s·(h + R)): Ng's form of the series (FreeBSD
// msun, e_log.c). R minimises the relative error of log(1 + f), found like q above; the error is
// below 2^-59.4.
inline Vec log_of(Vec x) {
  const auto subnormal = x < all(0x1p-1022);
  const Vec scaled = subnormal ? x * all(0x1p54) : x;
  const Vec k_shift = subnormal ? all(0x1p52 + 1023 + 54) : all(0x1p52 + 1023);

  constexpr unsigned long long one = 0x3ff0000000000000;
  constexpr unsigned long long sqrt_half = 0x3fe6a09e667f3bcd;
  const Bits bits = (Bits)scaled - (sqrt_half - one);
  const Vec k = (Vec)((bits >> 52) | (Bits)all(0x1p52)) - k_shift;
  const Vec f = (Vec)((bits & 0x000fffffffffffff) + sqrt_half) - all(1.0);

  const Vec s = f / (all(2.0) + f);
  const Vec z = s * s;
  const Vec z2 = z * z;
  Vec odd = fma(all(0x1.2f0256afec1f1p-3), z2, all(0x1.74663ba665791p-3));
  Vec even = fma(all(0x1.39a20b3a4b7b5p-3), z2, all(0x1.c71c521a0f866p-3));
  odd = fma(odd, z2, all(0x1.24924941db4e8p-2));
  even = fma(even, z2, all(0x1.999999997ff63p-2));
  odd = fma(odd, z2, all(0x1.5555555555592p-1));
  const Vec R = z * fma(even, z, odd);

  // k·ln 2 + f as a rounded sum and its error, like 1 + r above; small terms are added first.
  const Vec k_ln2 = k * all(ln2_high); // exact
  const Vec sum = k_ln2 + f;
  const Vec error = fma(k, all(ln2_low), (k_ln2 - sum) + f);
  const Vec half_f = all(0.5) * f;
  const Vec bent = fma(s, fma(half_f, f, R), error);
  const Vec y = sum + fma(-half_f, f, bent);

  const Vec not_positive = x == all(0.0) ? all(-__builtin_inf()) : all(__builtin_nan(""));
  const Vec checked = x > all(0.0) ? y : not_positive;
  return x < all(__builtin_inf()) ? checked : x; // inf and NaN are their own
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

// Sums over rows run in blocks of one element a part, whatever the width of a vector.
constexpr std::size_t block = sum_parts;
constexpr int parts = static_cast<int>(block / lanes);

struct Block {
  Vec part[parts];
};

// count < block elements are followed by zeros.
inline Block load_block(const double *p, std::size_t count) {
  double padded[block] = {};
  if (count < block) {
    for (std::size_t i = 0; i < count; ++i)
      padded[i] = p[i];
    p = padded;
  }
  Block result;
#pragma GCC unroll 4
  for (int k = 0; k < parts; ++k)
    result.part[k] = load(p + static_cast<std::size_t>(k) * lanes);
  return result;
}

// Halves are added to halves, down to one.
inline double total(Block sums) {
#pragma GCC unroll 4
  for (int half = parts / 2; half > 0; half /= 2)
#pragma GCC unroll 4
    for (int k = 0; k < half; ++k)
      sums.part[k] += sums.part[k + half];
  return add_lanes(sums.part[0]);
}

// GCC keeps the sums of a tile in registers only when every loop over them is unrolled early, hence
// the pragmas.
//
// Σ_i w_i·a_r,i·b_c,i for a tile of rows a_r and columns b_c of J, or Σ_i w_i·b_c,i when not
// `weighted`. On the diagonal, where a is b, c <= r is enough.
template <int rows, int cols, bool weighted, bool diagonal> struct Tile {
  Block sums[rows][cols];

  void clear() {
#pragma GCC unroll 6
    for (int r = 0; r < rows; ++r)
#pragma GCC unroll 6
      for (int c = 0; c < cols; ++c)
#pragma GCC unroll 4
        for (int k = 0; k < parts; ++k)
          sums[r][c].part[k] = Vec{};
  }

  void add(const double *a, const double *b, std::size_t stride, const double *w,
           std::size_t count) {
    const Block weights = load_block(w, count);
    Block left[rows];
#pragma GCC unroll 6
    for (int r = 0; r < rows; ++r) {
      left[r] = weights;
      if (weighted) {
        const Block row = load_block(a + static_cast<std::size_t>(r) * stride, count);
#pragma GCC unroll 4
        for (int k = 0; k < parts; ++k)
          left[r].part[k] *= row.part[k];
      }
    }
#pragma GCC unroll 6
    for (int c = 0; c < cols; ++c) {
      const Block right = load_block(b + static_cast<std::size_t>(c) * stride, count);
#pragma GCC unroll 6
      for (int r = diagonal ? c : 0; r < rows; ++r)
#pragma GCC unroll 4
        for (int k = 0; k < parts; ++k)
          sums[r][c].part[k] = fma(left[r].part[k], right.part[k], sums[r][c].part[k]);
    }
  }
};

// out[r*out_stride + c] += the tile's sums over n elements, for as many rows and columns of the
// largest tile as there are.
template <int rows, int cols, bool weighted, bool diagonal>
void add_tile(int rows_left, int cols_left, const double *a, const double *b, std::size_t stride,
              const double *w, std::size_t n, double *out, int out_stride) {
  if constexpr (rows > 1)
    if (rows_left < rows)
      return add_tile<rows - 1, diagonal ? rows - 1 : cols, weighted, diagonal>(
          rows_left, cols_left, a, b, stride, w, n, out, out_stride);
  if constexpr (cols > 1 && !diagonal)
    if (cols_left < cols)
      return add_tile<rows, cols - 1, weighted, diagonal>(rows_left, cols_left, a, b, stride, w, n,
                                                          out, out_stride);
  Tile<rows, cols, weighted, diagonal> tile_sums;
  tile_sums.clear();
  std::size_t i = 0;
  for (; i + block <= n; i += block)
    tile_sums.add(a + i, b + i, stride, w + i, block);
  if (i < n)
    tile_sums.add(a + i, b + i, stride, w + i, n - i);
#pragma GCC unroll 6
  for (int r = 0; r < rows; ++r)
#pragma GCC unroll 6
    for (int c = 0; c < (diagonal ? r + 1 : cols); ++c)
      out[r * out_stride + c] += total(tile_sums.sums[r][c]);
}

void add_gram(const double *jac, std::size_t stride, int m, const double *w, std::size_t n,
              double *gram) {
  if (m <= whole)
    return add_tile<whole, whole, true, true>(m, m, jac, jac, stride, w, n, gram, m);
  for (int a = 0; a < m; a += tile) {
    const double *row = jac + static_cast<std::size_t>(a) * stride;
    double *out = gram + a * m;
    for (int b = 0; b < a; b += tile)
      add_tile<tile, tile, true, false>(
          m - a, tile, row, jac + static_cast<std::size_t>(b) * stride, stride, w, n, out + b, m);
    add_tile<tile, tile, true, true>(m - a, m - a, row, row, stride, w, n, out + a, m);
  }
}

void add_product(const double *jac, std::size_t stride, int m, const double *c, std::size_t n,
                 double *g) {
  for (int a = 0; a < m; a += 4)
    add_tile<1, 4, false, false>(1, m - a, jac, jac + static_cast<std::size_t>(a) * stride, stride,
                                 c, n, g + a, 0);
}

// For kernels that are written for any `Math`.
struct Vectors {
  typedef Vec V;
  static constexpr std::size_t lanes = simd::lanes;
  static V load(const double *p) { return simd::load(p); }
  static void store(double *p, V v) { simd::store(p, v); }
  static V fma(V a, V b, V c) { return simd::fma(a, b, c); }
  static V sqrt(V x) { return simd::sqrt(x); }
  static V exp(V x) { return exp_of(x); }
  static V log(V x) { return log_of(x); }
};

} // namespace
} // namespace lawfit::simd
