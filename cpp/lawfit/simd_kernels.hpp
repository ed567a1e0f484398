// The kernels of simd.hpp, written once for the vectors of simd_vectors.hpp and built once per
// instruction set: simd_avx512.cpp and its sisters name theirs and include this file.
#pragma once

#include "lawfit/simd_areas.hpp"
#include "lawfit/simd_drop.hpp"
#include "lawfit/simd_math.hpp"
#include "lawfit/simd_pow.hpp"
#include "lawfit/simd_tables.hpp"
#include "lawfit/simd_term.hpp"
#include "lawfit/simd_trig.hpp"
#include "lawfit/simd_vectors.hpp"
#include "lawfit/simd_weigh.hpp"

namespace lawfit::simd {
namespace {

// A tile of the Gram matrix is as large as the registers allow, and so is a `whole` matrix.
#if defined(LAWFIT_SIMD_AVX512)
constexpr int tile = 4, whole = 6;
#elif defined(LAWFIT_SIMD_SSE2)
constexpr int tile = 1, whole = 1;
#else
constexpr int tile = 2, whole = 2;
#endif

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
  if (m == 0) // a tile has one row at least
    return;
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

  // Past the caches; the first to where a vector is aligned.
  static void stream(double *p, V v) {
#if defined(LAWFIT_SIMD_AVX512)
    _mm512_stream_pd(p, v);
#elif defined(LAWFIT_SIMD_AVX2)
    _mm256_stream_pd(p, v);
#elif defined(LAWFIT_SIMD_SSE2)
    _mm_stream_pd(p, v);
#else
    store(p, v);
#endif
  }
  static void stream_one(double *p, double x) {
#if defined(LAWFIT_SIMD_NEON)
    *p = x;
#else
    long long bits;
    __builtin_memcpy(&bits, &x, sizeof bits);
    _mm_stream_si64(reinterpret_cast<long long *>(p), bits);
#endif
  }

  // The first count < lanes elements, then zeros.
  static V load_some(const double *p, std::size_t count) {
#if defined(LAWFIT_SIMD_AVX512)
    return _mm512_maskz_loadu_pd(static_cast<__mmask8>((1U << count) - 1), p);
#else
    double padded[lanes];
    for (std::size_t i = 0; i < lanes; ++i)
      padded[i] = i < count ? p[i] : 0.0;
    return load(padded);
#endif
  }

  // The last k elements of a, then b without its last k.
  template <std::size_t k> static V after(V a, V b) {
#if defined(LAWFIT_SIMD_AVX512)
    return (Vec)_mm512_maskz_alignr_epi64(0xff, (__m512i)b, (__m512i)a, lanes - k);
#elif defined(__clang__) && defined(LAWFIT_SIMD_AVX2)
    return __builtin_shufflevector(a, b, 4 - k, 5 - k, 6 - k, 7 - k);
#elif defined(__clang__)
    return __builtin_shufflevector(a, b, 2 - k, 3 - k);
#else
    Bits place = {};
#pragma GCC unroll 8
    for (std::size_t i = 0; i < lanes; ++i)
      place[i] = lanes - k + i;
    return __builtin_shuffle(a, b, place);
#endif
  }
};

constexpr Table table_of(const char *level) {
  return {level,
          map<exp_of>,
          map<log_of>,
          map<expm1_of>,
          map<log1p_of>,
          map<sin_of>,
          map<cos_of>,
          map<tan_of>,
          map<atan_of>,
          map<tanh_of>,
          map<expit_of>,
          map_two<pow_of>,
          map_two<logaddexp_of>,
          add_gram,
          add_product,
          add_columns_of<Vectors>,
          weigh_of<Vectors>,
          add_term_of<Vectors>,
          add_moments_of<Vectors>,
          add_drop_of<Vectors>,
          stream_of<Vectors>,
          decreases_of<Vectors>,
          sum_areas_of<Vectors>,
          sweep_areas_of<Vectors>};
}

} // namespace
} // namespace lawfit::simd
