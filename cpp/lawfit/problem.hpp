// Columns, a law and a robust loss make an objective of the free parameters:
//   F(θ) = Σ_i w_i·rho(r_i),  r_i = log f_i(θ) − log y_i  or  f_i(θ) − y_i,
// or, for rates out of w_i trials, half their binomial deviance.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "lawfit/evaluator.hpp"
#include "lawfit/linalg.hpp"
#include "lawfit/loss.hpp"
#include "lawfit/simd_types.hpp"

namespace lawfit {

// Matrices are p×p, row-major, symmetric with both triangles filled.
struct Evaluation {
  double objective = 0;
  double gradient[max_parameters];
  // Σ w·(rho'(r)/r)·∂r∂rᵀ, the matrix of robust Gauss–Newton; a majoriser for a linear law. Of a
  // binomial loss the expected information
  double gauss_newton[max_parameters * max_parameters];
  // ∇²F, exact
  double hessian[max_parameters * max_parameters];
};

// What the solver minimises.
class Objective {
public:
  virtual ~Objective() = default;
  virtual int parameters() const = 0;
  // Fills `out` up to the derivatives asked for (0: none, 1: gradient and Gauss–Newton, 2: the
  // Hessian too). False where something is not finite.
  virtual bool evaluate(const double *theta, int order, Evaluation &out) = 0;
  virtual bool cheap_hessian() const = 0;
  // An objective as small as this is zero but for rounding in the data.
  virtual double rounding() const = 0;
  // As of a Problem's Workspace; false where there is no delta.
  virtual bool widen(double) { return false; }
};

enum class Space { log, linear };

struct ProblemOptions {
  Loss loss = Loss::huber;
  double delta = 1e-3;
  Space space = Space::log;
  // Which free parameters are positive and to be sought by their logarithms; empty: none. One that
  // is centred, or that the law is linear in, is better off as it is.
  std::vector<bool> logarithmic = {};
};

class Problem {
public:
  // theta: values of all parameters, those not free stay as they are. may_centre: of each free
  // parameter, as in make_terms. weights may be empty. Throws std::invalid_argument for lengths
  // that differ, no row, no free parameter or more than 32, a binomial loss in log space or of a y
  // that is no rate.
  Problem(const Program &program, const Data &data, std::vector<double> y,
          std::vector<double> weights, const ProblemOptions &options,
          const std::vector<double> &theta, const std::vector<bool> &free,
          const std::vector<bool> &may_centre, Cancel &cancel);

  // A copy whose rows take_rows() chooses.
  Problem(const Problem &other);
  Problem &operator=(const Problem &) = delete;
  // Row i of `whole`, whose copy this is, counts times[i] times: its weight is multiplied. Rows
  // that count 0 times are left out. What does not depend on the rows' number stays as it is: the
  // coordinates, the scale. Allocates nothing.
  void take_rows(const Problem &whole, const std::uint32_t *times);

  // One thread's scratch space, and the coordinates in which it gives and takes parameters.
  class Workspace {
  public:
    Workspace(const Problem &problem, Coordinates coordinates);
    // A copy would share the room that function_values point to.
    Workspace(Workspace &&) = default;
    Workspace &operator=(Workspace &&) = default;

    // From here on the loss turns from square to linear at so many times its delta.
    void widen(double times) { deltas = times; }

  private:
    friend class Problem;
    Coordinates coordinates;
    double deltas = 1;
    std::vector<double> evaluator, scalars, inputs, rows, jacobian, sums, functions, arguments;
    std::vector<RowValues> function_values; // of each function, in `functions`
    struct Signed {
      std::size_t index;
      double sign;
    };
    std::vector<Signed> parameters; // what the inputs are, or empty where they are more than that
  };

  int parameters() const { return evaluator_->scalars().parameters(); }
  std::size_t rows() const { return y_.size(); }
  const Evaluator &evaluator() const { return *evaluator_; }
  const ProblemOptions &options() const { return options_; }
  // Whether the loss has a knee.
  bool has_delta() const {
    return (options_.loss == Loss::huber || options_.loss == Loss::soft_l1) &&
           std::isfinite(options_.delta);
  }
  const std::vector<double> &target() const { return y_; }
  // Empty where all are 1.
  const std::vector<double> &weights() const { return weights_; }
  // The value of the law below which its logarithm is continued.
  double least_logarithm() const { return weighing_.floor; }
  double rounding() const { return rounding_; }
  // The relative error of the law's derivatives, where that is more than rounding.
  double noise() const;
  // Typical size of a residual's operand: |log y| (at least 1) or |y|, root mean square.
  double scale() const { return scale_; }

  bool evaluate(const double *theta, int order, Evaluation &out, Workspace &work,
                Cancel &cancel) const;

  // The law's value at every row.
  void predict(const double *theta, double *f, Workspace &work, Cancel &cancel) const;

  // A row's parts, for who needs more than sums: value f, residual r, h1 = ∂r/∂f, score. The
  // residual of a binomial loss is Pearson's, (f−y)/√(f(1−f)), its denominator taken as given.
  struct Rows {
    std::size_t first, n;
    const double *value, *residual, *h1, *score; // score = w·rho'(r)
    const double *weight;                        // null where all are 1
    const double *jacobian;                      // ∂f/∂θ_k at k*block_rows
  };
  // Visits rows in chunks of `chunk` (<= block_rows), every `stride` rows.
  template <class Visit>
  void visit_rows(const double *theta, std::size_t chunk, std::size_t stride, Workspace &work,
                  Cancel &cancel, Visit &&visit) const {
    begin(theta, 1, work, cancel);
    for (std::size_t first = 0; first < rows(); first += stride) {
      cancel.check();
      visit(rows_at(first, std::min(chunk, rows() - first), work));
    }
  }

  // Which free parameters the law is linear in, in centred coordinates, all together.
  const std::vector<bool> &linear() const { return linear_; }
  // Between the coordinates, in place.
  void to_natural(std::vector<double> &theta) const;
  void to_centred(std::vector<double> &theta) const;
  void to_natural(double *theta, Workspace &work) const;
  void to_centred(double *theta, Workspace &work) const;
  // Of those parameters that are logarithms in centred coordinates, in place: for starts and bounds
  // that are the same in both coordinates but for these.
  void take_logarithms(std::vector<double> &theta) const;

private:
  void begin(const double *theta, int order, Workspace &work, Cancel &cancel) const;
  void keep_taken(std::size_t arguments, int order, const RowValues &values) const;
  // Of rows whose values are in `rows`: their share of the objective, and what `purpose` asks for.
  double weigh(std::size_t first, std::size_t n, simd::WeighFor purpose, Workspace &work) const;
  double weigh_rates(std::size_t first, std::size_t n, double *rows) const;
  Rows rows_at(std::size_t first, std::size_t n, Workspace &work) const;
  std::vector<Workspace::Signed> signed_inputs(Coordinates coordinates) const;
  bool chain(double objective, int order, const Workspace &work, Evaluation &out) const;
  void chain_signs(const Workspace &work, Evaluation &out) const;
  void chain_scalars(int order, const Workspace &work, Evaluation &out) const;

  std::vector<double> y_, log_y_, weights_;
  std::vector<std::size_t> taken_; // which rows of those that functions have; empty: all
  std::size_t function_rows_;
  ProblemOptions options_;
  struct Function {
    std::shared_ptr<const RowFunction> of;
    std::vector<int> arguments; // instructions of the evaluator's scalars
  };
  std::vector<Function> functions_;
  std::unique_ptr<Evaluator> evaluator_;
  std::vector<bool> linear_;
  simd::Weighing weighing_{};
  double rounding_ = 0, scale_ = 0;
};

} // namespace lawfit
