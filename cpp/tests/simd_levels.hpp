// What tests of the instruction sets' tables share.
#pragma once

#include "lawfit/simd_tables.hpp"

#include <cmath>
#include <cstring>
#include <limits>
#include <random>
#include <vector>

namespace levels {

using lawfit::simd::find_table;
using lawfit::simd::Table;

constexpr double inf = std::numeric_limits<double>::infinity();
constexpr double nan_ = std::numeric_limits<double>::quiet_NaN();

inline std::vector<const Table *> all() {
  std::vector<const Table *> found;
  for (const char *name : {"avx512", "avx2", "neon", "sse2", "scalar"})
    if (const Table *table = find_table(name))
      found.push_back(table);
  return found;
}

// Equal bits; any NaN is any other.
inline bool same(double a, double b) {
  return std::memcmp(&a, &b, sizeof a) == 0 || (std::isnan(a) && std::isnan(b));
}

inline auto uniform(double low, double high) {
  return [=](auto &random) { return std::uniform_real_distribution<double>(low, high)(random); };
}

} // namespace levels
