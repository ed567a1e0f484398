#include "lawfit/problem.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>
#include <string>
#include <utility>

#include "lawfit/binomial.hpp"
#include "lawfit/compensated.hpp"
#include "lawfit/implicit.hpp"
#include "lawfit/row_areas.hpp"
#include "lawfit/simd.hpp"

namespace lawfit {
namespace {

constexpr std::size_t B = block_rows;
// Blocks between two looks at the cancel flag.
constexpr std::size_t blocks_per_check = 64;

// Rows of Workspace::rows.
enum RowArray : std::size_t {
  value,
  residual,
  h1,
  score,
  slope,
  gauss_newton_weight,
  hessian_weight,
  row_arrays
};

simd::WeighedRows weighed(double *rows) {
  const auto array = [&](RowArray k) { return rows + k * B; };
  return {
      array(slope), array(gauss_newton_weight), array(hessian_weight), array(residual), array(h1),
      array(score)};
}

// Below this share of the least y the logarithm is continued by its second-order expansion: a trial
// step to a prediction <= 0 then costs dearly and smoothly instead of having no value. A share of
// each y would reach predictions that an outlier lies far above.
constexpr double guard_share = 1e-3;

void check_rates(const std::vector<double> &y, Space space) {
  if (space != Space::linear)
    throw std::invalid_argument("a binomial loss needs linear space");
  if (!std::all_of(y.begin(), y.end(), [](double rate) { return rate >= 0 && rate <= 1; }))
    throw std::invalid_argument("a binomial loss needs y from 0 to 1");
}

} // namespace

Problem::Problem(const Program &program, const Data &data, std::vector<double> y,
                 std::vector<double> weights, const ProblemOptions &options,
                 const std::vector<double> &theta, const std::vector<bool> &free,
                 const std::vector<bool> &may_centre, Cancel &cancel)
    : y_(std::move(y)), weights_(std::move(weights)), function_rows_(data.rows), options_(options) {
  const auto p = std::count(free.begin(), free.end(), true);
  if (p < 1 || p > max_parameters)
    throw std::invalid_argument("a fit needs 1 to " + std::to_string(max_parameters) +
                                " free parameters, got " + std::to_string(p));
  if (data.rows == 0)
    throw std::invalid_argument("a fit needs at least one row");
  if (y_.size() != data.rows || (!weights_.empty() && weights_.size() != data.rows))
    throw std::invalid_argument("columns, y and weights differ in length");
  if (options_.loss == Loss::binomial)
    check_rates(y_, options_.space);
  Divided law = divide(program, data, theta, free, cancel);
  for (const Divided::Function &function : law.functions)
    functions_.push_back({make_row_function(function.op, data, cancel), function.arguments});
  if (program.is_implicit())
    evaluator_ = make_implicit(std::move(law));
  else if (!(evaluator_ = make_terms(law, data.rows, may_centre)))
    evaluator_ = make_tape(std::move(law));
  const std::vector<bool> linear = program.linear_parameters(free);
  for (std::size_t k = 0; k < free.size(); ++k)
    if (free[k])
      linear_.push_back(linear[k] || evaluator_->is_centred(static_cast<int>(linear_.size())));
  if (!options_.logarithmic.empty()) {
    if (options_.logarithmic.size() != linear_.size())
      throw std::invalid_argument("logarithmic must tell of every free parameter");
    for (std::size_t k = 0; k < linear_.size(); ++k)
      options_.logarithmic[k] = options_.logarithmic[k] && !linear_[k];
    evaluator_->take_logarithms(options_.logarithmic);
  }

  constexpr double eps = std::numeric_limits<double>::epsilon();
  double squares = 0;
  if (options_.space == Space::log) {
    log_y_.resize(y_.size());
    simd::log(y_.data(), log_y_.data(), y_.size());
  }
  for (std::size_t i = 0; i < y_.size(); ++i) {
    const double size = options_.space == Space::log      ? std::fmax(1.0, std::abs(log_y_[i]))
                        : options_.loss == Loss::binomial ? 1.0
                                                          : std::abs(y_[i]);
    squares += (weights_.empty() ? 1.0 : weights_[i]) * size * size;
  }
  const double floor = guard_share * *std::min_element(y_.begin(), y_.end());
  weighing_ = {options_.loss, options_.delta, options_.space == Space::log,
               floor,         1 / floor,      std::log(floor)};
  rounding_ = 0.5 * squares * (4 * eps) * (4 * eps);
  scale_ = std::sqrt(squares / static_cast<double>(y_.size()));
}

Problem::Problem(const Problem &other)
    : y_(other.y_), log_y_(other.log_y_), weights_(other.rows() + 1), taken_(other.rows() + 1),
      function_rows_(other.function_rows_), options_(other.options_), functions_(other.functions_),
      evaluator_(other.evaluator_->clone()), linear_(other.linear_), weighing_(other.weighing_),
      rounding_(other.rounding_), scale_(other.scale_) {
  const std::vector<std::uint32_t> once(other.rows(), 1);
  take_rows(other, once.data());
}

double Problem::noise() const {
  double most = 0;
  for (const Function &function : functions_)
    most = std::fmax(most, function.of->noise());
  return most;
}

void Problem::take_rows(const Problem &whole, const std::uint32_t *times) {
  // One entry more than there can be, so that a row that is left out is written and written over.
  taken_.resize(whole.rows() + 1);
  weights_.resize(whole.rows() + 1);
  std::size_t n = 0;
  for (std::size_t i = 0; i < whole.rows(); ++i) {
    taken_[n] = i;
    weights_[n] = times[i] * (whole.weights_.empty() ? 1.0 : whole.weights_[i]);
    n += times[i] > 0;
  }
  taken_.resize(n);
  weights_.resize(n);
  y_.resize(n);
  evaluator_->take_rows(*whole.evaluator_, taken_.data(), n);
  gather(whole.y_, taken_.data(), n, y_);
  if (!log_y_.empty())
    gather(whole.log_y_, taken_.data(), n, log_y_);
}

Problem::Workspace::Workspace(const Problem &problem, Coordinates chosen)
    : coordinates(chosen), evaluator(problem.evaluator_->scratch()),
      scalars(problem.evaluator_->scalars().scratch()),
      inputs(problem.evaluator_->inputs(chosen).size()), rows(row_arrays * B),
      jacobian((inputs.size() + static_cast<std::size_t>(problem.parameters())) * B),
      sums(inputs.size() * (1 + 2 * inputs.size())), function_values(problem.functions_.size()),
      parameters(problem.signed_inputs(chosen)) {
  // Of k arguments: the value, k first and k(k+1)/2 second derivatives.
  const auto arrays = [](const Function &function) {
    const std::size_t k = function.arguments.size();
    return 1 + k + k * (k + 1) / 2;
  };
  const std::size_t n = problem.function_rows_;
  std::size_t size = 0, most = 0;
  for (const Function &function : problem.functions_) {
    size += arrays(function) * n;
    most = std::max(most, function.arguments.size());
  }
  functions.resize(size);
  arguments.resize(most); // fixed parameters count too, so there may be more than max_parameters
  double *at = functions.data();
  for (std::size_t j = 0; j < function_values.size(); ++j) {
    const Function &function = problem.functions_[j];
    function_values[j] = {at, at + n, at + (1 + function.arguments.size()) * n, n};
    at += arrays(function) * n;
  }
}

// The inputs as parameters but for their sign, where that is what they all are and nothing else has
// to be known of the scalars.
std::vector<Problem::Workspace::Signed> Problem::signed_inputs(Coordinates coordinates) const {
  std::vector<Workspace::Signed> found;
  if (!functions_.empty())
    return found;
  const ScalarProgram &scalars = evaluator_->scalars();
  for (const int k : evaluator_->inputs(coordinates)) {
    Instruction in = scalars.instruction(k);
    const double sign = in.op == Op::neg ? -1 : 1;
    if (in.op == Op::neg)
      in = scalars.instruction(in.a);
    if (in.op != Op::parameter)
      return {};
    found.push_back({static_cast<std::size_t>(in.a), sign});
  }
  return found;
}

void Problem::begin(const double *theta, int order, Workspace &work, Cancel &cancel) const {
  const Evaluator &law = *evaluator_;
  if (work.parameters.empty()) {
    const ScalarProgram::Values scalars = law.scalars().evaluate(theta, order, work.scalars.data());
    for (std::size_t k = 0; k < work.inputs.size(); ++k)
      work.inputs[k] = scalars.value[law.inputs(work.coordinates)[k]];
    for (std::size_t j = 0; j < functions_.size(); ++j) {
      for (std::size_t k = 0; k < functions_[j].arguments.size(); ++k)
        work.arguments[k] = scalars.value[law.in(work.coordinates, functions_[j].arguments[k])];
      functions_[j].of->evaluate(work.arguments.data(), order, work.function_values[j], cancel);
      if (!taken_.empty())
        keep_taken(functions_[j].arguments.size(), order, work.function_values[j]);
    }
  }
  for (std::size_t k = 0; k < work.parameters.size(); ++k)
    work.inputs[k] = work.parameters[k].sign * theta[work.parameters[k].index];
  law.begin(work.inputs.data(), work.evaluator.data());
}

// Of a function's values at all rows those at the rows taken, in place: these ascend.
void Problem::keep_taken(std::size_t arguments, int order, const RowValues &values) const {
  const auto keep = [&](double *array) {
    for (std::size_t i = 0; i < taken_.size(); ++i)
      array[i] = array[taken_[i]];
  };
  keep(values.value);
  for (std::size_t k = 0; order > 0 && k < arguments; ++k)
    keep(values.gradient + k * values.stride);
  for (std::size_t k = 0; order > 1 && k < arguments * (arguments + 1) / 2; ++k)
    keep(values.hessian + k * values.stride);
}

double Problem::weigh(std::size_t first, std::size_t n, simd::WeighFor purpose,
                      Workspace &work) const {
  double *rows = work.rows.data();
  if (options_.loss == Loss::binomial)
    return weigh_rates(first, n, rows);
  simd::Weighing with = weighing_;
  with.delta *= work.deltas;
  return simd::weigh(with, purpose, rows + value * B,
                     (options_.space == Space::log ? log_y_ : y_).data() + first,
                     weights_.empty() ? nullptr : weights_.data() + first, n, weighed(rows));
}

double Problem::weigh_rates(std::size_t first, std::size_t n, double *rows) const {
  const simd::WeighedRows out = weighed(rows);
  double sum = 0;
  for (std::size_t i = 0; i < n; ++i) {
    const double w = weights_.empty() ? 1.0 : weights_[first + i];
    const BinomialTerm term = binomial_term(y_[first + i], rows[value * B + i]);
    sum += w * term.value;
    out.slope[i] = w * term.d1;
    out.gauss_newton[i] = w * term.information;
    out.hessian[i] = w * term.d2;
    out.h1[i] = std::sqrt(term.information);
    out.residual[i] = term.d1 / out.h1[i];
    out.score[i] = w * out.residual[i];
  }
  for (std::size_t i = n; i < simd::whole_parts(n); ++i)
    out.slope[i] = out.gauss_newton[i] = out.hessian[i] = 0;
  return sum;
}

bool Problem::evaluate(const double *theta, int order, Evaluation &out, Workspace &work,
                       Cancel &cancel) const {
  begin(theta, order, work, cancel);
  const auto inputs = work.inputs.size();
  const auto m = static_cast<int>(inputs);
  std::fill(work.sums.begin(), work.sums.end(), 0.0);
  double *gradient = work.sums.data(), *gauss_newton = gradient + inputs,
         *hessian = gauss_newton + inputs * inputs;
  double *rows_data = work.rows.data(), *jac = order >= 1 ? work.jacobian.data() : nullptr;
  const auto array = [&](RowArray k) { return rows_data + k * B; };

  CompensatedSum sum;
  for (std::size_t first = 0, block = 1; first < rows(); first += B, ++block) {
    if (block % blocks_per_check == 0)
      cancel.check();
    const std::size_t n = std::min(B, rows() - first);
    evaluator_->evaluate(first, n, work.function_values.data(), array(value), jac,
                         work.evaluator.data());
    sum.add(weigh(first, n, order < 1 ? simd::WeighFor::objective : simd::WeighFor::sums, work));
    if (order < 1)
      continue;
    simd::add_product(jac, B, m, array(slope), n, gradient);
    simd::add_gram(jac, B, m, array(gauss_newton_weight), n, gauss_newton);
    if (order < 2)
      continue;
    simd::add_gram(jac, B, m, array(hessian_weight), n, hessian);
    evaluator_->add_hessian(first, n, work.function_values.data(), array(slope), hessian,
                            work.evaluator.data());
  }
  return chain(sum.value(), order, work, out);
}

Problem::Rows Problem::rows_at(std::size_t first, std::size_t n, Workspace &work) const {
  const auto p = static_cast<std::size_t>(parameters()), m = work.inputs.size();
  double *rows_data = work.rows.data(), *by_input = work.jacobian.data(),
         *by_parameter = by_input + m * B;
  evaluator_->evaluate(first, n, work.function_values.data(), rows_data + value * B, by_input,
                       work.evaluator.data());
  weigh(first, n, simd::WeighFor::rows, work);
  const double *gradients = work.scalars.data() + evaluator_->scalars().size();
  std::fill_n(by_parameter, p * B, 0.0);
  const auto add = [&](std::size_t k, std::size_t j, double d) {
    if (d != 0)
      for (std::size_t i = 0; i < n; ++i)
        by_parameter[j * B + i] += d * by_input[k * B + i];
  };
  for (std::size_t k = 0; k < m; ++k)
    if (!work.parameters.empty())
      add(k, work.parameters[k].index, work.parameters[k].sign);
    else
      for (std::size_t j = 0; j < p; ++j)
        add(k, j,
            gradients[static_cast<std::size_t>(evaluator_->inputs(work.coordinates)[k]) * p + j]);
  return {first,
          n,
          rows_data + value * B,
          rows_data + residual * B,
          rows_data + h1 * B,
          rows_data + score * B,
          weights_.empty() ? nullptr : weights_.data() + first,
          by_parameter};
}

void Problem::predict(const double *theta, double *f, Workspace &work, Cancel &cancel) const {
  begin(theta, 0, work, cancel);
  for (std::size_t first = 0, block = 1; first < rows(); first += B, ++block) {
    if (block % blocks_per_check == 0)
      cancel.check();
    const std::size_t n = std::min(B, rows() - first);
    double *values = work.rows.data() + value * B;
    evaluator_->evaluate(first, n, work.function_values.data(), values, nullptr,
                         work.evaluator.data());
    std::copy_n(values, n, f + first);
  }
}

void Problem::to_natural(std::vector<double> &theta) const {
  std::vector<double> scratch(evaluator_->scalars().scratch());
  evaluator_->to_natural(theta.data(), scratch.data());
}

void Problem::to_natural(double *theta, Workspace &work) const {
  evaluator_->to_natural(theta, work.scalars.data());
}

void Problem::to_centred(double *theta, Workspace &work) const {
  evaluator_->to_centred(theta, work.scalars.data());
}

void Problem::to_centred(std::vector<double> &theta) const {
  std::vector<double> scratch(evaluator_->scalars().scratch());
  evaluator_->to_centred(theta.data(), scratch.data());
}

void Problem::take_logarithms(std::vector<double> &theta) const {
  for (std::size_t k = 0; k < theta.size(); ++k)
    if (evaluator_->is_logarithmic(static_cast<int>(k)))
      theta[k] = std::log(theta[k]);
}

} // namespace lawfit
