// The worst error of the vector functions over many random arguments, and their time beside libm's.
//
//   cmake -S . -B build/bench -DBENCH=ON -DBINDINGS=OFF && cmake --build build/bench
//   build/bench/bench/ulp [function|all [arguments]]
//
// Needs GCC on x86-64, for quadruple precision. Prints for every function and level how many
// arguments were tried, the worst error in units in the last place, where it was, the share that is
// correctly rounded, and nanoseconds an element. The oracle is long double, and quadruple precision
// wherever that does not settle the matter.
#include "lawfit/simd_tables.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <quadmath.h>
#include <string>
#include <vector>

namespace {

using lawfit::simd::Table;
using Quad = __float128;
constexpr std::size_t block = 8192;
constexpr double largest = std::numeric_limits<double>::max();

// splitmix64 (Steele, Lea and Flood 2014).
struct Random {
  std::uint64_t state;
  std::uint64_t bits() {
    std::uint64_t z = state += 0x9e3779b97f4a7c15;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
  }
  double uniform(double low, double high) {
    return low + (high - low) * (static_cast<double>(bits() >> 11) * 0x1p-53);
  }
  // Any double but NaN and infinities.
  double any() {
    for (;;) {
      const std::uint64_t b = bits();
      double x;
      std::memcpy(&x, &b, sizeof x);
      if (std::isfinite(x))
        return x;
    }
  }
  // Of any size between 2^low and 2^high, and any sign.
  double scaled(double low, double high) {
    const double x = std::exp2(uniform(low, high));
    return bits() & 1 ? x : -x;
  }
};

struct Arguments {
  double x, y;
};

// One in eight is any double there is; the others are where the function does not saturate.
template <int low, int high> Arguments spread(Random &random, std::uint64_t which) {
  switch (which % 8) {
  case 0:
    return {random.any(), 0};
  case 1:
  case 2:
    return {random.scaled(-60, 10), 0};
  case 3:
  case 4:
    return {random.uniform(-2, 2), 0};
  default:
    return {random.uniform(low, high), 0};
  }
}
Arguments of_log(Random &random, std::uint64_t which) {
  const double x = random.any();
  return {which % 4 == 0   ? std::abs(x)
          : which % 4 == 1 ? 1 + random.scaled(-52, -1)
          : which % 4 == 2 ? random.uniform(0, 4)
                           : random.uniform(0, 1e6),
          0};
}
Arguments of_log1p(Random &random, std::uint64_t which) {
  const Arguments a = of_log(random, which / 2);
  return which % 2 == 0 ? Arguments{a.x - 1, 0} : Arguments{random.scaled(-60, 2), 0};
}
Arguments of_pow(Random &random, std::uint64_t which) {
  const double x = std::abs(random.any());
  const double near_one = 1 + random.scaled(-52, -1), power = random.uniform(-760, 715);
  switch (which % 8) {
  case 0:
    return {random.any(), random.any()};
  case 1:
  case 2:
    return {x, power / std::log(x)};
  case 3:
  case 4:
    return {near_one, power / std::log(near_one)};
  case 5:
    return {-x, std::round(power / std::log(x))};
  default:
    return {random.uniform(0, 10), random.uniform(-10, 10)};
  }
}

struct Function {
  const char *name;
  lawfit::simd::Map Table::*one;
  lawfit::simd::MapTwo Table::*two;
  Arguments (*draw)(Random &, std::uint64_t);
  long double (*close)(long double, long double);
  Quad (*exact)(Quad, Quad);
};

#define LAWFIT_FUNCTION(NAME, DRAW, CLOSE, EXACT)                                                  \
  {#NAME,                                                                                          \
   &Table::NAME,                                                                                   \
   nullptr,                                                                                        \
   DRAW,                                                                                           \
   [](long double x, long double) -> long double { return CLOSE; },                                \
   [](Quad x, Quad) -> Quad { return EXACT; }}

const Function functions[] = {
    LAWFIT_FUNCTION(exp, (spread<-750, 715>), std::exp(x), expq(x)),
    LAWFIT_FUNCTION(log, of_log, std::log(x), logq(x)),
    LAWFIT_FUNCTION(expm1, (spread<-50, 715>), std::expm1(x), expm1q(x)),
    LAWFIT_FUNCTION(log1p, of_log1p, std::log1p(x), log1pq(x)),
    LAWFIT_FUNCTION(sin, (spread<-1100000, 1100000>), std::sin(x), sinq(x)),
    LAWFIT_FUNCTION(cos, (spread<-1100000, 1100000>), std::cos(x), cosq(x)),
    LAWFIT_FUNCTION(tan, (spread<-1100000, 1100000>), std::tan(x), tanq(x)),
    LAWFIT_FUNCTION(atan, (spread<-20, 20>), std::atan(x), atanq(x)),
    LAWFIT_FUNCTION(tanh, (spread<-22, 22>), std::tanh(x), tanhq(x)),
    LAWFIT_FUNCTION(expit, (spread<-750, 50>), 1 / (1 + std::exp(-x)), 1 / (1 + expq(-x))),
    {"pow", nullptr, &Table::pow, of_pow,
     [](long double x, long double y) -> long double { return std::pow(x, y); },
     [](Quad x, Quad y) -> Quad { return powq(x, y); }}};
#undef LAWFIT_FUNCTION

// |got − want| in spacings of doubles at `want`, which is within the range of normal and subnormal
// doubles.
template <class Real> double ulps(double got, Real want) {
  int exponent;
  std::frexp(static_cast<double>(want), &exponent);
  const Real error = got - want;
  return static_cast<double>((error < 0 ? -error : error) /
                             static_cast<Real>(std::ldexp(1.0L, std::max(exponent - 53, -1074))));
}

struct Tally {
  const Table *table;
  std::uint64_t correct = 0;
  double worst = 0;
  Arguments at = {};
  std::vector<double> result = std::vector<double>(block);

  void add(const Function &f, Arguments a, double got, long double want) {
    constexpr double doubt = 0.01; // far more than long double's own error
    const double nearest = static_cast<double>(want);
    if (!std::isfinite(nearest) || !std::isfinite(got)) {
      const double exact = static_cast<double>(f.exact(a.x, a.y));
      const bool same = got == exact || (std::isnan(got) && std::isnan(exact));
      return count(a, same ? 0 : ulps_at_edge(got, f.exact(a.x, a.y)), same);
    }
    const double error = ulps(got, want);
    if (error < worst - doubt && ulps(nearest, want) < 0.5 - doubt)
      return count(a, error, got == nearest);
    const Quad exact = f.exact(a.x, a.y);
    count(a, ulps(got, exact), got == static_cast<double>(exact));
  }

private:
  // Where infinity or NaN stands against a finite number: 2^1024 may have been rounded to inf.
  static double ulps_at_edge(double got, Quad want) {
    const Quad size = want < 0 ? -want : want;
    if (std::isinf(got) && size <= largest)
      return static_cast<double>((2 * static_cast<Quad>(0x1p1023) - size) / 0x1p971);
    if (std::abs(got) == largest)
      return static_cast<double>((size - static_cast<Quad>(largest)) / 0x1p971);
    return std::numeric_limits<double>::infinity();
  }
  void count(Arguments a, double error, bool is_correct) {
    correct += is_correct;
    if (!(error <= worst))
      worst = error, at = a;
  }
};

void apply(const Function &f, const Table *table, const std::vector<double> &x,
           const std::vector<double> &y, std::vector<double> &result) {
  if (f.one)
    (table->*f.one)(x.data(), result.data(), x.size());
  else
    (table->*f.two)(x.data(), y.data(), result.data(), x.size());
}

// An element, at arguments that take no path of their own.
double nanoseconds(const Function &f, const Table *table) {
  Random random{7};
  std::vector<double> x(block), y(block), result(block);
  for (std::size_t i = 0; i < block; ++i)
    x[i] = random.uniform(0.1, 10), y[i] = random.uniform(-5, 5);
  double best = std::numeric_limits<double>::infinity();
  for (int repeat = 0; repeat < 100; ++repeat) {
    const auto begin = std::chrono::steady_clock::now();
    apply(f, table, x, y, result);
    const std::chrono::duration<double, std::nano> time = std::chrono::steady_clock::now() - begin;
    best = std::min(best, time.count() / static_cast<double>(block));
  }
  return best;
}

void measure(const Function &f, std::uint64_t arguments) {
  std::vector<Tally> tallies;
  for (const char *name : {"avx512", "avx2", "sse2", "scalar"})
    if (const Table *table = lawfit::simd::find_table(name))
      tallies.push_back({table});
  Random random{20240901};
  std::vector<double> x(block), y(block);
  std::uint64_t tried = 0;
  for (; tried < arguments; tried += block) {
    for (std::size_t i = 0; i < block; ++i) {
      const Arguments a = f.draw(random, random.bits());
      x[i] = a.x, y[i] = a.y;
    }
    for (Tally &tally : tallies)
      apply(f, tally.table, x, y, tally.result);
    for (std::size_t i = 0; i < block; ++i) {
      const long double want = f.close(x[i], y[i]);
      for (Tally &tally : tallies)
        tally.add(f, {x[i], y[i]}, tally.result[i], want);
    }
  }
  for (const Tally &tally : tallies)
    std::printf("%-6s %-7s %llu arguments, worst %.4f ulp at (%a, %a), %.3f %% correct, %.2f ns\n",
                f.name, tally.table->level, static_cast<unsigned long long>(tried), tally.worst,
                tally.at.x, tally.at.y,
                100 * static_cast<double>(tally.correct) / static_cast<double>(tried),
                nanoseconds(f, tally.table));
  std::fflush(stdout);
}

} // namespace

int main(int count, char **argument) {
  const std::string name = count > 1 ? argument[1] : "all";
  const double arguments = count > 2 ? std::strtod(argument[2], nullptr) : 1e6;
  for (const Function &f : functions)
    if (name == "all" || name == f.name)
      measure(f, static_cast<std::uint64_t>(arguments));
}
