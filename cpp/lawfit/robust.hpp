// Robust losses: rho of a residual with its first two derivatives, for plain doubles and vectors.
#pragma once

#include "lawfit/loss.hpp"

namespace lawfit {
namespace {

template <class V> struct Rho {
  V rho;
  V d1;     // rho'(r)
  V weight; // rho'(r)/r, the weight of iteratively reweighted least squares; 1 at r = 0
  V d2;     // rho''(r)
};

// `Math` as in simd_plain.hpp.
template <Loss loss, class Math>
inline Rho<typename Math::V> rho(typename Math::V r, double delta) {
  using V = typename Math::V;
  const V one = V{} + 1.0;
  if constexpr (loss == Loss::squared) {
    return {0.5 * r * r, r, one, one};
  } else if constexpr (loss == Loss::huber) {
    const V size = r < V{} ? -r : r, knee = V{} + delta;
    const auto inside = size <= knee;
    return {inside ? 0.5 * r * r : delta * (size - 0.5 * delta),
            inside    ? r
            : r < V{} ? -knee
                      : knee,
            inside ? one : delta / size, inside ? one : V{}};
  } else {
    const V u = r / delta;
    const V root = Math::sqrt(1.0 + u * u);
    const V weight = 1.0 / root;
    // u²/(1 + root) is root - 1 without the cancellation.
    return {delta * delta * (u * u / (1.0 + root)), r * weight, weight, weight / (1.0 + u * u)};
  }
}

} // namespace
} // namespace lawfit
