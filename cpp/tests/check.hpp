// Checks for the core's tests: print what failed and where, count, and exit non-zero at the end.
#pragma once

#include <cmath>
#include <cstdio>

namespace check {

inline int failures = 0;

inline void that(bool ok, const char *what, const char *file, int line) {
  if (!ok) {
    ++failures;
    std::printf("%s:%d: failed: %s\n", file, line, what);
  }
}

// |got - want| <= tolerance * max(|want|, scale); NaN never passes.
inline void near(double got, double want, double tolerance, double scale, const char *what,
                 const char *file, int line) {
  if (!(std::abs(got - want) <= tolerance * std::fmax(std::abs(want), scale))) {
    ++failures;
    std::printf("%s:%d: %s: got %.17g, want %.17g (tolerance %g)\n", file, line, what, got, want,
                tolerance);
  }
}

inline int finish() {
  std::printf("%d failed\n", failures);
  return failures == 0 ? 0 : 1;
}

} // namespace check

#define CHECK(condition) check::that((condition), #condition, __FILE__, __LINE__)
#define CHECK_NEAR(got, want, tolerance)                                                           \
  check::near((got), (want), (tolerance), 0.0, #got, __FILE__, __LINE__)
// Relative to max(|want|, scale).
#define CHECK_CLOSE(got, want, tolerance, scale)                                                   \
  check::near((got), (want), (tolerance), (scale), #got, __FILE__, __LINE__)
#define CHECK_THROWS(statement, exception)                                                         \
  do {                                                                                             \
    bool thrown = false;                                                                           \
    try {                                                                                          \
      statement;                                                                                   \
    } catch (const exception &) {                                                                  \
      thrown = true;                                                                               \
    }                                                                                              \
    check::that(thrown, #statement " throws " #exception, __FILE__, __LINE__);                     \
  } while (false)
