// Threads. The only room that knows OpenMP.
#pragma once

#include <atomic>
#include <cstddef>
#include <functional>
#include <limits>
#include <stdexcept>

namespace lawfit {

// Thrown out of a computation that was cancelled through its Cancel.
struct Cancelled : std::runtime_error {
  Cancelled() : std::runtime_error("cancelled") {}
};

// Thrown out of a search whose time is up. Who has something to show for it by then catches it, and
// does the rest under an Untimed.
struct TimedOut : std::runtime_error {
  TimedOut() : std::runtime_error("timed out") {}
};

// One flag and one time limit for a whole computation. Workers ask `check()` often; on the thread
// that built the Cancel it also runs `poll` (for Python: look for pending signals), at most every
// 20 ms. A poll that returns false, or `request()` from anywhere, makes every later check throw
// Cancelled; once so many seconds have passed every check throws TimedOut.
class Cancel {
public:
  Cancel() = default;
  explicit Cancel(std::function<bool()> poll,
                  double seconds = std::numeric_limits<double>::infinity());
  Cancel(const Cancel &) = delete;
  Cancel &operator=(const Cancel &) = delete;

  void request() noexcept { flag_.store(true, std::memory_order_relaxed); }
  bool requested() const noexcept { return flag_.load(std::memory_order_relaxed); }
  bool timed() const noexcept { return deadline_ns_ != never; }
  void check() {
    if (requested() || (watched_ && !watch()))
      throw Cancelled();
  }

protected:
  // Of what is left of the time; infinity: no limit.
  Cancel(Cancel *whole, double share);

private:
  static constexpr long long never = std::numeric_limits<long long>::max();

  bool watch();
  bool poll_now();

  std::atomic<bool> flag_{false};
  bool watched_ = false; // there is more to look at than the flag
  Cancel *whole_ = nullptr;
  std::function<bool()> poll_;
  std::size_t owner_ = 0;
  long long next_poll_ns_ = 0, deadline_ns_ = never;
};

// A share of the time that a computation has left, for the first part of it.
class Share : public Cancel {
public:
  Share(Cancel &whole, double share) : Cancel(&whole, share) {}
};

// The same computation without its time limit: for what describes a result found in time.
class Untimed : public Cancel {
public:
  explicit Untimed(Cancel &whole) : Cancel(&whole, std::numeric_limits<double>::infinity()) {}
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
