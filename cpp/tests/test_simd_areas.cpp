// The area kernels of every instruction set, against their definitions in long double.
#include "check.hpp"
#include "lawfit/simd.hpp"
#include "lawfit/simd_tables.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <random>
#include <vector>

using namespace lawfit::simd;

namespace {

constexpr std::size_t largest = 256;

std::vector<const Table *> levels() {
  std::vector<const Table *> found;
  for (const char *name : {"avx512", "avx2", "sse2", "neon", "scalar"})
    if (const Table *table = find_table(name))
      found.push_back(table);
  return found;
}

std::vector<double> rates(std::size_t n, unsigned seed) {
  std::mt19937_64 random(seed);
  std::uniform_real_distribution<double> uniform(0.0, 1e-3);
  std::vector<double> lr(n);
  for (double &rate : lr)
    rate = uniform(random);
  return lr;
}

// Values and derivatives after each step, from a state, and the same if nothing cancelled: rounding
// is measured by that.
struct Definition {
  std::vector<long double> s1, m[area_orders], s2[area_orders];
  std::vector<long double> m_size[area_orders], s2_size[area_orders];

  Definition(long double lam, const AreaSweep &from, const double *lr, const double *d,
             std::size_t n) {
    long double forward = static_cast<long double>(from.s1.high) + from.s1.low;
    long double y[area_orders], area[area_orders], y_size[area_orders], area_size[area_orders];
    for (std::size_t r = 0; r < area_orders; ++r) {
      y[r] = from.m[r];
      area[r] = static_cast<long double>(from.s2[r].high) + from.s2[r].low;
      y_size[r] = std::fabs(y[r]);
      area_size[r] = std::fabs(area[r]);
    }
    for (std::size_t i = 0; i < n; ++i) {
      s1.push_back(forward += lr[i]);
      step(lam, y, d[i]);
      step(lam, y_size, std::fabs(d[i]));
      for (std::size_t r = 0; r < area_orders; ++r) {
        m[r].push_back(y[r]);
        s2[r].push_back(area[r] += y[r]);
        m_size[r].push_back(y_size[r]);
        s2_size[r].push_back(area_size[r] += y_size[r]);
      }
    }
  }

  static void step(long double lam, long double *y, long double d) {
    y[2] = lam * y[2] + 2 * y[1];
    y[1] = lam * y[1] + y[0];
    y[0] = lam * y[0] + d;
  }
};

// What a filter would hand to the kernels.
struct Filter {
  explicit Filter(double lambda) : lam(lambda) {
    long double p[area_orders] = {1}, g[area_orders] = {}, q[area_orders] = {};
    std::vector<long double> powers;
    for (std::size_t n = 0; n < largest; ++n) {
      for (std::size_t r = area_orders; r-- > 0;) {
        g[r] += p[r];
        to_m[r][largest - 1 - n] = static_cast<double>(p[r]);
        to_s2[r][largest - 1 - n] = static_cast<double>(g[r]);
        p[r] = lambda * p[r] + (r > 0 ? static_cast<long double>(r) * p[r - 1] : 0.0L);
        carried[r][n] = static_cast<double>(q[r] += p[r]);
      }
      powers.push_back(p[0]);
    }
    const auto eight = static_cast<double>(powers[7]);
    decay = {lambda, static_cast<double>(powers[1]), static_cast<double>(powers[3]), eight,
             static_cast<double>(powers[7] - eight)};
  }

  AreaWeights weights(std::size_t n) const {
    AreaWeights out;
    for (std::size_t r = 0; r < area_orders; ++r) {
      out.to_m[r] = &to_m[r][largest - n];
      out.to_s2[r] = &to_s2[r][largest - n];
    }
    return out;
  }

  AreaSweep from_nothing() const {
    AreaSweep out = {decay, {}, {}, {}, {}};
    for (std::size_t r = 0; r < area_orders; ++r)
      out.carried[r] = carried[r];
    return out;
  }

  AreaSweep from_a_state() const {
    AreaSweep out = from_nothing();
    out.s1 = {3.0, 1e-17};
    for (std::size_t r = 0; r < area_orders; ++r) {
      out.s2[r] = {0.25 * static_cast<double>(r + 1), -1e-18};
      out.m[r] = 1e-3 * static_cast<double>(r + 1);
    }
    return out;
  }

  double lam;
  DecayPowers decay;
  double to_m[area_orders][largest + sum_parts] = {}, to_s2[area_orders][largest + sum_parts] = {};
  double carried[area_orders][largest];
};

struct Swept {
  std::vector<double> values[1 + area_orders];
  AreaSums sums = {};

  Swept(const Table *table, const AreaSweep &from, int order, const double *lr, const double *d,
        std::size_t n) {
    for (std::vector<double> &each : values)
      each.assign(whole_parts(n), 42.0);
    AreaOutputs out = {values[0].data(), {}};
    for (std::size_t r = 0; r < area_orders; ++r)
      out.s2[r] = values[1 + r].data();
    table->sweep_areas(from, order, lr, d, n, out, sums);
  }
};

constexpr double lambdas[] = {0.0, 0.5, 0.95, 0.999, 0.999999, 1.0};
constexpr std::size_t lengths[] = {1, 2, 7, 8, 9, 15, 16, 17, 31, 100, 128, 251, 256};

} // namespace

static void test_decreases() {
  const std::vector<double> lr = rates(largest, 1);
  for (const Table *table : levels())
    for (std::size_t n : lengths) {
      std::vector<double> d(whole_parts(n), 42.0);
      table->decreases(lr.data(), n, d.data());
      CHECK(d[0] == 0.0);
      for (std::size_t i = 1; i < n; ++i)
        CHECK(d[i] == lr[i - 1] - lr[i]);
    }
}

static void test_sums() {
  for (double lam : lambdas) {
    const Filter filter(lam);
    for (std::size_t n : lengths) {
      // What follows the steps must not be read into the sums.
      std::vector<double> lr = rates(n, 2), d(n);
      const double first = 2e-4;
      for (std::size_t i = 0; i < n; ++i)
        d[i] = i > 0 ? lr[i - 1] - lr[i] : first;
      const Definition want(lam, filter.from_nothing(), lr.data(), d.data(), n);
      lr.push_back(NAN);
      for (const Table *table : levels())
        for (int order : {0, 1, 2}) {
          AreaSums sums = {};
          table->sum_areas(filter.weights(n), order, lr.data(), first, n, sums);
          CHECK_NEAR(sums.s1, static_cast<double>(want.s1.back()), 1e-15);
          for (std::size_t r = 0; r <= static_cast<std::size_t>(order); ++r) {
            CHECK_CLOSE(sums.m[r], static_cast<double>(want.m[r].back()), 1e-15,
                        static_cast<double>(want.m_size[r].back()));
            CHECK_CLOSE(sums.s2[r], static_cast<double>(want.s2[r].back()), 1e-15,
                        static_cast<double>(want.s2_size[r].back()));
          }
        }
    }
  }
}

static void test_sweeps() {
  for (double lam : lambdas) {
    const Filter filter(lam);
    for (std::size_t n : lengths) {
      const std::vector<double> lr = rates(whole_parts(n), 3);
      std::vector<double> d(whole_parts(n));
      for (std::size_t i = 0; i < d.size(); ++i)
        d[i] = i > 0 ? lr[i - 1] - lr[i] : -1e-4;
      const Definition alone(lam, filter.from_nothing(), lr.data(), d.data(), n);
      const Definition want(lam, filter.from_a_state(), lr.data(), d.data(), n);
      for (const Table *table : levels())
        for (int order : {0, 1, 2}) {
          const Swept got(table, filter.from_a_state(), order, lr.data(), d.data(), n);
          CHECK_NEAR(got.sums.s1, static_cast<double>(alone.s1.back()), 1e-15);
          for (std::size_t i = 0; i < n; ++i)
            CHECK_NEAR(got.values[0][i], static_cast<double>(want.s1[i]), 4e-16);
          for (std::size_t r = 0; r < area_orders; ++r) {
            const bool asked = r <= static_cast<std::size_t>(order);
            for (std::size_t i = 0; i < n && asked; ++i)
              CHECK_CLOSE(got.values[1 + r][i], static_cast<double>(want.s2[r][i]), 1e-15,
                          static_cast<double>(want.s2_size[r][i]));
            if (asked)
              CHECK_CLOSE(got.sums.s2[r], static_cast<double>(alone.s2[r].back()), 1e-15,
                          static_cast<double>(alone.s2_size[r].back()));
            else
              CHECK(got.values[1 + r] == std::vector<double>(whole_parts(n), 42.0));
          }
        }
    }
  }
}

// Neither where arrays lie nor how many derivatives are asked for shows in the bits.
static void test_place_and_order_do_not_show() {
  const Filter filter(0.999);
  for (const Table *table : levels())
    for (std::size_t n : lengths) {
      const std::vector<double> lr = rates(whole_parts(n), 4), d = rates(whole_parts(n), 5);
      const Swept all(table, filter.from_a_state(), 2, lr.data(), d.data(), n);
      const Swept one(table, filter.from_a_state(), 0, lr.data(), d.data(), n);
      CHECK(one.values[0] == all.values[0] && one.values[1] == all.values[1]);
      AreaSums sums = {}, again = {}, value = {};
      table->sum_areas(filter.weights(n), 2, lr.data(), 1e-4, n, sums);
      table->sum_areas(filter.weights(n), 0, lr.data(), 1e-4, n, value);
      CHECK(value.s1 == sums.s1 && value.m[0] == sums.m[0] && value.s2[0] == sums.s2[0]);
      for (std::size_t shift = 1; shift < sum_parts; ++shift) {
        std::vector<double> moved_lr(shift), moved_d(shift);
        moved_lr.insert(moved_lr.end(), lr.begin(), lr.end());
        moved_d.insert(moved_d.end(), d.begin(), d.end());
        const double *from = moved_lr.data() + shift;
        const Swept moved(table, filter.from_a_state(), 2, from, moved_d.data() + shift, n);
        CHECK(std::equal(moved.values, std::end(moved.values), all.values));
        table->sum_areas(filter.weights(n), 2, from, 1e-4, n, again);
        CHECK(std::memcmp(&again, &sums, sizeof sums) == 0);
      }
    }
}

static void test_fused_levels_agree() {
  const Table *wide = find_table("avx512"), *narrow = find_table("avx2");
  if (!wide || !narrow)
    return;
  for (double lam : lambdas) {
    const Filter filter(lam);
    for (std::size_t n : lengths) {
      const std::vector<double> lr = rates(whole_parts(n), 6), d = rates(whole_parts(n), 7);
      const Swept a(wide, filter.from_a_state(), 2, lr.data(), d.data(), n);
      const Swept b(narrow, filter.from_a_state(), 2, lr.data(), d.data(), n);
      CHECK(std::equal(a.values, std::end(a.values), b.values));
      CHECK(std::memcmp(&a.sums, &b.sums, sizeof a.sums) == 0);
      AreaSums p, q;
      wide->sum_areas(filter.weights(n), 2, lr.data(), 1e-4, n, p);
      narrow->sum_areas(filter.weights(n), 2, lr.data(), 1e-4, n, q);
      CHECK(std::memcmp(&p, &q, sizeof p) == 0);
    }
  }
}

static void test_streams_copy() {
  const std::vector<double> from = rates(64, 8);
  for (const Table *table : levels())
    for (std::size_t begin = 0; begin < 10; ++begin)
      for (std::size_t n = 0; begin + n < 40; ++n) {
        std::vector<double> to(48, 42.0), want = to;
        std::copy_n(from.begin(), n, want.begin() + static_cast<std::ptrdiff_t>(begin));
        table->stream(from.data(), n, to.data() + begin);
        end_stream();
        CHECK(to == want);
      }
}

int main() {
  test_decreases();
  test_sums();
  test_sweeps();
  test_place_and_order_do_not_show();
  test_fused_levels_agree();
  test_streams_copy();
  return check::finish();
}
