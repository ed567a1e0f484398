// One fault by name, for a sanitizer to catch: what shows that a run under it can fail. A program,
// and a module that another process can load to commit the fault in there.
#include "lawfit/parallel.hpp"

#include <chrono>
#include <cstdio>
#include <cstring>
#include <limits>
#include <memory>
#include <thread>
#include <vector>

namespace {

// Not known to the compiler, which may otherwise warn of the fault, or drop it.
volatile int three = 3;
volatile double sink = 0.0;
double *volatile kept = nullptr;

void heap_overflow() {
  const std::unique_ptr<double[]> values(new double[3]());
  sink = values[static_cast<std::size_t>(three)];
}

void use_after_free() {
  {
    const std::vector<double> values(3);
    kept = const_cast<double *>(values.data());
  }
  sink = *kept;
}

void stack_after_scope() {
  [] {
    double local[3] = {};
    kept = &local[three - 1];
  }();
  sink = *kept;
}

// Allocated, but not held by the vector.
void container_overflow() {
  std::vector<double> values;
  values.reserve(8);
  values.push_back(1.0);
  sink = values.data()[three];
}

void index_overflow() {
  const std::vector<double> values(3);
  sink = values[static_cast<std::size_t>(three)];
}

void leak() {
  kept = new double[3]();
  kept = nullptr;
}

void signed_overflow() { sink = static_cast<double>(std::numeric_limits<int>::max() - 2 + three); }

void shift() { sink = static_cast<double>(1 << (three * 11)); }

// Every item adds to one plain number, slowly enough for every thread to have a share.
void race() {
  long count = 0;
  lawfit::Cancel cancel;
  lawfit::parallel_for(
      20, 2,
      [&](std::size_t, int) {
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
        ++count;
      },
      cancel);
  sink = static_cast<double>(count);
}

const struct {
  const char *name;
  void (*commit)();
} faults[] = {{"heap_overflow", heap_overflow},
              {"use_after_free", use_after_free},
              {"stack_after_scope", stack_after_scope},
              {"container_overflow", container_overflow},
              {"index_overflow", index_overflow},
              {"leak", leak},
              {"signed_overflow", signed_overflow},
              {"shift", shift},
              {"race", race}};

} // namespace

// 0 if the fault went unseen, 2 if it has another name.
extern "C" __attribute__((visibility("default"))) int commit_fault(const char *name) {
  for (const auto &fault : faults)
    if (std::strcmp(name, fault.name) == 0) {
      fault.commit();
      std::printf("%s went unseen\n", name);
      return 0;
    }
  return 2;
}

int main(int argc, char **argv) { return argc == 2 ? commit_fault(argv[1]) : 2; }
