// Laws whose own value stands in their formula, f = g(f; inputs): solved row by row.
#pragma once

#include <memory>
#include <vector>

#include "lawfit/evaluator.hpp"

namespace lawfit {

// The tape of g: after those of inputs() it has one more input, the unknown, that differs from row
// to row. Jacobians have room for it as the last of m + 1 inputs.
class UnknownTape : public Evaluator {
public:
  using Evaluator::Evaluator;
  virtual std::unique_ptr<UnknownTape> clone_tape() const = 0;
  // Where the unknown's values of the block go.
  virtual double *unknown(double *scratch) const = 0;
  // After an evaluate() of the same rows: g and ∂g/∂unknown at other values of the unknown.
  virtual void follow(std::size_t first, std::size_t n, const RowValues *functions, double *g,
                      double *slope, double *scratch) const = 0;
  // For the rows of the last evaluate() with a Jacobian: ∂²g_i/∂input_k∂unknown at
  // k*block_rows + i, that by the unknown twice last.
  virtual const double *along_unknown(std::size_t first, std::size_t n, const RowValues *functions,
                                      double *scratch) const = 0;
};

std::unique_ptr<UnknownTape> make_unknown_tape(Divided law);

// f > 0 with f = g(f), where f − g rises through 0, by Newton's method from f = 1, kept inside
// whatever bracket is known and taken to rounding. NaN where none is found. A row's f depends on
// the row and the inputs alone. Derivatives are those of the implicit function.
std::unique_ptr<Evaluator> make_implicit(Divided law);

// The law's value at every row, when nothing is free.
std::vector<double> solve_rows(Divided law, std::size_t rows, Cancel &cancel);

} // namespace lawfit
