// A problem as the solver sees it, in the coordinates of a workspace.
#pragma once

#include "lawfit/problem.hpp"

namespace lawfit {

class ProblemObjective : public Objective {
public:
  ProblemObjective(const Problem &problem, Problem::Workspace &work, Cancel &cancel)
      : problem_(problem), work_(work), cancel_(cancel) {}
  int parameters() const override { return problem_.parameters(); }
  bool evaluate(const double *theta, int order, Evaluation &out) override {
    cancel_.check();
    return problem_.evaluate(theta, order, out, work_, cancel_);
  }
  bool cheap_hessian() const override { return problem_.evaluator().cheap_hessian(); }
  double rounding() const override { return problem_.rounding(); }
  bool widen(double deltas) override {
    work_.widen(deltas);
    return problem_.has_delta();
  }

private:
  const Problem &problem_;
  Problem::Workspace &work_;
  Cancel &cancel_;
};

} // namespace lawfit
