// The elementary functions of every instruction set, for their tests.
#pragma once

#include "simd_levels.hpp"

#include <algorithm>
#include <cstdint>
#include <functional>
#include <string>

namespace levels {

namespace simd = lawfit::simd;
using Real = long double;

constexpr double largest = std::numeric_limits<double>::max();
constexpr double smallest = std::numeric_limits<double>::denorm_min();
constexpr double half_pi = 1.5707963267948966;

// A function of one argument or of two, over arrays.
struct Function {
  const char *name;
  simd::Map Table::*one;
  simd::MapTwo Table::*two;
  std::function<Real(Real, Real)> reference;

  std::vector<double> operator()(const Table *table, const std::vector<double> &x,
                                 const std::vector<double> &y) const {
    std::vector<double> z(x.size());
    apply(table, x.data(), y.data(), z.data(), x.size());
    return z;
  }
  void apply(const Table *table, const double *x, const double *y, double *z, std::size_t n) const {
    if (one)
      (table->*one)(x, z, n);
    else
      (table->*two)(x, y, z, n);
  }
};

template <class F> Function unary(const char *name, simd::Map Table::*map, F reference) {
  return {name, map, nullptr, [=](Real x, Real) { return reference(x); }};
}

inline const Function functions[] = {
    unary("exp", &Table::exp, [](Real x) { return std::exp(x); }),
    unary("log", &Table::log, [](Real x) { return std::log(x); }),
    unary("expm1", &Table::expm1, [](Real x) { return std::expm1(x); }),
    unary("log1p", &Table::log1p, [](Real x) { return std::log1p(x); }),
    unary("sin", &Table::sin, [](Real x) { return std::sin(x); }),
    unary("cos", &Table::cos, [](Real x) { return std::cos(x); }),
    unary("tan", &Table::tan, [](Real x) { return std::tan(x); }),
    unary("atan", &Table::atan, [](Real x) { return std::atan(x); }),
    unary("tanh", &Table::tanh, [](Real x) { return std::tanh(x); }),
    unary("expit", &Table::expit, [](Real x) { return 1 / (1 + std::exp(-x)); }),
    {"pow", nullptr, &Table::pow, [](Real x, Real y) { return std::pow(x, y); }},
    {"logaddexp", nullptr, &Table::logaddexp,
     [](Real x, Real y) { return std::fmax(x, y) + std::log1p(std::exp(-std::abs(x - y))); }}};

inline const Function &function(const std::string &name) {
  return *std::find_if(std::begin(functions), std::end(functions),
                       [&](const Function &f) { return f.name == name; });
}

inline double of_bits(std::uint64_t bits) {
  double x;
  std::memcpy(&x, &bits, sizeof x);
  return x;
}

} // namespace levels
