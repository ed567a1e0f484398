// Schedules, and outputs to fill, for the tests of areas that carry derivatives.
#pragma once

#include "lawfit/row_function.hpp"
#include "lawfit/schedule.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <random>
#include <utility>
#include <vector>

namespace toys {

using Steps = std::vector<std::int64_t>;

// Value, gradient and Hessian at every row, NaN until filled.
struct Rows {
  Rows(std::size_t n, std::size_t arguments)
      : rows(n), value(n, NAN), gradient(arguments * n, NAN),
        hessian(arguments * (arguments + 1) / 2 * n, NAN) {}

  lawfit::RowValues out() { return {value.data(), gradient.data(), hessian.data(), rows}; }
  // Value, then gradient, then Hessian of a row.
  double at(std::size_t k, std::size_t row) const {
    const std::size_t arguments = gradient.size() / rows;
    if (k == 0)
      return value[row];
    return k <= arguments ? gradient[(k - 1) * rows + row]
                          : hessian[(k - 1 - arguments) * rows + row];
  }
  std::size_t outputs() const { return (value.size() + gradient.size() + hessian.size()) / rows; }

  std::size_t rows;
  std::vector<double> value, gradient, hessian;
};

inline lawfit::Piece stretch(lawfit::Shape shape, std::int64_t steps, double start, double end) {
  lawfit::Piece piece;
  piece.shape = shape;
  piece.steps = piece.span = steps;
  piece.start = start;
  piece.end = end;
  return piece;
}

// A ramp from 0 over `warmup` steps, its top included, then the pieces.
inline lawfit::Schedule warmed(std::int64_t warmup, std::vector<lawfit::Piece> pieces) {
  lawfit::Piece ramp = stretch(lawfit::Shape::linear, warmup, 0.0, pieces.front().start);
  ramp.span = warmup - 1;
  pieces.insert(pieces.begin(), ramp);
  return lawfit::Schedule::from_pieces(std::move(pieces), warmup);
}

inline std::vector<double> rates(const lawfit::Schedule &schedule) {
  std::vector<double> lr(static_cast<std::size_t>(schedule.steps()));
  schedule.lr(0, lr.size(), lr.data());
  return lr;
}

// The LR that a mode counts, and the first step whose decrease does.
inline std::pair<std::vector<double>, std::size_t> counted(const lawfit::Schedule &schedule,
                                                           lawfit::Warmup mode) {
  std::vector<double> lr = rates(schedule);
  const auto warmup = static_cast<std::size_t>(schedule.warmup());
  if (mode == lawfit::Warmup::peak)
    std::fill_n(lr.begin(), warmup, lr[std::min(warmup, lr.size() - 1)]);
  return {lr, mode == lawfit::Warmup::skip ? warmup + 1 : 1};
}

inline std::vector<double> noise(std::size_t steps, unsigned seed) {
  std::mt19937_64 draw(seed);
  std::vector<double> lr(steps);
  for (double &rate : lr)
    rate = 3e-4 * static_cast<double>(draw() >> 11) * 0x1p-53;
  return lr;
}

inline Steps every(std::int64_t steps, std::int64_t stride) {
  Steps at;
  for (std::int64_t t = stride - 1; t < steps; t += stride)
    at.push_back(t);
  return at;
}

} // namespace toys
