// A problem as the solver sees it, in the coordinates of a workspace.
#pragma once

#include <limits>

#include "lawfit/problem.hpp"

namespace lawfit {

class ProblemObjective : public Objective {
public:
  ProblemObjective(const Problem &problem, Problem::Workspace &work, Cancel &cancel)
      : problem_(problem), work_(work), cancel_(cancel) {}
  int parameters() const override { return problem_.parameters(); }
  bool evaluate(const double *theta, int order, Evaluation &out) override {
    cancel_.check();
    const bool finite = problem_.evaluate(theta, order, out, work_, cancel_);
    if (evaluations_++ == 0 && finite)
      first_ = out.objective;
    return finite;
  }
  bool cheap_hessian() const override { return problem_.evaluator().cheap_hessian(); }
  double rounding() const override { return problem_.rounding(); }
  bool widen(double deltas) override {
    work_.widen(deltas);
    return problem_.has_delta();
  }
  // For who is out of time before the search is over: the objective at its start, or NaN, and how
  // many evaluations there were.
  double first() const { return first_; }
  int evaluations() const { return evaluations_; }

private:
  const Problem &problem_;
  Problem::Workspace &work_;
  Cancel &cancel_;
  double first_ = std::numeric_limits<double>::quiet_NaN();
  int evaluations_ = 0;
};

} // namespace lawfit
