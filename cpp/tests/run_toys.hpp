// A run that logs its loss, for the tests of what follows it.
#pragma once

#include <memory>
#include <random>

#include "area_toys.hpp"
#include "lawfit/refit.hpp"
#include "toys.hpp"

namespace toys {

inline Program annealing() {
  Formula f;
  auto l0 = f.parameter(), a = f.parameter(), alpha = f.parameter(), c = f.parameter();
  l0 + a *pow(f.s1(), -alpha) - c *f.s2(f.number(0.999));
  return f.program();
}

// Points every third step, the last fifth of them under a decay. sd: noise of log y. `rough` runs
// have outliers and a spike, too.
struct Run {
  explicit Run(std::size_t n, double sd, bool rough = false, Point truth = {2.6, 0.45, 0.5, 0.4})
      : program(annealing()), theta(std::move(truth)) {
    const auto steps = static_cast<std::int64_t>(3 * n), tail = steps / 5;
    schedule = std::make_shared<const Schedule>(
        warmed(50, {stretch(Shape::constant, steps - tail, 3e-3, 3e-3),
                    stretch(Shape::linear, tail + 100, 3e-3, 3e-4)}));
    for (std::size_t i = 0; i < n; ++i)
      at.push_back(60 + 3 * static_cast<std::int64_t>(i));
    y = noisy(program, data(n), theta, sd);
    for (std::size_t i = 0; rough && i < n; ++i)
      y[i] *= i % 41 == 40 ? 1.1 : i % 500 > 494 ? 1.4 : 1.0;
  }

  Data data(std::size_t n) const {
    Data out;
    out.rows = n;
    out.steps.assign(at.begin(), at.begin() + static_cast<std::ptrdiff_t>(n));
    out.tracks.push_back({schedule, 0, n});
    out.warmup = Warmup::peak;
    return out;
  }

  // The first n points as the general solver has them.
  Problem problem(std::size_t n, const Residual &residual) const {
    Cancel cancel;
    ProblemOptions options;
    options.loss = std::isinf(residual.delta) ? Loss::squared : Loss::huber;
    options.delta = residual.delta;
    options.space = residual.logarithmic ? Space::log : Space::linear;
    return {program, data(n), {y.begin(), y.begin() + static_cast<std::ptrdiff_t>(n)},
            {},      options, theta,
            all(4),  all(4),  cancel};
  }

  PowerSum law() const { return *read_power_sum(program, theta, all(4)); }

  PowerRows rows(bool logarithmic) const {
    std::vector<double> s1(at.size()), s2(at.size());
    Cancel cancel;
    data(at.size()).areas(0.999, s1.data(), s2.data(), nullptr, nullptr, cancel);
    PowerRows out;
    for (std::size_t i = 0; i < at.size(); ++i)
      out.append(std::log(s1[i]), s2[i], logarithmic ? std::log(y[i]) : y[i]);
    return out;
  }

  StreamingRefitter refitter(RefitMode mode, const Residual &residual) const {
    RefitOptions options;
    options.mode = mode;
    options.residual = residual;
    options.solver.lower.assign(4, 0.0);
    options.solver.upper = {infinity, infinity, 3, infinity};
    return {law(), schedule, options};
  }

  Program program;
  Point theta;
  std::shared_ptr<const Schedule> schedule;
  Steps at;
  Point y;
};

} // namespace toys
