// A law's values weighed row by row, at every level against plain formulas.
#include "check.hpp"
#include "simd_levels.hpp"

#include <algorithm>
#include <array>
#include <vector>

namespace simd = lawfit::simd;
using lawfit::Loss;
using levels::is_untouched, levels::nan_, levels::same, levels::same_rows, levels::Table,
    levels::uniform, levels::untouched;
using simd::WeighFor, simd::Weighing;
using Real = long double;
using Array = std::vector<double>;

namespace {

constexpr std::size_t most_rows = 40, room = most_rows + 2 * simd::sum_parts;

enum Output : std::size_t { slope, gauss_newton, hessian, residual, h1, score, outputs };

struct Weighed {
  double objective = 0;
  std::array<Array, outputs> row;
};

// Rows to be weighed.
struct Sample {
  Array f, target, weight; // weight empty: 1

  std::size_t rows() const { return f.size(); }
  Sample part(std::size_t first, std::size_t n) const {
    const auto cut = [&](const Array &all) {
      return all.empty() ? all : Array(all.data() + first, all.data() + first + n);
    };
    return {cut(f), cut(target), cut(weight)};
  }

  // Nothing beyond the last row may be read.
  Weighed weigh(const Table *table, const Weighing &with, WeighFor purpose) const {
    Array in[] = {f, target, weight};
    for (Array &values : in)
      values.resize(room, nan_);
    Weighed out;
    out.row.fill(Array(room, untouched));
    const auto at = [&](Output k) { return out.row[k].data(); };
    out.objective = table->weigh(
        with, purpose, in[0].data(), in[1].data(), weight.empty() ? nullptr : in[2].data(), rows(),
        {at(slope), at(gauss_newton), at(hessian), at(residual), at(h1), at(score)});
    return out;
  }
};

// Both purposes' outputs.
Weighed weigh_all(const Table *table, const Weighing &with, const Sample &sample) {
  Weighed all = sample.weigh(table, with, WeighFor::sums);
  const Weighed rows = sample.weigh(table, with, WeighFor::rows);
  CHECK(same(all.objective, rows.objective));
  CHECK(same(all.objective, sample.weigh(table, with, WeighFor::objective).objective));
  for (Output k : {slope, gauss_newton, hessian})
    CHECK(is_untouched(rows.row[k], 0));
  for (Output k : {residual, h1, score}) {
    CHECK(is_untouched(all.row[k], 0));
    all.row[k] = rows.row[k];
  }
  return all;
}

Weighing weighing(Loss loss, bool in_logarithms, double delta = 0.3, double floor = 0.01) {
  return {loss, delta, in_logarithms, floor, 1 / floor, std::log(floor)};
}

template <class Do> void for_every_weighing(Do &&act) {
  for (Loss loss : {Loss::squared, Loss::huber, Loss::soft_l1})
    for (bool in_logarithms : {false, true})
      act(weighing(loss, in_logarithms));
}

// Residuals on both sides of the knee; where logarithms are taken, every fourth value is below the
// floor, zero or negative.
Sample sample(const Weighing &with, std::size_t n, bool weighted) {
  std::mt19937_64 random(n + 100 * weighted);
  Sample out;
  for (std::size_t i = 0; i < n; ++i) {
    const double target = uniform(-2, 2)(random), size = std::pow(10, uniform(-2, 0.5)(random));
    const double r = i % 3 == 0 ? -size : size;
    const double low[] = {0.0, with.floor, uniform(-50, 1)(random) * with.floor};
    out.target.push_back(target);
    out.f.push_back(!with.in_logarithms ? target + r
                    : i % 4 == 1        ? low[i / 4 % 3]
                                        : std::exp(target + r));
    if (weighted)
      out.weight.push_back(i % 7 == 5 ? 0.0 : uniform(0.1, 3)(random));
  }
  return out;
}

struct Defined {
  Real rho;
  Real row[outputs];
};

Defined define(const Weighing &with, Real f, Real target, Real w) {
  Real r = f - target, d1_f = 1, d2_f = 0;
  if (with.in_logarithms) {
    const Real floor = with.floor, u = f / floor - 1;
    const bool above = f > floor;
    r = (above ? std::log(f) : std::log(floor) + u - u * u / 2) - target;
    d1_f = above ? 1 / f : (1 - u) / floor;
    d2_f = above ? -1 / (f * f) : -1 / (floor * floor);
  }
  const Real delta = with.delta, root = std::sqrt(1 + (r / delta) * (r / delta));
  Real rho = r * r / 2, d1 = r, d2 = 1, ratio = 1;
  if (with.loss == Loss::huber && std::abs(r) > delta) {
    rho = delta * (std::abs(r) - delta / 2);
    d1 = std::copysign(delta, r);
    d2 = 0;
    ratio = delta / std::abs(r);
  } else if (with.loss == Loss::soft_l1) {
    rho = delta * delta * (root - 1);
    d1 = r / root;
    d2 = 1 / (root * root * root);
    ratio = 1 / root;
  }
  return {w * rho,
          {w * d1 * d1_f, w * ratio * d1_f * d1_f, w * (d2 * d1_f * d1_f + d1 * d2_f), r, d1_f,
           w * d1}};
}

} // namespace

static void test_weighing() {
  for_every_weighing([](const Weighing &with) {
    for (std::size_t n = 1; n <= most_rows; ++n)
      for (bool weighted : {false, true}) {
        const Sample rows = sample(with, n, weighted);
        for (const Table *table : levels::all()) {
          const Weighed got = weigh_all(table, with, rows);
          Real objective = 0;
          for (std::size_t i = 0; i < n; ++i) {
            const Real w = weighted ? rows.weight[i] : 1.0;
            const Defined want = define(with, rows.f[i], rows.target[i], w);
            objective += want.rho;
            for (std::size_t k = 0; k < outputs; ++k)
              CHECK_CLOSE(got.row[k][i], static_cast<double>(want.row[k]), 3e-13,
                          k == hessian ? static_cast<double>(want.row[gauss_newton]) : 0.0);
          }
          CHECK_NEAR(got.objective, static_cast<double>(objective), 3e-13);
          // The rest of the last eight rows weighs nothing, and nothing is written beyond.
          for (Output k : {slope, gauss_newton, hessian, score})
            for (std::size_t i = n; i < lawfit::simd::whole_parts(n); ++i)
              CHECK(got.row[k][i] == 0);
          for (Output k : {residual, h1})
            for (std::size_t i = n; i < lawfit::simd::whole_parts(n); ++i)
              CHECK(std::isfinite(got.row[k][i]) && got.row[k][i] != untouched);
          for (const Array &row : got.row)
            CHECK(is_untouched(row, lawfit::simd::whole_parts(n)));
        }
      }
  });
}

// Neither its place among the rows nor their number changes what a row is given.
static void test_weighing_of_a_row_alone() {
  for_every_weighing([](const Weighing &with) {
    for (bool weighted : {false, true}) {
      const Sample rows = sample(with, most_rows, weighted);
      for (const Table *table : levels::all()) {
        const Weighed whole = weigh_all(table, with, rows);
        for (std::size_t first = 0; first < most_rows; ++first)
          for (std::size_t n : {std::size_t{1}, most_rows - first}) {
            const Weighed part = weigh_all(table, with, rows.part(first, n));
            for (std::size_t k = 0; k < outputs; ++k)
              for (std::size_t i = 0; i < n; ++i)
                CHECK(same(part.row[k][i], whole.row[k][first + i]));
          }
      }
    }
  });
}

// A residual as large as delta is still inside, the next is not.
static void test_knee() {
  constexpr double delta = 0.25, beyond = 0.25000000000000006;
  for (const Table *table : levels::all())
    for (std::size_t n : {1UL, 3UL, 8UL, 13UL})
      for (double sign : {-1.0, 1.0}) {
        const auto all = [n](double x) { return Array(n, x); };
        const Weighing linear = weighing(Loss::huber, false, delta);
        for (double target : {0.0, 1.0, -3.0}) {
          const Weighed at =
              weigh_all(table, linear, {all(target + sign * delta), all(target), {}});
          for (std::size_t i = 0; i < n; ++i) {
            CHECK(at.row[residual][i] == sign * delta && at.row[slope][i] == sign * delta);
            CHECK(at.row[hessian][i] == 1 && at.row[gauss_newton][i] == 1);
          }
          CHECK(at.objective == static_cast<double>(n) * delta * delta / 2);
        }
        const Weighed outside = weigh_all(table, linear, {all(sign * beyond), all(0), {}});
        for (std::size_t i = 0; i < n; ++i) {
          CHECK(outside.row[slope][i] == sign * delta && outside.row[hessian][i] == 0);
          CHECK(outside.row[gauss_newton][i] < 1);
          CHECK_NEAR(outside.row[gauss_newton][i], 1.0, 4e-16);
        }
        // log 1 is 0, and the second derivative of the logarithm there -1.
        const Weighed log =
            weigh_all(table, weighing(Loss::huber, true, delta), {all(1), all(-sign * delta), {}});
        for (std::size_t i = 0; i < n; ++i) {
          CHECK(log.row[residual][i] == sign * delta && log.row[gauss_newton][i] == 1);
          CHECK(log.row[hessian][i] == 1 - sign * delta);
        }
      }
}

// A value that is no number shows in the objective and in its own row only.
static void test_no_number() {
  for_every_weighing([](const Weighing &with) {
    const Sample rows = sample(with, 21, true);
    for (const Table *table : levels::all()) {
      const Weighed whole = weigh_all(table, with, rows);
      for (std::size_t bad : {0UL, 9UL, 15UL, 20UL}) {
        Sample broken = rows;
        broken.f[bad] = nan_;
        const Weighed got = weigh_all(table, with, broken);
        CHECK(std::isnan(got.objective) && std::isnan(got.row[residual][bad]));
        for (std::size_t k = 0; k < outputs; ++k)
          for (std::size_t i = 0; i < lawfit::simd::whole_parts(21); ++i)
            CHECK(i == bad || same(got.row[k][i], whole.row[k][i]));
      }
    }
  });
}

static void test_fused_levels_agree() {
  const std::vector<const Table *> tables = levels::fused();
  for (std::size_t k = 1; k < tables.size(); ++k) {
    for_every_weighing([&](const Weighing &with) {
      for (std::size_t n = 1; n <= most_rows; ++n)
        for (bool weighted : {false, true}) {
          const Sample rows = sample(with, n, weighted);
          const Weighed a = weigh_all(tables[0], with, rows), b = weigh_all(tables[k], with, rows);
          CHECK(same(a.objective, b.objective));
          for (std::size_t j = 0; j < outputs; ++j)
            CHECK(same_rows(a.row[j], b.row[j]));
        }
    });
  }
}

int main() {
  test_weighing();
  test_weighing_of_a_row_alone();
  test_knee();
  test_no_number();
  test_fused_levels_agree();
  return check::finish();
}
