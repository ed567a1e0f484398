// What the data say about the estimates: covariance, rank, condition.
#pragma once

#include <limits>
#include <vector>

#include "lawfit/problem.hpp"
#include "lawfit/status.hpp"

namespace lawfit {

struct Covariance {
  // p×p, row-major. Squared loss: s²(JᵀJ)⁻¹ with s² = Σwr²/(n−p), p the rank, and J from a QR
  // factorisation. Robust losses: the sandwich n/(n−p)·H⁻¹(Σ ψᵢ²jᵢjᵢᵀ)H⁻¹, H the exact Hessian of
  // the objective, or where delta is narrow an estimate of its expectation (see Band), and
  // ψ = w·rho' (Huber 1981, section 7.6). Binomial loss: the inverse of the expected information
  // Σ w·∂f∂fᵀ/(f(1−f)), with no factor for dispersion: the trials give the scale. Infinite for a
  // parameter that the data do not determine, NaN for one that sits at a bound.
  std::vector<double> matrix;
  int rank = 0;         // of the Jacobian, among parameters not at a bound
  double condition = 0; // of the Jacobian with its columns scaled to length 1
  std::vector<bool> undetermined;
  bool from_hessian = false; // false: H was not positive definite, Gauss–Newton's matrix stood in

  // As the search ended, unless the data do not determine what it ended at.
  Status status(Status search) const;
  // What s² of a squared loss comes from, as the rows' own sum has it; else NaN.
  double objective = std::numeric_limits<double>::quiet_NaN();
  // The same by an objective that is known better.
  void rescale(double better);
};

// theta: a minimum, in natural coordinates; at_bound: which parameters sit at a bound.
Covariance covariance(const Problem &problem, const double *theta,
                      const std::vector<bool> &at_bound, Cancel &cancel);

} // namespace lawfit
