// Plain doubles as the `Math` of kernels that are written for vectors.
#pragma once

#include <cmath>
#include <cstddef>

namespace lawfit::simd {
namespace {

struct Doubles {
  using V = double;
  static constexpr std::size_t lanes = 1;
  static V load(const double *p) { return *p; }
  static V load_some(const double *, std::size_t) { return 0.0; } // of no element
  static void store(double *p, V v) { *p = v; }
  static void stream(double *p, V v) { *p = v; }
  static void stream_one(double *p, double x) { *p = x; }
  template <std::size_t> static V after(V a, V) { return a; }
  static V fma(V a, V b, V c) { return a * b + c; }
  static V sqrt(V x) { return std::sqrt(x); }
  static V exp(V x) { return std::exp(x); }
  static V log(V x) { return std::log(x); }
};

} // namespace
} // namespace lawfit::simd
