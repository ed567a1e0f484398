// Robust losses: rho of a residual with its first two derivatives.
#pragma once

#include <cmath>

namespace lawfit {

enum class Loss {
  squared, // rho = r²/2
  huber,   // rho = r²/2 for |r| <= δ, else δ(|r| - δ/2)            (Huber 1964)
  soft_l1, // rho = δ²(√(1 + (r/δ)²) - 1)
  binomial // no function of a residual alone: half the deviance of a rate, see binomial.hpp
};

struct Rho {
  double rho;
  double d1;     // rho'(r)
  double weight; // rho'(r)/r, the weight of iteratively reweighted least squares; 1 at r = 0
  double d2;     // rho''(r)
};

template <Loss loss> inline Rho rho(double r, double delta);

template <> inline Rho rho<Loss::squared>(double r, double) { return {0.5 * r * r, r, 1, 1}; }

template <> inline Rho rho<Loss::huber>(double r, double delta) {
  const double size = std::abs(r);
  if (size <= delta)
    return {0.5 * r * r, r, 1, 1};
  return {delta * (size - 0.5 * delta), std::copysign(delta, r), delta / size, 0};
}

template <> inline Rho rho<Loss::soft_l1>(double r, double delta) {
  const double u = r / delta;
  const double root = std::sqrt(1 + u * u);
  const double weight = 1 / root;
  // u²/(1 + root) is root - 1 without the cancellation.
  return {delta * delta * (u * u / (1 + root)), r * weight, weight, weight / (1 + u * u)};
}

} // namespace lawfit
