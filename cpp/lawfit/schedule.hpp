// Learning-rate schedules, and their areas S1 (forward) and S2 (annealing), arXiv 2408.11029.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "lawfit/parallel.hpp"

namespace lawfit {

// What the warm-up (the first `warmup()` steps) counts for in the areas.
enum class Warmup {
  actual, // its LR as it is
  peak,   // its LR replaced by the LR of step W (of the last step when all is warm-up)
  skip    // S1 as it is; m = 0 and S2 = 0 up to and including step W
};

// LR as a function of x = (offset + j) / span at local step j: end + (start − end)·w(x).
enum class Shape {
  constant,       // start
  linear,         // w = 1 − x
  exponential,    // start^(1−x)·end^x
  cosine,         // w = (1 + cos(πx)) / 2
  one_minus_sqrt, // w = 1 − √x
  polynomial,     // w = (1 − x)^power
  inverse_sqrt,   // w = 1 / √(1 + x)
  table           // LR given step by step, from entry `offset` on; only Schedule makes it
};

struct Piece {
  Shape shape = Shape::constant;
  std::int64_t steps = 0;
  double start = 0.0;
  double end = 0.0;
  std::int64_t offset = 0;
  std::int64_t span = 1;
  double power = 1.0;
};

// The LR of every step. Immutable, so threads may share it. Constructors throw
// std::invalid_argument for what has no meaning (LR below 0 or not finite, no steps, more than
// 2^53 steps, warm-up beyond the end).
class Schedule {
public:
  static Schedule dense(std::vector<double> lr, std::int64_t warmup);
  static Schedule from_pieces(std::vector<Piece> pieces, std::int64_t warmup);

  std::int64_t steps() const { return first_.back(); }
  std::int64_t warmup() const { return warmup_; }
  const std::vector<Piece> &pieces() const { return pieces_; }

  // The same schedule with every piece that has no closed-form area written out, where these have
  // no more than `most_steps` steps together: integrating it again and again then reads memory
  // instead of computing cosines. The LR are the same doubles.
  Schedule tabulated(std::int64_t most_steps) const;

  // LR of the steps first … first + n − 1.
  void lr(std::int64_t first, std::size_t n, double *out) const;

  // The areas at n non-decreasing steps `at`, or at every step when `at` is null (then n = steps):
  //   S1_t = Σ_{i≤t} η_i;   m_0 = 0, m_i = λ·m_{i−1} + (η_{i−1} − η_i), S2_t = Σ_{i≤t} m_i
  // and dS2/dλ, d²S2/dλ², for λ in [0, 1]. Any output may be null. One pass and no memory beyond a
  // few blocks. Constant and linear pieces cost O(log steps) between the asked steps, and are
  // integrated as the real-valued lines they are, other shapes as the doubles lr() gives. Errors
  // are a few ulp of S1 and of Σ|m|, whatever the length; an LR that jumps at random at every step
  // costs S2 about √(1/(1−λ)) ulp.
  void areas(double lam, Warmup mode, const std::int64_t *at, std::size_t n, double *s1, double *s2,
             double *ds2, double *d2s2, Cancel &cancel) const;

private:
  Schedule(std::vector<Piece> pieces, std::vector<double> table, std::int64_t warmup);
  void evaluate(const Piece &piece, std::int64_t from, std::size_t n, double *out) const;
  // The LR of a table from its local step `from` on; null for other shapes.
  const double *written_out(const Piece &piece, std::int64_t from) const {
    return piece.shape == Shape::table ? table_.data() + piece.offset + from : nullptr;
  }
  std::size_t piece_at(std::int64_t step) const;

  friend class AreaPass;

  std::vector<Piece> pieces_;
  std::vector<std::int64_t> first_; // first step of each piece, then the number of steps
  std::vector<double> table_;
  std::int64_t warmup_ = 0;
};

} // namespace lawfit
