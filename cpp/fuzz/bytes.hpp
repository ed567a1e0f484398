// A fuzzer's input read as values: whatever the bytes are they mean something, and once they are
// used up everything is 0. What is read first decides most, so small changes stay small.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <iterator>
#include <limits>

namespace fuzz {

class Bytes {
public:
  Bytes(const std::uint8_t *data, std::size_t size) : at_(data), left_(size) {}

  bool empty() const { return left_ == 0; }

  template <class T> T take() {
    T value{};
    const std::size_t n = std::min(sizeof value, left_);
    if (n > 0)
      std::memcpy(&value, at_, n);
    at_ += n;
    left_ -= n;
    return value;
  }

  bool flag() { return take<std::uint8_t>() & 1; }
  // 0 … n − 1, n <= 256.
  int below(int n) { return take<std::uint8_t>() % n; }

  // Never NaN, sometimes infinite: small, ordinary, of any size, or one of those that break code.
  double any_number() {
    constexpr double least = std::numeric_limits<double>::denorm_min();
    constexpr double normal = std::numeric_limits<double>::min();
    constexpr double most = std::numeric_limits<double>::max();
    constexpr double infinity = std::numeric_limits<double>::infinity();
    constexpr double special[] = {0.0,   -0.0,       1.0,        -1.0,      0.5,    2.0,     1e-300,
                                  1e300, -1e300,     least,      most,      normal, 1e-310,  -least,
                                  0.999, 1 - 1e-16,  1e16,       infinity,  709.78, -745.13, -most,
                                  1e154, 0x1p53 + 2, -0x1p-1022, -infinity, 1e-8};
    const int kind = below(256);
    if (kind < 64) // of two digits or so
      return (take<std::uint8_t>() - 128) / 16.0;
    if (kind < 128)
      return take<std::int16_t>() / 4096.0;
    if (kind < 192) // 1e-16 … 1e16
      return std::pow(10.0, take<std::int16_t>() / 2048.0);
    if (kind < 224)
      return special[below(static_cast<int>(std::size(special)))];
    const auto value = take<double>();
    return std::isnan(value) ? 1.0 : value;
  }
  double number() {
    const double value = any_number();
    return std::isfinite(value) ? value : std::copysign(1e30, value);
  }
  // Above 0.
  double positive() {
    const double value = std::abs(number());
    return value > 0 ? value : 1.0;
  }

private:
  const std::uint8_t *at_;
  std::size_t left_;
};

// A generator for the bulk of what is not worth a byte of the input (splitmix64).
class Noise {
public:
  explicit Noise(std::uint64_t seed) : state_(seed) {}
  // Uniform in [0, 1).
  double operator()() {
    std::uint64_t z = state_ += 0x9e3779b97f4a7c15;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return static_cast<double>((z ^ (z >> 31)) >> 11) * 0x1p-53;
  }

private:
  std::uint64_t state_;
};

// Ends the run where a promise is broken, which the fuzzer takes for a crash.
[[noreturn]] inline void broken(const char *what, const char *file, int line) {
  std::fprintf(stderr, "%s:%d: not so: %s\n", file, line, what);
  std::abort();
}
#define REQUIRE(condition)                                                                         \
  do {                                                                                             \
    if (!(condition))                                                                              \
      fuzz::broken(#condition, __FILE__, __LINE__);                                                \
  } while (false)

// No input may take more than a second of the processor's time, whatever else the machine does.
class Watch {
public:
  Watch() : begin_(std::clock()) {}
  ~Watch() {
    const double seconds = static_cast<double>(std::clock() - begin_) / CLOCKS_PER_SEC;
    REQUIRE(seconds <= 1.0);
  }

private:
  std::clock_t begin_;
};

// Whether to tell what an input means, for who looks into one: FUZZ_SHOW=1 in the environment.
inline bool shows() {
  static const bool asked = std::getenv("FUZZ_SHOW") != nullptr;
  return asked;
}

inline void show(const char *what, double got, double expected) {
  if (shows())
    std::fprintf(stderr, "%s: %.17g, expected %.17g\n", what, got, expected);
}

inline bool same_bits(double a, double b) {
  return std::memcmp(&a, &b, sizeof a) == 0 || (std::isnan(a) && std::isnan(b));
}

} // namespace fuzz
