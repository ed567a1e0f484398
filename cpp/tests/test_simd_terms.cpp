// Terms of sums, added up row by row, at every level against plain formulas.
#include "check.hpp"
#include "simd_levels.hpp"

#include <algorithm>
#include <vector>

namespace simd = lawfit::simd;
using levels::is_untouched, levels::same, levels::same_rows, levels::Table, levels::uniform,
    levels::untouched;
using Real = long double;
using Array = std::vector<double>;

namespace {

constexpr std::size_t most_rows = 40, room = most_rows + 2 * simd::sum_parts;

// A term over rows with room beyond them, and what its outputs hold before.
struct Term {
  static constexpr int most_powers = 4;

  explicit Term(int powers, bool weighted) : count(powers), is_weighted(weighted) {
    std::mt19937_64 random(17);
    for (Array *row : {&log[0], &log[1], &log[2], &log[3], &weight, &before})
      for (std::size_t i = 0; i < room; ++i)
        row->push_back(uniform(-4, 4)(random));
  }

  struct Out {
    Array shape = Array(room, untouched), value, by_coefficient, by_exponent[most_powers];
  };
  Out add(const Table *table, std::size_t first, std::size_t n, bool adds,
          bool derivatives = true) const {
    const double *logs[most_powers];
    for (int j = 0; j < most_powers; ++j)
      logs[j] = log[j].data() + first;
    Out out;
    const auto filled_with = [&](Array &row) {
      row.assign(room, untouched);
      if (adds)
        std::copy_n(before.begin() + static_cast<std::ptrdiff_t>(first),
                    lawfit::simd::whole_parts(n), row.begin());
      return row.data();
    };
    filled_with(out.value);
    simd::TermRow by_exponent[most_powers];
    for (int j = 0; j < most_powers; ++j)
      by_exponent[j] = {filled_with(out.by_exponent[j]), adds};
    filled_with(out.by_coefficient);
    table->add_term(
        {count, logs, exponents, is_weighted ? weight.data() + first : nullptr, coefficient}, n,
        {out.shape.data(),
         out.value.data(),
         adds,
         {derivatives ? out.by_coefficient.data() : nullptr, adds},
         derivatives ? by_exponent : nullptr});
    return out;
  }

  Real shape(std::size_t i) const {
    Real exponent = 0;
    for (int j = 0; j < count; ++j)
      exponent += static_cast<Real>(exponents[j]) * log[j][i];
    return (is_weighted ? weight[i] : Real{1}) * std::exp(exponent);
  }

  int count;
  bool is_weighted;
  Array log[most_powers], weight, before;
  static constexpr double coefficient = -1.7;
  static constexpr double exponents[most_powers] = {-0.34, 0.8, 1.1, -0.05};
};

template <class Do> void for_every_term(Do &&act) {
  for (int powers = 0; powers <= Term::most_powers; ++powers)
    for (bool weighted : {false, true})
      act(Term(powers, weighted));
}

} // namespace

static void test_terms() {
  for_every_term([](const Term &term) {
    for (std::size_t n = 1; n <= most_rows; ++n)
      for (bool adds : {false, true})
        for (const Table *table : levels::all()) {
          const Term::Out got = term.add(table, 0, n, adds);
          for (std::size_t i = 0; i < lawfit::simd::whole_parts(n); ++i) {
            const Real shape = term.shape(i), value = Term::coefficient * shape;
            const Real before = adds ? term.before[i] : 0.0;
            const auto close = [&](double is, Real added, Real to) {
              CHECK_CLOSE(is, static_cast<double>(to + added), 1e-14,
                          static_cast<double>(std::abs(added)));
            };
            close(got.shape[i], shape, 0);
            close(got.value[i], value, before);
            close(got.by_coefficient[i], shape, before);
            for (int j = 0; j < term.count; ++j)
              close(got.by_exponent[j][i], value * term.log[j][i], before);
          }
          for (const Array *row : {&got.shape, &got.value, &got.by_coefficient})
            CHECK(is_untouched(*row, lawfit::simd::whole_parts(n)));
          for (const Array &row : got.by_exponent)
            CHECK(is_untouched(row, lawfit::simd::whole_parts(n)));
        }
  });
}

// The value does not depend on whether derivatives are asked for, nor on a row's place.
static void test_terms_of_a_row_alone() {
  for_every_term([](const Term &term) {
    for (const Table *table : levels::all())
      for (bool adds : {false, true}) {
        const Term::Out whole = term.add(table, 0, most_rows, adds),
                        alone = term.add(table, 0, most_rows, adds, false);
        CHECK(same_rows(alone.value, whole.value) && same_rows(alone.shape, whole.shape));
        for (std::size_t i = 0; i < most_rows; ++i) {
          const Term::Out one = term.add(table, i, 1, adds);
          CHECK(same(one.value[0], whole.value[i]) && same(one.shape[0], whole.shape[i]));
          CHECK(same(one.by_coefficient[0], whole.by_coefficient[i]));
          for (int j = 0; j < term.count; ++j)
            CHECK(same(one.by_exponent[j][0], whole.by_exponent[j][i]));
        }
      }
  });
}

// Powers with one exponent add to one row.
static void test_shared_exponent() {
  const Term term(2, true);
  const double *logs[] = {term.log[0].data(), term.log[1].data()};
  const double exponents[] = {0.4, 0.4};
  for (const Table *table : levels::all()) {
    Array shape(room), value(room), by_exponent(room, untouched);
    const simd::TermRow rows[] = {{by_exponent.data(), false}, {by_exponent.data(), true}};
    table->add_term({2, logs, exponents, term.weight.data(), 2.0}, 19,
                    {shape.data(), value.data(), false, {nullptr, false}, rows});
    for (std::size_t i = 0; i < 19; ++i) {
      const Real a = term.log[0][i], b = term.log[1][i];
      const Real want = 2 * term.weight[i] * std::exp(0.4 * (a + b)) * (a + b);
      CHECK_CLOSE(by_exponent[i], static_cast<double>(want), 1e-14, std::abs(value[i]));
    }
  }
}

static void test_moments() {
  std::mt19937_64 random(23);
  Array in[4];
  for (Array &row : in)
    for (std::size_t i = 0; i < room; ++i)
      row.push_back(uniform(-2, 2)(random));
  const auto &[c, shape, a, b] = in;
  for (std::size_t n = 0; n <= most_rows; ++n) {
    Array cut = c;
    std::fill(cut.begin() + static_cast<std::ptrdiff_t>(n), cut.end(), 0.0);
    Real want[] = {0.5L, -0.25L};
    for (std::size_t i = 0; i < n; ++i) {
      const Real moment = static_cast<Real>(c[i]) * shape[i] * a[i];
      want[0] += moment;
      want[1] += moment * b[i];
    }
    Array first;
    for (const Table *table : levels::all()) {
      Array out = {0.5, -0.25};
      table->add_moments(cut.data(), shape.data(), a.data(), b.data(), n, out.data());
      for (std::size_t k = 0; k < 2; ++k)
        CHECK_CLOSE(out[k], static_cast<double>(want[k]), 3e-15, 1 + static_cast<double>(n));
    }
    for (const Table *table : levels::fused()) {
      Array out(2);
      table->add_moments(cut.data(), shape.data(), a.data(), b.data(), n, out.data());
      first = first.empty() ? out : first;
      CHECK(same_rows(out, first));
    }
  }
}

static void test_fused_levels_agree() {
  const std::vector<const Table *> tables = levels::fused();
  for (std::size_t k = 1; k < tables.size(); ++k)
    for_every_term([&](const Term &term) {
      for (bool adds : {false, true}) {
        const Term::Out a = term.add(tables[0], 0, 37, adds), b = term.add(tables[k], 0, 37, adds);
        CHECK(same_rows(a.value, b.value) && same_rows(a.shape, b.shape));
        CHECK(same_rows(a.by_coefficient, b.by_coefficient));
        for (int j = 0; j < Term::most_powers; ++j)
          CHECK(same_rows(a.by_exponent[j], b.by_exponent[j]));
      }
    });
}

int main() {
  test_terms();
  test_terms_of_a_row_alone();
  test_shared_exponent();
  test_moments();
  test_fused_levels_agree();
  return check::finish();
}
