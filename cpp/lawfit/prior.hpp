// What is known of the parameters before any row is seen: ½(θ − m)ᵀP(θ − m), added to the
// objective.
#pragma once

#include <cmath>
#include <cstddef>
#include <stdexcept>
#include <utility>
#include <vector>

#include "lawfit/problem.hpp"

namespace lawfit {

// In natural coordinates and the objective's unit: the mean m, and the precision P, row-major. Both
// empty where nothing is known.
struct Prior {
  std::vector<double> mean, precision;

  bool empty() const { return mean.empty(); }
  void check(std::size_t parameters) const {
    if (mean.size() != parameters || precision.size() != parameters * parameters)
      throw std::invalid_argument("a prior must hold the free parameters");
  }

  // Adds the term, its gradient and, to both matrices, P.
  void add(const double *theta, int order, Evaluation &out) const {
    const std::size_t p = mean.size();
    for (std::size_t i = 0; i < p; ++i) {
      double pull = 0; // row i of P(θ − m)
      for (std::size_t j = 0; j < p; ++j)
        pull += precision[i * p + j] * (theta[j] - mean[j]);
      out.objective += 0.5 * (theta[i] - mean[i]) * pull;
      if (order == 0)
        continue;
      out.gradient[i] += pull;
      for (std::size_t j = 0; j < p; ++j) {
        out.gauss_newton[i * p + j] += precision[i * p + j];
        if (order > 1)
          out.hessian[i * p + j] += precision[i * p + j];
      }
    }
  }
};

// An objective and a prior; the objective's coordinates must be natural.
class WithPrior final : public Objective {
public:
  WithPrior(Objective &rows, const Prior &prior) : rows_(rows), prior_(prior) {}
  int parameters() const override { return rows_.parameters(); }
  bool evaluate(const double *theta, int order, Evaluation &out) override {
    if (!rows_.evaluate(theta, order, out))
      return false;
    prior_.add(theta, order, out);
    return std::isfinite(out.objective);
  }
  bool cheap_hessian() const override { return rows_.cheap_hessian(); }
  double rounding() const override { return rows_.rounding(); }
  bool widen(double deltas) override { return rows_.widen(deltas); }

private:
  Objective &rows_;
  const Prior &prior_;
};

} // namespace lawfit
