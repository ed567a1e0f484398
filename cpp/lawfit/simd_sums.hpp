// Sums over rows that are taken in parts. `Math` as in simd_plain.hpp.
#pragma once

#include "lawfit/simd_types.hpp"

namespace lawfit::simd {
namespace {

template <class Math> struct PartialSums {
  typename Math::V part[sum_parts / Math::lanes] = {};

  // Halves are added to halves, down to one.
  double total() const {
    alignas(64) double lane[sum_parts];
    for (std::size_t k = 0; k < sum_parts / Math::lanes; ++k)
      Math::store(lane + k * Math::lanes, part[k]);
    for (std::size_t half = sum_parts / 2; half > 0; half /= 2)
      for (std::size_t i = 0; i < half; ++i)
        lane[i] += lane[i + half];
    return lane[0];
  }
};

} // namespace
} // namespace lawfit::simd
