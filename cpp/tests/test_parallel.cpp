#include "check.hpp"
#include "lawfit/parallel.hpp"

#include <atomic>
#include <chrono>
#include <stdexcept>
#include <thread>
#include <vector>

using namespace lawfit;

static void test_every_item_once() {
  for (int threads : {1, 2, 5}) {
    std::vector<std::atomic<int>> seen(1000);
    Cancel cancel;
    parallel_for(
        seen.size(), threads,
        [&](std::size_t item, int slot) {
          CHECK(slot >= 0 && slot < threads);
          seen[item].fetch_add(1);
        },
        cancel);
    for (auto &count : seen)
      CHECK(count.load() == 1);
  }
}

static void test_first_exception_is_rethrown() {
  for (int threads : {1, 4}) {
    Cancel cancel;
    CHECK_THROWS(parallel_for(
                     100, threads,
                     [](std::size_t item, int) {
                       if (item == 17)
                         throw std::domain_error("item 17");
                     },
                     cancel),
                 std::domain_error);
  }
}

static void test_cancel_stops_soon() {
  for (int threads : {1, 2}) {
    int polls = 0;
    Cancel cancel([&] { return ++polls < 2; });
    const auto begin = std::chrono::steady_clock::now();
    CHECK_THROWS(parallel_for(
                     8, threads,
                     [&](std::size_t, int) {
                       for (;;) {
                         cancel.check();
                         std::this_thread::sleep_for(std::chrono::milliseconds(1));
                       }
                     },
                     cancel),
                 Cancelled);
    CHECK(std::chrono::steady_clock::now() - begin < std::chrono::seconds(5));
  }
}

static void test_request_from_another_thread() {
  Cancel cancel;
  std::thread other([&] { cancel.request(); });
  other.join();
  CHECK_THROWS(cancel.check(), Cancelled);
}

int main() {
  test_every_item_once();
  test_first_exception_is_rethrown();
  test_cancel_stops_soon();
  test_request_from_another_thread();
  return check::finish();
}
