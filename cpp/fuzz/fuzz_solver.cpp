// Valid programs, data as extreme as a fit admits, any loss, bounds and starts: every search must
// end, within its bounds, no higher than where it began, in the same bits when it is run again.
#include <algorithm>
#include <limits>
#include <memory>
#include <stdexcept>
#include <vector>

#include "lawfit/minimiser.hpp"
#include "lawfit/multistart.hpp"
#include "lawfit/problem_objective.hpp"
#include "programs.hpp"

using namespace lawfit;
using fuzz::Bytes;
using fuzz::Parts;

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

struct Case {
  Parts parts;
  std::vector<double> theta, start;
  std::vector<bool> free, may_centre;
  ProblemOptions options;
  SolverOptions solver;
  MultistartOptions search;
};

// Bounds that hold a start, and a range to draw others from, as Python has them.
void add_free(Bytes &bytes, double start, Case &out) {
  double lower = -infinity, upper = infinity;
  StartRange range{StartRange::Kind::uniform, -1, 1};
  switch (bytes.below(6)) {
  case 0: // above 0
    if (start > 0)
      lower = 0;
    break;
  case 1:
    lower = start; // where it starts
    break;
  case 2:
    upper = start;
    break;
  case 3: {
    const double width = bytes.positive();
    lower = start - width;
    upper = start + width;
    break;
  }
  }
  if (!(lower < upper))
    lower = -infinity, upper = infinity;
  const double size = std::clamp(std::abs(start), 1e-10, 1e10);
  if (lower >= 0)
    range = {StartRange::Kind::log, 0.01 * size, 100 * size};
  else if (bytes.flag())
    range = {StartRange::Kind::mirrored, 0.01 * size, 100 * size};
  out.start.push_back(start);
  out.solver.lower.push_back(lower);
  out.solver.upper.push_back(upper);
  out.search.ranges.push_back(range);
  out.may_centre.push_back((lower == 0 || lower == -infinity) && upper == infinity);
  out.options.logarithmic.push_back(lower >= 0 && start > 0 && bytes.flag());
}

Case any_case(Bytes &bytes) {
  Case out;
  out.parts = fuzz::valid_parts(bytes);
  for (int k = 0; k < out.parts.parameters; ++k) {
    out.theta.push_back(bytes.number());
    out.free.push_back(bytes.below(4) != 0);
    if (out.free.back())
      add_free(bytes, out.theta.back(), out);
  }
  out.options.loss = static_cast<Loss>(bytes.below(4));
  out.options.delta = bytes.flag() ? 1e-3 : bytes.positive();
  out.options.space =
      bytes.flag() && out.options.loss != Loss::binomial ? Space::log : Space::linear;
  out.solver.max_iterations = 1 + bytes.below(100);
  out.solver.tolerance = bytes.flag() ? 1e-14 : 0;
  out.search.starts = 1 + bytes.below(3);
  out.search.seed = bytes.take<std::uint8_t>();
  out.search.threads = 1;
  return out;
}

// What the law says elsewhere, or anything; as far as a fit admits it.
std::vector<double> any_target(Bytes &bytes, const Case &of, const Data &data) {
  std::vector<double> y(data.rows);
  if (bytes.flag()) {
    Cancel cancel;
    std::vector<double> theta = of.theta;
    const double factor = 1 + bytes.take<std::int8_t>() / 256.0;
    for (std::size_t k = 0; k < theta.size(); ++k)
      theta[k] = of.free[k] ? factor * theta[k] : theta[k];
    y = evaluate(of.parts.program(), data, theta, cancel);
  } else {
    fuzz::fill_column(bytes, y);
  }
  for (double &value : y) {
    if (!std::isfinite(value) || (of.options.space == Space::log && !(value > 0)))
      value = 1;
    if (of.options.loss == Loss::binomial)
      value = std::clamp(value, 0.0, 1.0);
  }
  std::vector<double> sizes = y;
  std::transform(y.begin(), y.end(), sizes.begin(), [](double value) { return std::abs(value); });
  std::sort(sizes.begin(), sizes.end());
  const double median = sizes[sizes.size() / 2];
  if (median > 1e150 || (median < 1e-150 && median > 0)) // Python has them given in another unit
    std::fill(y.begin(), y.end(), 1.0);
  return y;
}

void check_inside(const SolverOptions &options, const double *theta) {
  for (std::size_t i = 0; i < options.lower.size(); ++i)
    REQUIRE(std::isfinite(theta[i]) && theta[i] >= options.lower[i] &&
            theta[i] <= options.upper[i]);
}

// Between a search's end and its start lies no more than rounding; a polish may spend some.
bool is_no_higher(double end, double start, double rounding) {
  return std::isinf(rounding) ||
         end <= start + 4 * std::sqrt(start * rounding) + 4 * rounding + 1e-12 * start;
}

void check_one_start(const Problem &problem, const Case &of) {
  Cancel cancel;
  Problem::Workspace work(problem, Coordinates::natural);
  ProblemObjective objective(problem, work, cancel);
  const auto at = std::make_unique<Evaluation>();
  const bool finite = objective.evaluate(of.start.data(), 1, *at);
  const double begin = at->objective;
  LevenbergMarquardt solver(of.solver);
  std::vector<double> theta = of.start, again = of.start;
  const SolverSummary found = solver.solve(objective, theta.data());
  const SolverSummary same = solver.solve(objective, again.data());
  REQUIRE(found.status == same.status && found.iterations == same.iterations);
  for (std::size_t i = 0; i < theta.size(); ++i)
    REQUIRE(fuzz::same_bits(theta[i], again[i]));
  REQUIRE(finite == (found.status != Status::bad_start));
  if (!finite) {
    REQUIRE(theta == of.start);
    return;
  }
  check_inside(of.solver, theta.data());
  REQUIRE(std::isfinite(found.objective) && found.objective >= 0);
  REQUIRE(fuzz::same_bits(found.objective, same.objective));
  fuzz::show("objective", found.objective, begin);
  REQUIRE(is_no_higher(found.objective, begin, objective.rounding()));
  REQUIRE(found.iterations <= of.solver.max_iterations);
  REQUIRE(objective.evaluate(theta.data(), 0, *at) &&
          fuzz::same_bits(at->objective, found.objective));
}

void check_minimiser(const Problem &problem, const Case &of) {
  Cancel cancel;
  Minimiser minimiser(problem, of.solver);
  std::vector<double> theta = of.start;
  const SolverSummary found = minimiser.solve(theta.data(), cancel);
  if (found.status == Status::bad_start)
    REQUIRE(theta == of.start);
  else
    REQUIRE(std::isfinite(found.objective));
  check_inside(of.solver, theta.data());
}

void check_many_starts(const Problem &problem, const Case &of, bool given) {
  Cancel cancel;
  MultistartOptions search = of.search;
  if (given)
    search.given = {of.start};
  const MultistartSummary found = multistart(problem, of.solver, search, cancel);
  REQUIRE(found.run + found.merged + found.failed <= found.asked);
  if (found.theta.empty()) {
    REQUIRE(found.best.status == Status::bad_start);
    return;
  }
  check_inside(of.solver, found.theta.data());
  REQUIRE(std::isfinite(found.best.objective) && found.best.objective >= 0);
  const MultistartSummary same = multistart(problem, of.solver, search, cancel);
  REQUIRE(found.theta == same.theta && found.best.objective == same.best.objective);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
  const fuzz::Watch watch;
  Bytes bytes(data, size);
  const int which = bytes.below(4);
  Case of = any_case(bytes);
  if (of.start.empty())
    return 0;
  fuzz::show(of.parts, of.theta);
  const Program program = of.parts.program();
  try {
    const Data rows = fuzz::valid_data(bytes, program, 60);
    const std::vector<double> y = any_target(bytes, of, rows);
    std::vector<double> weights(bytes.flag() ? rows.rows : 0);
    for (double &weight : weights)
      weight = bytes.positive();
    Cancel cancel;
    const Problem problem(program, rows, y, weights, of.options, of.theta, of.free, of.may_centre,
                          cancel);
    if (which < 2)
      check_one_start(problem, of);
    else if (which == 2)
      check_minimiser(problem, of);
    else
      check_many_starts(problem, of, bytes.flag());
  } catch (const std::invalid_argument &) {
    REQUIRE(program.uses_schedule()); // an area has no meaning at the arguments that are held
  }
  return 0;
}
