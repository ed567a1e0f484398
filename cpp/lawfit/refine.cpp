#include "lawfit/refine.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>

#include "lawfit/binomial.hpp"
#include "lawfit/robust.hpp"

namespace lawfit {
namespace {

using Real = DoubleDouble;
constexpr int P = max_parameters;
constexpr double unit = 0.5 * std::numeric_limits<double>::epsilon();
constexpr double nan = std::numeric_limits<double>::quiet_NaN();

// A share that rounding may move a parameter by before it is worth its while to go on.
constexpr double enough = 1e-14;
// The same for the bound on what all rows share, which is seldom near.
constexpr double enough_shared = 1e-11;
// How far a step may lead: by what a search may have left, and so many times what rounding does.
constexpr double most_left = 1e-6, most_times = 1000;
// Rows that are looked at for how the law passes rounding on.
constexpr std::size_t sampled_rows = 16;
// Rows times instructions beyond which the search in more digits would take the better part of a
// second.
constexpr double most_work = 1 << 20;
constexpr int most_steps = 8;
constexpr std::size_t rows_per_check = 256;
// Errors of residuals and of derivatives, in units of their rounding, where no more is known.
constexpr double typical_units = 4;

struct ExtendedMath {
  using V = Real;
  static V sqrt(V x) { return real::sqrt(x); }
};

// A row's share of the objective, its residual, and the objective's derivative by the law's value.
struct Term {
  Real objective, residual, slope;
};

Term robust_term(const ProblemOptions &options, Real residual, Real by_value, double weight) {
  const auto with = [&](const Rho<Real> &at) {
    return Term{at.rho * weight, residual, at.d1 * by_value * weight};
  };
  if (options.loss == Loss::huber && std::isfinite(options.delta))
    return with(rho<Loss::huber, ExtendedMath>(residual, options.delta));
  if (options.loss == Loss::soft_l1 && std::isfinite(options.delta))
    return with(rho<Loss::soft_l1, ExtendedMath>(residual, options.delta));
  return with(rho<Loss::squared, ExtendedMath>(residual, options.delta));
}

Term rate_term(double y, Real f, double weight) {
  const Real variance = f * (1.0 - f), distance = f - y;
  return {weight * binomial_term(y, f.rounded()).value, distance, distance / variance * weight};
}

class Refiner {
public:
  Refiner(const Problem &problem, const UndividedLaw &law, const SolverOptions &bounds,
          const std::vector<double> &theta, const std::vector<bool> &at_bound,
          const Covariance &found, Cancel &cancel)
      : problem_(problem), law_(law), bounds_(bounds), start_(theta), found_(found),
        cancel_(cancel), p_(theta.size()) {
    for (std::size_t i = 0; i < p_; ++i)
      if (!at_bound[i])
        free_[count_++] = i;
  }

  Refinement run() {
    out_.precision.assign(p_, nan);
    // A tape's Hessian costs more than all the rest, and is seldom needed.
    const Loss loss = problem_.options().loss;
    const bool exact = problem_.evaluator().cheap_hessian() || has_function() ||
                       loss == Loss::huber || loss == Loss::soft_l1;
    if (!factorise(exact))
      return std::move(out_);
    const Noise noise = law_.has_known_rules() ? noise_of_rules() : plain_noise();
    double worst = estimate(noise);
    if (!exact && (worst > 0.3 * enough || search_left_more())) {
      if (!factorise(true))
        return std::move(out_);
      worst = estimate(noise);
    }
    if ((worst > enough || shared_ > enough_shared) && law_.has_rules_alone() &&
        work() <= most_work && go_on())
      return std::move(out_);
    if (search_left_more() && !step_once())
      for (std::size_t i = 0; i < p_; ++i)
        out_.precision[i] = std::fmax(out_.precision[i], std::abs(left_[i]) / size_of(i));
    return std::move(out_);
  }

private:
  // Of residuals: how much of them is rounding, of each by itself and of all alike.
  struct Noise {
    double of_row = 0, shared = 0;
  };

  double weight(std::size_t row) const {
    return problem_.weights().empty() ? 1.0 : problem_.weights()[row];
  }
  double work() const {
    return static_cast<double>(problem_.rows()) * static_cast<double>(law_.program.code().size());
  }
  // Of the caller's own, whose rounding is not known.
  bool has_function() const { return law_.program.external_arguments() >= 0; }
  bool in_logarithms() const { return problem_.options().space == Space::log; }

  // The Hessian, or Gauss–Newton's matrix, over the parameters not at a bound, scaled to a unit
  // diagonal; and its step.
  bool factorise(bool exact) {
    const auto at = std::make_unique<Evaluation>();
    Problem::Workspace work(problem_, Coordinates::natural);
    const auto evaluate = [&](int order) {
      return problem_.evaluate(start_.data(), order, *at, work, cancel_);
    };
    if (has_function()) { // coarser differences than near a minimum
      if (!evaluate(1))
        return false;
      std::copy_n(at->gradient, p_, coarse_);
    }
    if (!evaluate(exact ? 2 : 1))
      return false;
    objective_ = at->objective;
    std::copy_n(at->gradient, p_, gradient_);
    const auto entry = [&](std::size_t a, std::size_t b) {
      return (exact ? at->hessian : at->gauss_newton)[free_[a] * p_ + free_[b]];
    };
    for (std::size_t a = 0; a < count_; ++a) {
      scale_[a] = std::sqrt(entry(a, a));
      if (!(scale_[a] > 0))
        return false;
      for (std::size_t b = 0; b <= a; ++b)
        factor_[a * count_ + b] = entry(a, b) / (scale_[a] * scale_[b]);
    }
    if (!linalg::cholesky(factor_, count(), count()))
      return false;
    newton_step(gradient_, left_);
    if (has_function()) {
      for (std::size_t i = 0; i < p_; ++i)
        coarse_[i] -= gradient_[i];
      newton_step(coarse_, unknown_);
    }
    return true;
  }

  int count() const { return static_cast<int>(count_); }

  Noise plain_noise() const {
    return {typical_units * unit * std::hypot(problem_.scale(), typical_residual())};
  }

  double typical_residual() const {
    double weights = 0;
    for (std::size_t i = 0; i < problem_.rows(); ++i)
      weights += weight(i);
    return std::sqrt(2 * objective_ / weights);
  }

  // By what a sample of rows makes of rounding in every operation; row functions have theirs.
  Noise noise_of_rules() {
    std::vector<double> theta = law_.theta;
    for (std::size_t k = 0, next = 0; k < theta.size(); ++k)
      if (law_.free[k])
        theta[k] = start_[next++];
    RowProgram<double> rows({law_.program, law_.data, theta, law_.free},
                            RowProgram<double>::Derivatives::by_all, cancel_);
    rows.begin(start_.data());
    const std::size_t n = problem_.rows(), samples = std::min(n, sampled_rows);
    double squares = 0, shared = 0;
    for (std::size_t k = 0; k < samples; ++k) {
      const double f = rows.value((2 * k + 1) * n / (2 * samples));
      double by_value = 1, own = 0;
      if (problem_.options().loss == Loss::binomial)
        by_value = 1 / std::sqrt(f * (1 - f));
      else if (in_logarithms()) {
        by_value = 1 / f;
        own = std::log(std::abs(f));
      }
      const auto amplified = rows.amplification();
      const double size = std::hypot(amplified.of_row * by_value, own);
      squares += size * size;
      shared += amplified.shared * by_value * amplified.shared * by_value;
    }
    const auto mean = [&](double sum) { return std::sqrt(sum / static_cast<double>(samples)); };
    const double of_row = unit * std::hypot(mean(squares), typical_units * typical_residual());
    return {law_.has_row_functions() ? std::fmax(of_row, plain_noise().of_row) : of_row,
            unit * mean(shared)};
  }

  double standard_error(std::size_t i) const {
    const double error = std::sqrt(found_.matrix[i * p_ + i]);
    return std::isfinite(error) ? error : 0;
  }

  double size_of(std::size_t i) const { return std::fmax(std::abs(start_[i]), standard_error(i)); }

  // Sets the precision that such noise leaves, as a covariance is estimated, and returns the worst
  // of what is each row's own. What all rows share does not average out: it moves a parameter by as
  // much as the inequality of Cauchy and Schwarz allows.
  double estimate(const Noise &noise) {
    double weights = 0, squares = 0;
    for (std::size_t i = 0; i < problem_.rows(); ++i) {
      weights += weight(i);
      squares += weight(i) * weight(i);
    }
    const double own = noise.of_row * std::sqrt(squares / weights),
                 shared = noise.shared * std::sqrt(weights);
    double worst = shared_ = 0;
    std::fill(out_.precision.begin(), out_.precision.end(), 0.0);
    for (std::size_t a = 0; a < count_; ++a) {
      double column[P] = {};
      column[a] = 1;
      linalg::cholesky_solve(factor_, count(), count(), column);
      const std::size_t i = free_[a];
      const double reach = std::sqrt(column[a]) / scale_[a], size = size_of(i);
      const double by_rows = std::hypot(own * reach, unknown_[i]) / size;
      out_.precision[i] = std::fmax(std::hypot(by_rows, shared * reach / size), unit);
      worst = std::fmax(worst, by_rows);
      shared_ = std::fmax(shared_, shared * reach / size);
    }
    return worst;
  }

  // Whether the search's tolerance has left more than rounding does.
  bool search_left_more() const {
    for (std::size_t i = 0; i < p_; ++i)
      if (std::abs(left_[i]) > out_.precision[i] * size_of(i))
        return true;
    return false;
  }

  // What is left, in one step: the Hessian is exact, or nearly, so that hardly anything stays of
  // it. False where it is too much for that.
  bool step_once() {
    if (!is_near(left_) || !within_bounds(start_, left_))
      return false;
    out_.theta = start_;
    for (std::size_t i = 0; i < p_; ++i)
      out_.theta[i] += left_[i];
    return true;
  }

  // False where it does not contract, or has no value.
  bool go_on() {
    RowProgram<Real> rows(law_, RowProgram<Real>::Derivatives::by_parameters, cancel_);
    std::vector<Real> theta(start_.begin(), start_.end());
    double last = std::numeric_limits<double>::infinity(), shift[P] = {};
    for (int k = 0; k < most_steps; ++k) {
      if (!take_gradient(rows, theta.data()))
        return false;
      const double promised = newton_step(gradient_, shift);
      if (!(promised <= 0.1 * last) || !is_near(shift) || !within_bounds(theta, shift))
        return false;
      last = promised;
      bool ends = true;
      for (std::size_t i = 0; i < p_; ++i) {
        theta[i] = theta[i] + shift[i];
        ends = ends && std::abs(shift[i]) <= 0.125 * unit * size_of(i);
      }
      if (ends) {
        conclude(theta);
        return true;
      }
    }
    return false;
  }

  // Also the objective and the residuals. False where something is not finite, or in the part of
  // log f that is no logarithm.
  bool take_gradient(RowProgram<Real> &rows, const Real *theta) {
    Real gradient[P] = {};
    rows.begin(theta);
    residuals_.resize(problem_.rows());
    Real sum;
    for (std::size_t i = 0; i < problem_.rows(); ++i) {
      if (i % rows_per_check == 0)
        cancel_.check();
      const Real f = rows.value(i);
      const double y = problem_.target()[i], w = weight(i);
      if (in_logarithms() && !(f > problem_.least_logarithm()))
        return false;
      const Term term =
          problem_.options().loss == Loss::binomial ? rate_term(y, f, w)
          : in_logarithms()
              ? robust_term(problem_.options(), real::log(f) - real::log(Real(y)), 1.0 / f, w)
              : robust_term(problem_.options(), f - y, 1.0, w);
      sum = sum + term.objective;
      residuals_[i] = term.residual.rounded();
      rows.add_gradient(term.slope);
    }
    rows.end(gradient);
    objective_ = sum.rounded();
    bool finite = std::isfinite(objective_);
    for (std::size_t i = 0; i < p_; ++i) {
      gradient_[i] = gradient[i].rounded();
      finite = finite && std::isfinite(gradient_[i]);
    }
    return finite;
  }

  // Returns the decrease of the objective that it promises, twice.
  double newton_step(const double *gradient, double *shift) const {
    double scaled[P], promised = 0;
    for (std::size_t a = 0; a < count_; ++a)
      scaled[a] = -gradient[free_[a]] / scale_[a];
    linalg::cholesky_solve(factor_, count(), count(), scaled);
    for (std::size_t a = 0; a < count_; ++a) {
      shift[free_[a]] = scaled[a] / scale_[a];
      promised -= gradient[free_[a]] * shift[free_[a]];
    }
    return promised;
  }

  // Whether it leads to the minimum that the search has come to.
  bool is_near(const double *shift) const {
    for (std::size_t i = 0; i < p_; ++i)
      if (!(std::abs(shift[i]) <= (most_left + most_times * out_.precision[i]) * size_of(i)))
        return false;
    return true;
  }

  template <class R> bool within_bounds(const std::vector<R> &theta, const double *shift) const {
    for (std::size_t a = 0; a < count_; ++a) {
      const std::size_t i = free_[a];
      const double next = real::rounded(theta[i] + shift[i]);
      if (!(next > bounds_.lower[i] && next < bounds_.upper[i]))
        return false;
    }
    return true;
  }

  void conclude(const std::vector<Real> &theta) {
    out_.theta = start_;
    for (std::size_t a = 0; a < count_; ++a) {
      out_.theta[free_[a]] = theta[free_[a]].rounded();
      out_.precision[free_[a]] = unit;
    }
    out_.residuals = std::move(residuals_);
    out_.objective = objective_;
    out_.exact = true;
  }

  const Problem &problem_;
  const UndividedLaw &law_;
  const SolverOptions &bounds_;
  const std::vector<double> &start_;
  const Covariance &found_;
  Cancel &cancel_;
  std::size_t p_, count_ = 0;
  std::size_t free_[P] = {};
  double scale_[P] = {}, factor_[P * P] = {}; // over free_; those below are over all parameters
  double gradient_[P] = {}, left_[P] = {};
  double coarse_[P] = {}, unknown_[P] = {}; // what a gradient by differences may be off by
  double objective_ = 0, shared_ = 0;       // the latter the worst of what all rows share
  std::vector<double> residuals_;
  Refinement out_;
};

} // namespace

Refinement refine(const Problem &problem, const UndividedLaw &law, const SolverOptions &bounds,
                  const std::vector<double> &theta, const std::vector<bool> &at_bound,
                  const Covariance &found, Cancel &cancel) {
  return Refiner(problem, law, bounds, theta, at_bound, found, cancel).run();
}

} // namespace lawfit
