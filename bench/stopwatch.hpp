// Times of many pieces of work, taken in turns so that a noisy machine is noisy to all of them.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <functional>
#include <limits>
#include <utility>
#include <vector>

namespace bench {

class Stopwatch {
public:
  // One call of `work` does `items` items. Returns the index of its time.
  std::size_t add(double items, std::function<void()> work) {
    pieces_.push_back({items, std::move(work)});
    return pieces_.size() - 1;
  }

  // Every piece once a round, for about a millisecond; the least time of all rounds counts.
  void run(int rounds) {
    for (Piece &piece : pieces_)
      while (seconds(piece) < 1e-3)
        piece.calls *= 2;
    for (int round = 0; round < rounds; ++round)
      for (Piece &piece : pieces_)
        piece.best = std::min(piece.best, seconds(piece) / piece.calls);
  }

  // Of one item.
  double nanoseconds(std::size_t piece) const {
    return 1e9 * pieces_[piece].best / pieces_[piece].items;
  }

private:
  struct Piece {
    double items;
    std::function<void()> work;
    int calls = 1;
    double best = std::numeric_limits<double>::infinity();
  };

  static double seconds(const Piece &piece) {
    using Clock = std::chrono::steady_clock;
    const auto begin = Clock::now();
    for (int call = 0; call < piece.calls; ++call)
      piece.work();
    return std::chrono::duration<double>(Clock::now() - begin).count();
  }

  std::vector<Piece> pieces_;
};

// The compiler must take what `p` points to as used and as changed.
inline void keep(void *p) { asm volatile("" : : "r"(p) : "memory"); }

} // namespace bench
