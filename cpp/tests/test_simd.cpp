#include "check.hpp"
#include "lawfit/simd.hpp"
#include "simd_levels.hpp"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <initializer_list>
#include <numeric>
#include <random>
#include <string>
#include <utility>
#include <vector>

namespace simd = lawfit::simd;
using levels::find_table, levels::inf, levels::nan_, levels::same, levels::Table, levels::uniform;

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
      for (const Table *table : levels::all()) {
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

// A law that depends on no input has no columns, and nowhere to put their products.
static void test_no_columns() {
  const std::vector<double> w(20, 1.0);
  for (const Table *table : levels::all()) {
    double untouched = 0.25;
    table->add_gram(w.data(), 20, 0, w.data(), 20, &untouched);
    table->add_product(w.data(), 20, 0, w.data(), 20, &untouched);
    CHECK(untouched == 0.25);
  }
}

static void test_columns() {
  std::mt19937_64 random(11);
  std::uniform_real_distribution<double> uniform(-1, 1);
  for (std::size_t n : {1UL, 8UL, 9UL, 100UL})
    for (int m = 0; m <= 6; ++m) {
      const std::size_t stride = (n + 7) / 8 * 8, size = static_cast<std::size_t>(m);
      std::vector<double> jac(size * stride), s(size), x(stride), y(stride);
      for (std::vector<double> *values : {&jac, &s, &x})
        for (double &value : *values)
          value = uniform(random);
      for (const Table *table : levels::all()) {
        std::fill(y.begin(), y.end(), NAN);
        table->add_columns(jac.data(), stride, m, s.data(), n, x.data(), y.data());
        for (std::size_t i = 0; i < stride; ++i) {
          long double want = x[i];
          for (std::size_t a = 0; a < size; ++a)
            want += static_cast<long double>(s[a]) * jac[a * stride + i];
          CHECK_CLOSE(y[i], static_cast<double>(want), 1e-15, 1.0);
        }
      }
    }
}

// What a shorter run leaves beyond its rows would be multiplied by 0 and summed: nothing may stay.
static void test_terms() {
  const std::vector<double> log = {0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8};
  const double *logs[] = {log.data(), log.data(), log.data()};
  const double exponents[] = {-0.5, 0.25, 1.5};
  for (const Table *table : levels::all())
    for (std::size_t n = 1; n <= 8; ++n)
      for (int powers = 0; powers <= 3; ++powers) {
        std::vector<double> shape(8, NAN), value(8, NAN), by_coefficient(8, NAN);
        const simd::TermRows out{
            shape.data(), value.data(), false, {by_coefficient.data(), false}, nullptr};
        table->add_term({powers, logs, exponents, nullptr, 3.0}, n, out);
        for (std::size_t i = 0; i < 8; ++i) {
          double exponent = 0;
          for (int j = 0; j < powers; ++j)
            exponent += exponents[j] * log[i];
          CHECK_NEAR(shape[i], std::exp(exponent), 1e-14);
          CHECK_NEAR(value[i], 3 * std::exp(exponent), 1e-14);
          CHECK(by_coefficient[i] == shape[i]);
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
    for (const Table *table : levels::all())
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
  for (const Table *table : levels::all()) {
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
  CHECK(level == (asked && find_table(asked) ? asked : levels::all().front()->level));
  double x = 2, y, z;
  simd::log(&x, &y, 1);
  find_table(level.c_str())->log(&x, &z, 1);
  CHECK(same(y, z));
}

int main() {
  test_reductions();
  test_no_columns();
  test_columns();
  test_terms();
  test_loss_drop();
  test_loss_drop_has_no_meaning();
  test_fused_levels_agree();
  test_dispatch();
  return check::finish();
}
