#include "check.hpp"
#include "lawfit/simd.hpp"
#include "lawfit/simd_tables.hpp"

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <initializer_list>
#include <limits>
#include <numeric>
#include <random>
#include <string>
#include <utility>
#include <vector>

namespace simd = lawfit::simd;
using simd::find_table;
using simd::Table;

static constexpr double inf = std::numeric_limits<double>::infinity();
static constexpr double nan_ = std::numeric_limits<double>::quiet_NaN();
static constexpr double largest = std::numeric_limits<double>::max();
static constexpr double smallest = std::numeric_limits<double>::denorm_min();

static std::vector<const Table *> levels() {
  std::vector<const Table *> found;
  for (const char *name : {"avx512", "avx2", "neon", "sse2", "scalar"})
    if (const Table *table = find_table(name))
      found.push_back(table);
  return found;
}

// Equal bits; any NaN is any other.
static bool same(double a, double b) {
  return std::memcmp(&a, &b, sizeof a) == 0 || (std::isnan(a) && std::isnan(b));
}

// |got - want| in spacings of doubles at `want`.
static double ulps(double got, long double want) {
  if (!std::isfinite(got) || std::abs(want) > largest)
    return same(got, static_cast<double>(want)) ? 0 : inf;
  int exponent;
  std::frexp(want, &exponent);
  return static_cast<double>(std::abs(got - want) /
                             std::ldexp(1.0L, std::max(exponent - 53, -1074)));
}

template <class Draw, class Reference>
static void test_accuracy(const char *range,
                          void (*Table::*f)(const double *, double *, std::size_t),
                          Reference reference, Draw draw) {
  std::mt19937_64 random(20240901);
  std::vector<double> x(200000), y(x.size());
  std::vector<long double> want(x.size());
  for (std::size_t i = 0; i < x.size(); ++i) {
    x[i] = draw(random);
    want[i] = reference(static_cast<long double>(x[i]));
  }
  for (const Table *table : levels()) {
    (table->*f)(x.data(), y.data(), x.size());
    double worst = 0, at = 0;
    for (std::size_t i = 0; i < x.size(); ++i)
      if (const double error = ulps(y[i], want[i]); !(error <= worst))
        worst = error, at = x[i];
    std::printf("%-7s %-22s %.3f ulp at %a\n", table->level, range, worst, at);
    CHECK(worst <= 0.9);
  }
}

static auto uniform(double low, double high) {
  return [=](auto &random) { return std::uniform_real_distribution<double>(low, high)(random); };
}

static void test_accuracy() {
  const auto exp = [](long double x) { return std::exp(x); };
  const auto log = [](long double x) { return std::log(x); };
  const auto any_positive = [](auto &random) {
    const std::uint64_t bits = random() % 0x7ff0000000000000;
    double x;
    std::memcpy(&x, &bits, sizeof x);
    return x;
  };
  const auto near_zero = [](auto &random) {
    const double x = uniform(-1, 1)(random);
    return std::ldexp(x, -static_cast<int>(random() % 60));
  };
  const auto near_one = [=](auto &random) { return 1 + near_zero(random) / 2; };
  test_accuracy("exp [-750, 715]", &Table::exp, exp, uniform(-750, 715));
  test_accuracy("exp [-20, 20]", &Table::exp, exp, uniform(-20, 20));
  test_accuracy("exp [-0.36, 0.36]", &Table::exp, exp, uniform(-0.36, 0.36));
  test_accuracy("exp near zero", &Table::exp, exp, near_zero);
  test_accuracy("exp subnormal results", &Table::exp, exp, uniform(-745.2, -708));
  test_accuracy("log any", &Table::log, log, any_positive);
  test_accuracy("log [0.5, 2]", &Table::log, log, uniform(0.5, 2));
  test_accuracy("log [1, 1e12]", &Table::log, log, uniform(1, 1e12));
  test_accuracy("log near one", &Table::log, log, near_one);
  test_accuracy("log subnormals", &Table::log, log, uniform(0, 0x1p-1022));
}

static void test_edges() {
  struct Case {
    double x, want;
  };
  const Case exps[] = {{0, 1},
                       {-0.0, 1},
                       {smallest, 1},
                       {inf, inf},
                       {-inf, 0},
                       {nan_, nan_},
                       {1e300, inf},
                       {-1e300, 0},
                       {0x1.62e42fefa39efp+9, 0x1.fffffffffff2ap+1023}, // the largest before inf
                       {0x1.62e42fefa39f0p+9, inf},
                       {-0x1.74910d52d3051p+9, smallest}, // the smallest before 0
                       {-0x1.74910d52d3053p+9, 0}};
  const Case logs[] = {{1, 0},
                       {0, -inf},
                       {-0.0, -inf},
                       {-1, nan_},
                       {-smallest, nan_},
                       {-inf, nan_},
                       {inf, inf},
                       {nan_, nan_},
                       {largest, 0x1.62e42fefa39efp+9},
                       {0x1p-1022, -0x1.6232bdd7abcd2p+9},
                       {smallest, -0x1.74385446d71c3p+9}};
  for (const Table *table : levels()) {
    for (const Case &c : exps) {
      double y;
      table->exp(&c.x, &y, 1);
      if (!same(y, c.want))
        std::printf("%s exp(%a) = %a\n", table->level, c.x, y);
      CHECK(same(y, c.want));
    }
    for (const Case &c : logs) {
      double y;
      table->log(&c.x, &y, 1);
      if (!same(y, c.want))
        std::printf("%s log(%a) = %a\n", table->level, c.x, y);
      CHECK(same(y, c.want));
    }
  }
}

static void test_place_does_not_matter() {
  std::mt19937_64 random(7);
  std::vector<double> x(48);
  for (double &value : x)
    value = uniform(0.01, 9)(random);
  x[5] = nan_, x[11] = inf, x[17] = -1, x[23] = 0, x[29] = smallest;
  for (const Table *table : levels())
    for (auto f : {table->exp, table->log}) {
      std::vector<double> alone(x.size());
      for (std::size_t i = 0; i < x.size(); ++i)
        f(&x[i], &alone[i], 1);
      for (std::size_t begin = 0; begin < 9; ++begin)
        for (std::size_t n = 0; begin + n < x.size(); ++n) {
          std::vector<double> y(x.size(), 42), in_place = x;
          f(&x[begin], &y[begin], n);
          f(&in_place[begin], &in_place[begin], n);
          for (std::size_t i = 0; i < x.size(); ++i) {
            const bool inside = begin <= i && i < begin + n;
            CHECK(same(y[i], inside ? alone[i] : 42));
            CHECK(same(in_place[i], inside ? alone[i] : x[i]));
          }
        }
    }
}

static void test_reductions() {
  std::mt19937_64 random(11);
  for (int m : {1, 2, 3, 4, 5, 6, 7, 8, 9, 13, 32})
    for (std::size_t n : std::initializer_list<std::size_t>{0, 1, 7, 8, 9, 64, 128, 131}) {
      const auto size = static_cast<std::size_t>(m);
      const std::size_t stride = n + 3;
      // What lies between the rows must not be read into the sums.
      std::vector<double> jac(size * stride + 1, nan_), w(n);
      for (std::size_t i = 0; i < n; ++i) {
        w[i] = uniform(-1, 1)(random);
        for (std::size_t a = 0; a < size; ++a)
          jac[a * stride + i] = uniform(-1, 1)(random);
      }
      for (const Table *table : levels()) {
        std::vector<double> gram(size * size, 0.25), g(size, 0.25);
        table->add_gram(jac.data(), stride, m, w.data(), n, gram.data());
        table->add_product(jac.data(), stride, m, w.data(), n, g.data());
        const double scale = 1 + static_cast<double>(n);
        for (std::size_t a = 0; a < size; ++a) {
          long double product = 0.25;
          for (std::size_t i = 0; i < n; ++i)
            product += static_cast<long double>(w[i]) * jac[a * stride + i];
          CHECK_CLOSE(g[a], static_cast<double>(product), 3e-16, scale);
          for (std::size_t b = 0; b < size; ++b) {
            long double want = 0.25;
            for (std::size_t i = 0; i < n && b <= a; ++i)
              want += static_cast<long double>(w[i]) * jac[a * stride + i] * jac[b * stride + i];
            CHECK_CLOSE(gram[a * size + b], static_cast<double>(want), 3e-16, scale);
          }
        }
        // The order of a sum does not depend on where the rows lie.
        std::vector<double> moved(jac.size() + 1), again(size * size, 0.25);
        std::copy(jac.begin(), jac.end(), moved.begin() + 1);
        table->add_gram(moved.data() + 1, stride, m, w.data(), n, again.data());
        CHECK(gram == again);
      }
    }
}

// Runs of nodes of a loss drop, which end anywhere and skip some nodes.
struct Drop {
  static constexpr std::size_t size = 700;

  explicit Drop(double c, double beta) : kernel{c, beta, 2.0, 1e-17} {
    std::mt19937_64 random(5);
    for (std::size_t i = 0; i < size; ++i) {
      log_rate[i] = uniform(-12, -7)(random);
      power[i] = std::pow(10.0, uniform(-9, 9)(random));
      weight[i] = uniform(-1, 1)(random);
      high[i] = i % 50 == 25 ? 2.0 : uniform(0, 2)(random);
      low[i] = i % 50 == 25 ? 1e-17 : uniform(-1e-17, 1e-17)(random);
    }
    high[7] = 2.0, low[7] = -1e-17, power[7] = 1e17; // S is 2e-17
    if (c > 1e-9)
      power[0] = inf;
    for (std::size_t first = 0, n = 1; first + n < size; first += n + n % 3, n = (n * 5 + 3) % 49)
      runs.push_back({first, n});
    runs.push_back({300, 300}); // more than is gathered at once
  }

  simd::DropSums sums(const Table *table, int order) const {
    simd::DropSums sums = {};
    table->add_drop(kernel, {power, log_rate, weight, high, low}, runs.data(), runs.size(), order,
                    sums);
    return sums;
  }

  simd::DropKernel kernel;
  static constexpr std::size_t room = size + simd::sum_parts;
  double power[room] = {}, log_rate[room] = {}, weight[room] = {}, high[room] = {}, low[room] = {};
  std::vector<simd::DropRun> runs;
};

// Of every sum, its terms and their sizes.
static void define(const Drop &drop, long double *want, long double *sizes) {
  std::fill_n(want, simd::drop_sums, 0.0L);
  std::fill_n(sizes, simd::drop_sums, 0.0L);
  const long double c = drop.kernel.c, beta = drop.kernel.beta;
  for (const simd::DropRun &run : drop.runs)
    for (std::size_t i = run.first; i < run.first + run.n; ++i) {
      const long double s = (static_cast<long double>(drop.kernel.area_high) - drop.high[i]) +
                            (static_cast<long double>(drop.kernel.area_low) - drop.low[i]);
      const long double x = drop.power[i] < inf ? drop.power[i] * s : 1e300L;
      const long double z = 1 + c * x, log_z = std::log1p(c * x), u = std::exp(-beta * log_z);
      const long double slope = x / z, l = drop.log_rate[i];
      const long double g_c = beta * u * slope, g_cc = -(beta + 1) * slope * g_c;
      const long double g_bc = (1 - beta * log_z) * u * slope;
      const long double terms[] = {
          -std::expm1(-beta * log_z), g_c,      u * log_z, l * g_c,     g_cc,        g_bc,
          -u * log_z * log_z,         l * g_cc, l * g_bc,  l * l * g_c, l * l * g_cc};
      for (int t = 0; t < simd::drop_sums; ++t) {
        want[t] += drop.weight[i] * terms[t];
        sizes[t] += std::fabs(drop.weight[i] * terms[t]);
      }
    }
}

static void test_loss_drop() {
  for (const auto &[c, beta] :
       {std::pair{2.0, 0.6}, {1e-3, 2.0}, {1e5, 0.01}, {0.0, 0.5}, {1e-18, 0.5}}) {
    const Drop drop(c, beta);
    long double want[simd::drop_sums], sizes[simd::drop_sums];
    define(drop, want, sizes);
    for (const Table *table : levels())
      for (int order : {0, 1, 2}) {
        const simd::DropSums sums = drop.sums(table, order), all = drop.sums(table, 2);
        const int asked = order == 0 ? simd::by_c : order == 1 ? simd::by_cc : simd::drop_sums;
        for (int t = 0; t < simd::drop_sums; ++t) {
          const auto &part = sums.part[t];
          if (t < asked) {
            CHECK(std::equal(part, std::end(part), all.part[t]));
            CHECK_CLOSE(std::accumulate(part, std::end(part), 0.0), static_cast<double>(want[t]),
                        1e-13, static_cast<double>(sizes[t]));
          } else {
            CHECK(std::count(part, std::end(part), 0.0) == std::end(part) - part);
          }
        }
      }
  }
}

static void test_loss_drop_has_no_meaning() {
  Drop drop(2.0, 0.5);
  drop.power[drop.runs[1].first] = nan_;
  for (const Table *table : levels()) {
    const simd::DropSums sums = drop.sums(table, 2);
    for (const auto &part : sums.part)
      CHECK(std::isnan(std::accumulate(part, std::end(part), 0.0)));
  }
}

static void test_fused_levels_agree() {
  const Table *wide = find_table("avx512"), *narrow = find_table("avx2");
  if (!wide || !narrow)
    return;
  constexpr int m = 7;
  constexpr std::size_t n = 1003;
  std::mt19937_64 random(3);
  std::vector<double> x(m * n), y(x.size()), z(x.size());
  for (double &value : x)
    value = uniform(-30, 30)(random);
  wide->exp(x.data(), y.data(), x.size());
  narrow->exp(x.data(), z.data(), x.size());
  CHECK(y == z);
  std::vector<double> a(m * m), b(m * m), c(m), d(m);
  wide->add_gram(x.data(), n, m, y.data(), n, a.data());
  narrow->add_gram(x.data(), n, m, y.data(), n, b.data());
  CHECK(a == b);
  wide->add_product(x.data(), n, m, y.data(), n, c.data());
  narrow->add_product(x.data(), n, m, y.data(), n, d.data());
  CHECK(c == d);
  std::vector<double> back(y.size());
  wide->log(y.data(), back.data(), y.size());
  narrow->log(y.data(), z.data(), y.size());
  CHECK(back == z);
  const Drop drop(2.0, 0.6);
  const simd::DropSums p = drop.sums(wide, 2), q = drop.sums(narrow, 2);
  CHECK(std::memcmp(&p, &q, sizeof p) == 0);
}

static void test_dispatch() {
  CHECK(find_table("mmx") == nullptr);
  CHECK(find_table("") == nullptr);
  CHECK(find_table("scalar") != nullptr);
  const std::string level = simd::level();
  const char *asked = std::getenv("LAWFIT_SIMD");
  CHECK(level == (asked && find_table(asked) ? asked : levels().front()->level));
  double x = 2, y, z;
  simd::log(&x, &y, 1);
  find_table(level.c_str())->log(&x, &z, 1);
  CHECK(same(y, z));
}

int main() {
  test_accuracy();
  test_edges();
  test_place_does_not_matter();
  test_reductions();
  test_loss_drop();
  test_loss_drop_has_no_meaning();
  test_fused_levels_agree();
  test_dispatch();
  return check::finish();
}
