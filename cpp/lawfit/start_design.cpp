#include "lawfit/start_design.hpp"

#include <algorithm>
#include <cmath>

#include "lawfit/random.hpp"

namespace lawfit {
namespace {

constexpr std::size_t B = block_rows;
using Kind = StartRange::Kind;

// The positive root of x^(d+1) = x + 1.
double golden_ratio(int d) {
  double x = 1.5;
  for (int k = 0; k < 50; ++k)
    x = std::pow(1 + x, 1.0 / (d + 1));
  return x;
}

// Least squares with normal equations, their columns scaled; what leaves its bounds is set on the
// nearer one and the rest solved for again.
void bounded_least_squares(const double *normal, const double *rhs, int n, const double *lower,
                           const double *upper, double *x) {
  std::vector<int> free;
  for (int i = 0; i < n; ++i) {
    x[i] = std::clamp(0.0, lower[i], upper[i]);
    if (normal[i * n + i] > 0)
      free.push_back(i);
  }
  for (bool inside = false; !inside && !free.empty();) {
    const auto count = static_cast<int>(free.size());
    double factor[max_parameters * max_parameters], solution[max_parameters];
    const auto norm = [&](int a) {
      const int i = free[static_cast<std::size_t>(a)];
      return std::sqrt(normal[i * n + i]);
    };
    for (int a = 0; a < count; ++a) {
      const int i = free[static_cast<std::size_t>(a)];
      double target = rhs[i];
      for (int j = 0; j < n; ++j)
        if (std::find(free.begin(), free.end(), j) == free.end())
          target -= normal[std::max(i, j) * n + std::min(i, j)] * x[j];
      solution[a] = target / norm(a);
      for (int b = 0; b <= a; ++b)
        factor[a * count + b] =
            normal[i * n + free[static_cast<std::size_t>(b)]] / (norm(a) * norm(b));
      factor[a * count + a] += 1e-9; // collinear columns share the effect
    }
    if (!linalg::cholesky(factor, count, count))
      return;
    linalg::cholesky_solve(factor, count, count, solution);
    inside = true;
    std::vector<int> kept;
    for (int a = 0; a < count; ++a) {
      const int i = free[static_cast<std::size_t>(a)];
      const double value = solution[a] / norm(a);
      x[i] = std::clamp(value, lower[i], upper[i]);
      if (x[i] == value)
        kept.push_back(i);
      else
        inside = false;
    }
    free = std::move(kept);
  }
}

} // namespace

void draw_start(const MultistartOptions &options, std::int64_t k, double *theta) {
  int dimensions = 0;
  for (const StartRange &range : options.ranges)
    dimensions += range.kind != Kind::eliminated;
  const double ratio = golden_ratio(std::max(1, dimensions));
  std::uint64_t state = options.seed;
  double step = 1;
  for (std::size_t i = 0; i < options.ranges.size(); ++i) {
    const StartRange &range = options.ranges[i];
    theta[i] = 0;
    if (range.kind == Kind::eliminated)
      continue;
    step /= ratio;
    const double shift = static_cast<double>(splitmix64(state) >> 11U) * 0x1p-53;
    const double walked = shift + static_cast<double>(k) * step;
    const double u = walked - std::floor(walked);
    const auto geometric = [&](double share) {
      return range.low * std::pow(range.high / range.low, share);
    };
    if (range.kind == Kind::uniform)
      theta[i] = range.low + u * (range.high - range.low);
    else if (range.kind == Kind::log)
      theta[i] = geometric(u);
    else
      theta[i] = std::copysign(geometric(std::abs(2 * u - 1)), u - 0.5);
  }
}

bool eliminate(const Problem &problem, const SolverOptions &solver,
               const std::vector<StartRange> &ranges, double *theta, Problem::Workspace &work,
               Cancel &cancel) {
  int linear[max_parameters], n = 0;
  double lower[max_parameters], upper[max_parameters];
  for (std::size_t i = 0; i < ranges.size(); ++i)
    if (ranges[i].kind == Kind::eliminated) {
      lower[n] = solver.lower[i];
      upper[n] = solver.upper[i];
      linear[n++] = static_cast<int>(i);
    }
  double normal[max_parameters * max_parameters] = {}, rhs[max_parameters] = {};
  const bool log_space = problem.options().space == Space::log;
  const bool rates = problem.options().loss == Loss::binomial;
  constexpr std::size_t chunk = 16, chunks = 32;
  const std::size_t stride = std::max(chunk, problem.rows() / chunks);
  problem.visit_rows(theta, chunk, stride, work, cancel, [&](const Problem::Rows &rows) {
    for (std::size_t i = 0; i < rows.n; ++i) {
      // A rate is pulled half the way to 1/2: what least squares makes of it seldom leaves (0, 1),
      // where the law must be at the start.
      const double target = problem.target()[rows.first + i],
                   y = rates ? 0.25 + 0.5 * target : target;
      // A residual of the logarithm is one relative to y, to first order.
      const double w = (rows.weight ? rows.weight[i] : 1.0) / (log_space ? y * y : 1.0);
      for (int a = 0; a < n; ++a) {
        const double ja = w * rows.jacobian[static_cast<std::size_t>(linear[a]) * B + i];
        rhs[a] += ja * (y - rows.value[i]);
        for (int b = 0; b <= a; ++b)
          normal[a * n + b] += ja * rows.jacobian[static_cast<std::size_t>(linear[b]) * B + i];
      }
    }
  });
  if (!std::all_of(normal, normal + n * n, [](double x) { return std::isfinite(x); }) ||
      !std::all_of(rhs, rhs + n, [](double x) { return std::isfinite(x); }))
    return false;
  double solution[max_parameters];
  bounded_least_squares(normal, rhs, n, lower, upper, solution);
  for (int a = 0; a < n; ++a)
    theta[linear[a]] = solution[a];
  return true;
}

} // namespace lawfit
