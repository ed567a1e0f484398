// The solver of one problem: one start to one local minimum, within bounds.
#pragma once

#include <memory>

#include "lawfit/descent.hpp"
#include "lawfit/problem.hpp"

namespace lawfit {

// An objective of at most max_parameters, its matrices dense.
class DenseModel final : public Model {
public:
  DenseModel() : now_(std::make_unique<Evaluation>()), next_(std::make_unique<Evaluation>()) {}

  // What is to be minimised from here on; it must outlive the search.
  void describe(Objective &objective);

  int parameters() const override { return p_; }
  bool cheap_hessian() const override { return objective_->cheap_hessian(); }
  double rounding() const override { return rounding_; }
  bool evaluate(const double *theta, int order) override {
    return objective_->evaluate(theta, order, *next_);
  }
  bool widen(double deltas) override { return objective_->widen(deltas); }
  void exchange() override { now_.swap(next_); }
  double objective() const override { return now_->objective; }
  double trial_objective() const override { return next_->objective; }
  const double *gradient() const override { return now_->gradient; }
  void diagonal(double *out) const override;
  bool solve(Curvature matrix, double damping, const double *diagonal, const unsigned char *free,
             double *s) override;
  double decrease(Curvature matrix, const double *s) const override;
  const double *hessian() const { return matrix(Curvature::hessian); }

private:
  const double *matrix(Curvature which) const {
    return which == Curvature::hessian ? now_->hessian : now_->gauss_newton;
  }

  Objective *objective_ = nullptr;
  int p_ = 0;
  double rounding_ = 0;
  std::unique_ptr<Evaluation> now_, next_;
};

// Allocates when built, never in solve().
class LevenbergMarquardt {
public:
  explicit LevenbergMarquardt(const SolverOptions &options) : descent_(options) {}

  // theta: the start, inside the bounds; becomes the minimum.
  SolverSummary solve(Objective &objective, double *theta, Observer *observer = nullptr) {
    model_.describe(objective);
    return descent_.solve(model_, theta, observer);
  }

  // The exact Hessian where the last solve ended, p×p, or null where it is not known.
  const double *hessian() const { return descent_.has_hessian() ? model_.hessian() : nullptr; }

private:
  Descent descent_;
  DenseModel model_;
};

} // namespace lawfit
