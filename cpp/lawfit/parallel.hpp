// Threads. The only room that knows OpenMP.
#pragma once

#include <atomic>
#include <cstddef>
#include <functional>
#include <stdexcept>

namespace lawfit {

// Thrown out of a computation that was cancelled through its Cancel.
struct Cancelled : std::runtime_error {
  Cancelled() : std::runtime_error("cancelled") {}
};

// One flag for a whole computation. Workers ask `check()` often; on the thread that built the
// Cancel it also runs `poll` (for Python: look for pending signals), at most every 20 ms. A poll
// that returns false, or `request()` from anywhere, makes every later check throw Cancelled.
class Cancel {
public:
  Cancel();
  explicit Cancel(std::function<bool()> poll);
  Cancel(const Cancel &) = delete;
  Cancel &operator=(const Cancel &) = delete;

  void request() noexcept { flag_.store(true, std::memory_order_relaxed); }
  bool requested() const noexcept { return flag_.load(std::memory_order_relaxed); }
  void check() {
    if (requested() || (has_poll_ && !poll_now()))
      throw Cancelled();
  }

private:
  // True for the thread that owns the poll.
  bool is_owner() const noexcept;
  bool poll_now();

  std::atomic<bool> flag_{false};
  bool has_poll_ = false;
  std::function<bool()> poll_;
  std::size_t owner_ = 0;
  long long next_poll_ns_ = 0;
};

// Threads a parallel region would use by default: omp_get_max_threads(), or 1 in a serial build and
// in the child of a fork (libgomp's pool does not survive one).
int max_threads() noexcept;
bool has_openmp() noexcept;
const char *openmp_version() noexcept;

// Runs body(item, slot) for item = 0 … items-1 on up to `threads` threads (0: the default), handing
// items out in order; slot < max(1, threads) tells workers apart, for their scratch space. The
// first exception thrown is rethrown here once all workers have stopped, and the rest of the items
// are skipped. The calling thread takes part, and keeps polling `cancel` until the others are done.
void parallel_for(std::size_t items, int threads,
                  const std::function<void(std::size_t item, int slot)> &body, Cancel &cancel);

} // namespace lawfit
