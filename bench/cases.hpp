// Laws of the catalogue with data drawn from them, the same on every machine but for the last bits
// of libm: what benchmarks of the core time and count.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "lawfit/problem.hpp"
#include "toys.hpp"

namespace bench {

using namespace lawfit;
using toys::Expression;
using toys::Formula;
using toys::piece;
using toys::Point;

// Integers alone (Steele, Lea and Flood 2014, SplitMix64), as distributions of the standard library
// differ between its makers.
class Random {
public:
  explicit Random(std::uint64_t seed) : state_(seed) {}
  double uniform() {
    std::uint64_t z = state_ += 0x9e3779b97f4a7c15;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return static_cast<double>((z ^ (z >> 31)) >> 11) * 0x1p-53;
  }
  double log_uniform(double low, double high) { return low * std::pow(high / low, uniform()); }
  // Of variance 1 and nearly normal.
  double noise() {
    double sum = -6;
    for (int k = 0; k < 12; ++k)
      sum += uniform();
    return sum;
  }

private:
  std::uint64_t state_;
};

struct Case {
  Program program;
  Data data;
  Point theta; // what the data were drawn from
  Point y, weights = {};
  ProblemOptions options = {};

  std::unique_ptr<Problem> problem(Cancel &cancel) const {
    return std::make_unique<Problem>(program, data, y, weights, options, theta,
                                     toys::all(theta.size()), toys::all(theta.size()), cancel);
  }
};

// y = f(θ)·exp(sd·noise).
inline Case drawn(Program program, Data data, Point theta, double sd = 3e-3) {
  Cancel cancel;
  Point y = evaluate(program, data, theta, cancel);
  Random random(7);
  for (double &value : y)
    value *= std::exp(sd * random.noise());
  return {std::move(program), std::move(data), std::move(theta), std::move(y)};
}

struct Range {
  double low, high;
};

inline Data columns(std::size_t rows, const std::vector<Range> &ranges) {
  Random random(1);
  Data data;
  data.rows = rows;
  data.columns.resize(ranges.size());
  for (std::size_t i = 0; i < rows; ++i)
    for (std::size_t k = 0; k < ranges.size(); ++k)
      data.columns[k].push_back(random.log_uniform(ranges[k].low, ranges[k].high));
  return data;
}

constexpr Range sizes = {4e7, 1.6e10}, tokens = {3e8, 4e11};

// E + A/N^α + B/D^β
inline Case chinchilla(std::size_t rows) {
  Formula f;
  const auto a = f.parameter(), b = f.parameter(), e = f.parameter(), alpha = f.parameter(),
             beta = f.parameter();
  e + a / pow(f.column(0), alpha) + b / pow(f.column(1), beta);
  return drawn(f.program(), columns(rows, {sizes, tokens}), {477.8, 2143, 1.8172, 0.3473, 0.3672});
}

// ((Nc/N)^(α_N/α_D) + Dc/D)^α_D
inline Case kaplan_nd(std::size_t rows) {
  Formula f;
  const auto nc = f.parameter(), alpha_n = f.parameter(), dc = f.parameter(),
             alpha_d = f.parameter();
  pow(pow(nc / f.column(0), alpha_n / alpha_d) + dc / f.column(1), alpha_d);
  return drawn(f.program(), columns(rows, {sizes, tokens}), {6.4e13, 0.076, 1.8e13, 0.103});
}

// (Nc/N)^α_N + (Sc/Smin)^α_S with Smin = S / (1 + Bstar/f^(1/α_B)/B), f the law's own value
inline Case kaplan_nsb(std::size_t rows) {
  Formula f;
  const auto nc = f.parameter(), alpha_n = f.parameter(), sc = f.parameter(),
             alpha_s = f.parameter(), bstar = f.parameter(), alpha_b = f.parameter();
  const auto critical = bstar / pow(f.emit(Op::unknown), f.number(1) / alpha_b);
  pow(nc / f.column(0), alpha_n) + pow(sc / (f.column(1) / (critical / f.column(2) + 1)), alpha_s);
  return drawn(f.program(), columns(rows, {sizes, {3e3, 3e5}, {1e5, 1e7}}),
               {6.5e13, 0.077, 2.1e3, 0.76, 2.1e8, 0.21});
}

// exp(-c·N^-α), rates of 100 draws each
inline Case pass_until(std::size_t rows) {
  Formula f;
  const auto c = f.parameter(), alpha = f.parameter();
  exp(-(c * pow(f.column(0), -alpha)));
  Case out = drawn(f.program(), columns(rows, {sizes}), {300, 0.25}, 0);
  Random random(3);
  for (double &rate : out.y) {
    int passed = 0;
    for (int draw = 0; draw < 100; ++draw)
      passed += random.uniform() < rate;
    rate = passed / 100.0;
  }
  out.weights.assign(rows, 100);
  out.options.loss = Loss::binomial;
  out.options.space = Space::linear;
  return out;
}

// Warm-up, plateau and a decay over the last fifth.
inline std::shared_ptr<const Schedule> schedule(std::int64_t steps, Shape decay) {
  const std::int64_t warmup = steps / 100, fall = steps / 5;
  return std::make_shared<const Schedule>(Schedule::from_pieces(
      {piece(Shape::linear, warmup, 0, 3e-4),
       piece(Shape::constant, steps - warmup - fall, 3e-4, 3e-4), piece(decay, fall, 3e-4, 3e-5)},
      warmup));
}

// One run logged at `rows` steps after its warm-up.
inline Data logged(std::size_t rows, std::shared_ptr<const Schedule> run) {
  Data data;
  data.rows = rows;
  const std::int64_t first = run->warmup() + 1, steps = run->steps() - first;
  for (std::size_t i = 0; i < rows; ++i)
    data.steps.push_back(first +
                         steps * static_cast<std::int64_t>(i) / static_cast<std::int64_t>(rows));
  data.tracks.push_back({std::move(run), 0, rows});
  return data;
}

// L0 + A·S1^-α − C·S2
inline Case annealing(std::size_t rows) {
  Formula f;
  const auto l0 = f.parameter(), a = f.parameter(), alpha = f.parameter(), c = f.parameter();
  l0 + a *pow(f.s1(), -alpha) - c *f.s2(f.number(0.999));
  const auto steps = static_cast<std::int64_t>(10 * rows);
  Data data = logged(rows, schedule(steps, Shape::linear));
  data.warmup = Warmup::peak;
  return drawn(f.program(), std::move(data), {2.63, 0.43, 0.55, 0.41});
}

// L0 + A·S1^-α − B·loss_drop(C, β, γ)
inline Case multi_power(std::size_t rows) {
  Formula f;
  const auto l0 = f.parameter(), a = f.parameter(), alpha = f.parameter(), b = f.parameter(),
             c = f.parameter(), beta = f.parameter(), gamma = f.parameter();
  const auto smooth = l0 + a * pow(f.s1(), -alpha);
  const auto first = apply(Op::argument, c);
  apply(Op::argument, beta);
  apply(Op::argument, gamma);
  smooth - b *f.emit(Op::loss_drop, first.at());
  return drawn(f.program(), logged(rows, schedule(24000, Shape::cosine)),
               {2.7, 0.5, 0.5, 400, 2.0, 0.6, 0.6}, 1e-3);
}

} // namespace bench
