// The last digits of a minimum: how many of them rounding leaves, and a search for the others in
// numbers of 106 bits.
#pragma once

#include <vector>

#include "lawfit/covariance.hpp"
#include "lawfit/descent.hpp"
#include "lawfit/problem.hpp"
#include "lawfit/row_program.hpp"

namespace lawfit {

struct Refinement {
  // Of each free parameter, about how far rounding in the law and in the sums may have moved it, as
  // a share of its size or of its standard error, whichever is larger. 0 at a bound, NaN where it
  // is not known.
  std::vector<double> precision;
  // The minimum with more digits; empty where the search's own has as many as are to be had.
  std::vector<double> theta;
  // Whether those are all that a double holds. Then the residuals and the objective are known too,
  // as they are before theta is rounded.
  bool exact = false;
  std::vector<double> residuals;
  double objective = 0;
};

// A share beyond which a fit is called imprecise.
constexpr double imprecise_share = 1e-6;

// theta: a minimum within bounds, in natural coordinates; at_bound and found: what was made of it.
// Where rounding matters, Newton's method goes on from there with the gradient in more digits and
// the Hessian in doubles, as in iterative refinement of a linear system, until its steps are below
// rounding; it is given up where steps do not shrink or would leave the bounds. Laws of more than
// rules (UndividedLaw::has_rules_alone) and very many rows are left as they are.
Refinement refine(const Problem &problem, const UndividedLaw &law, const SolverOptions &bounds,
                  const std::vector<double> &theta, const std::vector<bool> &at_bound,
                  const Covariance &found, Cancel &cancel);

} // namespace lawfit
