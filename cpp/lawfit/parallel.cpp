#include "lawfit/parallel.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <exception>
#include <mutex>
#include <thread>
#include <utility>

#include "lawfit/floating_point.hpp"

#if defined(_OPENMP)
#include <omp.h>
#endif
#if defined(__unix__) || defined(__APPLE__)
#include <pthread.h>
#define LAWFIT_HAS_ATFORK 1
#endif

namespace lawfit {
namespace {

constexpr long long poll_interval_ns = 20'000'000;
// A century: more is no limit.
constexpr double longest_seconds = 3e9;

std::atomic<bool> forked_child{false};

#ifdef LAWFIT_HAS_ATFORK
// libgomp's thread pool exists only in the parent: a region opened by the child would wait for
// workers that were never copied.
const int fork_guard = pthread_atfork(nullptr, nullptr, [] { forked_child.store(true); });
#endif

long long now_ns() {
  using namespace std::chrono;
  return duration_cast<nanoseconds>(steady_clock::now().time_since_epoch()).count();
}

std::size_t this_thread_id() { return std::hash<std::thread::id>{}(std::this_thread::get_id()); }

// The first exception of a region, kept until the region is left. That time is up gives way to any
// other: who catches TimedOut must not miss that the work was cancelled, or went wrong.
class FirstException {
public:
  // Called by a handler.
  void capture() noexcept {
    bool late = false;
    try {
      throw;
    } catch (const TimedOut &) {
      late = true;
    } catch (...) {
    }
    const std::lock_guard<std::mutex> lock(mutex_);
    if (!first_ || (late_ && !late)) {
      first_ = std::current_exception();
      late_ = late;
    }
    stop_.store(true, std::memory_order_relaxed);
  }
  bool stopped() const noexcept { return stop_.load(std::memory_order_relaxed); }
  void rethrow() const {
    if (first_)
      std::rethrow_exception(first_);
  }

private:
  std::mutex mutex_;
  std::exception_ptr first_;
  bool late_ = false; // it is a TimedOut
  std::atomic<bool> stop_{false};
};

} // namespace

Cancel::Cancel(std::function<bool()> poll, double seconds)
    : watched_(true), poll_(std::move(poll)), owner_(this_thread_id()),
      next_poll_ns_(now_ns() + poll_interval_ns) {
  if (seconds < longest_seconds)
    deadline_ns_ = now_ns() + static_cast<long long>(1e9 * std::fmax(seconds, 0));
}

Cancel::Cancel(Cancel *whole, double share) : watched_(true), whole_(whole) {
  const long long now = now_ns();
  if (whole->timed() && !std::isinf(share))
    deadline_ns_ = now + static_cast<long long>(
                             share * static_cast<double>(std::max(whole->deadline_ns_ - now, 0LL)));
}

bool Cancel::watch() {
  if (timed() && now_ns() >= deadline_ns_)
    throw TimedOut();
  return poll_now();
}

bool Cancel::poll_now() {
  if (whole_)
    return !whole_->requested() && whole_->poll_now();
  if (!poll_ || this_thread_id() != owner_)
    return true;
  const long long now = now_ns();
  if (now < next_poll_ns_)
    return true;
  next_poll_ns_ = now + poll_interval_ns;
  if (poll_())
    return true;
  request();
  return false;
}

bool has_openmp() noexcept {
#if defined(_OPENMP)
  return true;
#else
  return false;
#endif
}

const char *openmp_version() noexcept {
#if defined(_OPENMP)
#define LAWFIT_STRING_(x) #x
#define LAWFIT_STRING(x) LAWFIT_STRING_(x)
  return LAWFIT_STRING(_OPENMP);
#else
  return "none";
#endif
}

int max_threads() noexcept {
#if defined(_OPENMP)
  if (!forked_child.load())
    return std::max(1, omp_get_max_threads());
#endif
  return 1;
}

void parallel_for(std::size_t items, int threads, const std::function<void(std::size_t, int)> &body,
                  Cancel &cancel) {
  int workers = threads > 0 ? threads : max_threads();
  if (forked_child.load())
    workers = 1;
  workers = static_cast<int>(std::min<std::size_t>(static_cast<std::size_t>(workers), items));

#if defined(_OPENMP)
  if (workers > 1) {
    FirstException error;
    std::atomic<std::size_t> next{0};
    std::atomic<int> running{0};
    auto work = [&](int slot) {
      const UsualArithmetic usual; // a thread of the pool has what it was born with
      while (!error.stopped()) {
        const std::size_t item = next.fetch_add(1, std::memory_order_relaxed);
        if (item >= items)
          break;
        try {
          cancel.check();
          body(item, slot);
        } catch (...) {
          error.capture();
        }
      }
    };
#pragma omp parallel num_threads(workers)
    {
      const int slot = omp_get_thread_num();
      if (slot != 0) {
        running.fetch_add(1);
        work(slot);
        running.fetch_sub(1);
      } else {
        work(0);
        // Others may still be in a long item: stay awake for signals instead of at the barrier.
        while (running.load() > 0) {
          try {
            cancel.check();
          } catch (...) {
            error.capture();
            break;
          }
          std::this_thread::sleep_for(std::chrono::microseconds(200));
        }
      }
    }
    error.rethrow();
    return;
  }
#endif
  const UsualArithmetic usual;
  for (std::size_t item = 0; item < items; ++item) {
    cancel.check();
    body(item, 0);
  }
}

} // namespace lawfit
