// What tests of the instruction sets' tables share.
#pragma once

#include "lawfit/simd_tables.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
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

// Those with a fused multiply-add, which agree to the bit.
inline std::vector<const Table *> fused() {
  std::vector<const Table *> found;
  for (const char *name : {"avx512", "avx2", "neon"})
    if (const Table *table = find_table(name))
      found.push_back(table);
  return found;
}

// Equal bits; any NaN is any other.
inline bool same(double a, double b) {
  return std::memcmp(&a, &b, sizeof a) == 0 || (std::isnan(a) && std::isnan(b));
}

inline bool same_rows(const std::vector<double> &a, const std::vector<double> &b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), same);
}

// What stands where kernels write nothing.
constexpr double untouched = -7e77;
inline bool is_untouched(const std::vector<double> &row, std::size_t from) {
  return std::all_of(row.begin() + static_cast<std::ptrdiff_t>(from), row.end(),
                     [](double x) { return x == untouched; });
}

inline auto uniform(double low, double high) {
  return [=](auto &random) { return std::uniform_real_distribution<double>(low, high)(random); };
}

} // namespace levels
