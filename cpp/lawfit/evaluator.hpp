// What the solver asks of a law: values, Jacobian and Hessian over a block of rows, with respect to
// a few inputs that are functions of the parameters.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <memory>
#include <utility>
#include <vector>

#include "lawfit/program.hpp"

namespace lawfit {

// Rows are handled in blocks whose arrays stay in the L1 cache.
constexpr std::size_t block_rows = 128;

// What a vector of free parameters holds. In `natural` coordinates A·x^-α has a narrow curved
// valley where the logarithm of x is far from 0; in `centred` ones A is replaced by the term's
// value at the geometric mean of x, in which the law is just as linear and the valley is straight;
// and parameters that take_logarithms() was told of are replaced by their logarithms.
enum class Coordinates { natural, centred };

// to[i] = from[rows[i]], i < n.
inline void gather(const std::vector<double> &from, const std::size_t *rows, std::size_t n,
                   std::vector<double> &to) {
  for (std::size_t i = 0; i < n; ++i)
    to[i] = from[rows[i]];
}

class Evaluator {
public:
  virtual ~Evaluator() = default;

  const ScalarProgram &scalars() const { return scalars_; }
  // Instructions of scalars() that the rows depend on.
  const std::vector<int> &inputs(Coordinates coordinates) const {
    return coordinates == Coordinates::natural ? inputs_ : centred_inputs_;
  }
  bool is_centred(int parameter) const {
    return std::any_of(centres_.begin(), centres_.end(),
                       [&](const Centre &centre) { return centre.parameter == parameter; });
  }
  // From now on these parameters, none of which may be centred, are logarithms in centred
  // coordinates.
  void take_logarithms(const std::vector<bool> &parameters) {
    logarithmic_ = parameters;
    of_logarithms_ = scalars_.of_logarithms(parameters);
    for (int &k : centred_inputs_)
      k = of_logarithms_[static_cast<std::size_t>(k)];
  }
  bool is_logarithmic(int parameter) const {
    return !logarithmic_.empty() && logarithmic_[static_cast<std::size_t>(parameter)];
  }
  // The instruction that has, in these coordinates, the value of one in natural coordinates that
  // no centred parameter changes.
  int in(Coordinates coordinates, int scalar) const {
    return coordinates == Coordinates::natural || of_logarithms_.empty()
               ? scalar
               : of_logarithms_[static_cast<std::size_t>(scalar)];
  }
  // Between the two; scratch as for scalars().
  void to_natural(double *theta, double *scratch) const {
    for (std::size_t k = 0; k < logarithmic_.size(); ++k)
      if (logarithmic_[k])
        theta[k] = std::exp(theta[k]);
    rescale(theta, scratch, false);
  }
  void to_centred(double *theta, double *scratch) const {
    rescale(theta, scratch, true);
    for (std::size_t k = 0; k < logarithmic_.size(); ++k)
      if (logarithmic_[k])
        theta[k] = std::log(theta[k]);
  }
  // True where a Hessian costs little more than a Jacobian.
  virtual bool cheap_hessian() const = 0;
  virtual const char *name() const = 0;
  // Doubles of scratch that a thread needs.
  virtual std::size_t scratch() const = 0;

  // Once per evaluation, before any block: the inputs' values.
  virtual void begin(const double *inputs, double *scratch) const = 0;
  // Rows first … first+n-1, n <= block_rows: values f and, unless null, the derivatives
  // jac[k*block_rows + i] = ∂f_i/∂input_k. f has room for block_rows, of which what is beyond n is
  // left with anything. `functions` holds the values of Divided::functions.
  virtual void evaluate(std::size_t first, std::size_t n, const RowValues *functions, double *f,
                        double *jac, double *scratch) const = 0;
  // For the rows of the last evaluate() with a Jacobian: adds Σ_i c[i]·∂²f_i/∂input_k∂input_l to
  // the lower triangle of hess (m×m, row-major). c is 0 beyond n up to a multiple of 8.
  virtual void add_hessian(std::size_t first, std::size_t n, const RowValues *functions,
                           const double *c, double *hess, double *scratch) const = 0;

  virtual std::unique_ptr<Evaluator> clone() const = 0;
  // Makes these n rows of `whole`, whose clone it is, its own first n. Allocates nothing.
  virtual void take_rows(const Evaluator &whole, const std::size_t *rows, std::size_t n) = 0;

protected:
  explicit Evaluator(ScalarProgram scalars) : scalars_(std::move(scalars)) {}

  // Index among the inputs of an instruction of scalars_, registering it if need be.
  int input(int scalar) { return input(scalar, scalar); }
  int input(int scalar, int centred) {
    for (std::size_t k = 0; k < inputs_.size(); ++k)
      if (inputs_[k] == scalar)
        return static_cast<int>(k);
    inputs_.push_back(scalar);
    centred_inputs_.push_back(centred);
    return static_cast<int>(inputs_.size()) - 1;
  }

  ScalarProgram scalars_;
  // A centred parameter: its centred value is natural^exponent·ratio, both instructions.
  struct Centre {
    int parameter, exponent, ratio;
  };
  std::vector<Centre> centres_;

private:
  void rescale(double *theta, double *scratch, bool centre) const {
    const double *value = scalars_.evaluate(theta, 0, scratch).value;
    for (const auto &[parameter, exponent, ratio] : centres_) {
      double &x = theta[parameter];
      const double e = value[exponent], r = value[ratio];
      // A plain factor keeps its sign, which pow would lose.
      if (e == 1)
        x = centre ? x * r : x / r;
      else
        x = centre ? std::pow(x, e) * r : std::pow(x / r, 1 / e);
    }
  }

  std::vector<int> inputs_, centred_inputs_;
  std::vector<bool> logarithmic_;  // parameters, or empty
  std::vector<int> of_logarithms_; // as of the scalar program, or empty
};

// A sum of products of powers and exponentials, or null when the law is not one. `may_centre` tells
// of which free parameters the bounds, if any, are 0.
std::unique_ptr<Evaluator> make_terms(const Divided &law, std::size_t rows,
                                      const std::vector<bool> &may_centre);
// Any law.
std::unique_ptr<Evaluator> make_tape(Divided law);

} // namespace lawfit
