// What the data say about the estimates: covariance, rank, condition.
#pragma once

#include <vector>

#include "lawfit/problem.hpp"

namespace lawfit {

struct Covariance {
  // p×p, row-major. Squared loss: s²(JᵀJ)⁻¹ with s² = Σwr²/(n−p), p the rank, and J from a QR
  // factorisation. Robust losses: the sandwich n/(n−p)·H⁻¹(Σ ψᵢ²jᵢjᵢᵀ)H⁻¹, H the exact Hessian of
  // the objective, ψ = w·rho' (Huber 1981, section 7.6). Binomial loss: the inverse of the expected
  // information Σ w·∂f∂fᵀ/(f(1−f)), with no factor for dispersion: the trials give the scale.
  // Infinite for a parameter that the data do not determine, NaN for one that sits at a bound.
  std::vector<double> matrix;
  // Of robust losses whose delta is narrow: the same sandwich with H replaced by an estimate of its
  // expectation that rests on more than the few residuals within delta. Of the residuals the share
  // 1.295·n^(−1/5) that is least is taken, Bofinger's bandwidth for a density at the median
  // (Koenker 2005, Quantile Regression, section 3.4); H = (delta/h)·(1 − p/m)·Σ w·jjᵀ over these m,
  // with h the largest of them, as Powell's. 1 − p/m makes up for the p residuals that a fit of
  // nearly absolute values sets to nearly zero. Empty where h <= delta: then H is as good.
  std::vector<double> smoothed;
  // What errors and intervals rest on.
  const std::vector<double> &best() const { return smoothed.empty() ? matrix : smoothed; }

  int rank = 0;         // of the Jacobian, among parameters not at a bound
  double condition = 0; // of the Jacobian with its columns scaled to length 1
  std::vector<bool> undetermined;
  bool from_hessian = false; // false: H was not positive definite, Gauss–Newton's matrix stood in
};

// theta: a minimum, in natural coordinates; at_bound: which parameters sit at a bound.
Covariance covariance(const Problem &problem, const double *theta,
                      const std::vector<bool> &at_bound, Cancel &cancel);

} // namespace lawfit
