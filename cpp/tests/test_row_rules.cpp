// Every operation over rows is the rule it stands for.
#include "check.hpp"
#include "lawfit/row_rules.hpp"
#include "lawfit/rules.hpp"

#include <random>
#include <vector>

using namespace lawfit;
using Values = std::vector<double>;

static constexpr double inf = std::numeric_limits<double>::infinity();
static constexpr std::size_t rows = 203;

static bool close(double got, double want) {
  return got == want || (std::isnan(got) && std::isnan(want)) ||
         std::abs(got - want) <= 4e-15 * std::abs(want);
}

// Operands of both signs and many sizes, some equal, and what has no finite value or derivative.
static void draw(Values &x, Values &y) {
  std::mt19937_64 random(3);
  std::uniform_real_distribution<double> some(-6, 6);
  for (std::size_t i = 0; i < rows; ++i) {
    x[i] = i % 2 ? some(random) : std::abs(some(random));
    y[i] = i % 7 == 0 ? x[i] : i % 3 == 0 ? std::round(some(random)) : some(random);
  }
  const double edges[] = {0.0, -0.0, 1.0, -1.0, inf, -inf, NAN, 800.0, -800.0, 1e-300};
  for (std::size_t i = 0; i < 10; ++i)
    for (std::size_t j = 0; j < 10; ++j)
      x[30 + 10 * i + j] = edges[i], y[30 + 10 * i + j] = edges[j];
}

static void test_operation(Op op) {
  Values x(rows), y(rows), f(rows), d[5];
  draw(x, y);
  for (Values &partial : d)
    partial.resize(rows);
  apply_rows(op, x.data(), y.data(), f.data(), rows);
  for (std::size_t i = 0; i < rows; ++i)
    if (!close(f[i], apply_scalar(op, x[i], y[i]))) {
      std::printf("%s(%g, %g)\n", op_names[static_cast<int>(op)], x[i], y[i]);
      CHECK_NEAR(f[i], apply_scalar(op, x[i], y[i]), 4e-15);
    }
  double *const to[5] = {d[0].data(), d[1].data(), d[2].data(), d[3].data(), d[4].data()};
  differentiate_rows(op, x.data(), y.data(), f.data(), to, rows);
  const auto check = [&](std::size_t i, int which, double want) {
    if (close(d[which][i], want))
      return;
    std::printf("partial %d of %s(%g, %g)\n", which, op_names[static_cast<int>(op)], x[i], y[i]);
    CHECK_NEAR(d[which][i], want, 4e-15);
  };
  for (std::size_t i = 0; i < rows; ++i) {
    visit_unary(op, [&](auto rule) {
      const UnaryPartials p = rule.partials(x[i], f[i]);
      check(i, 0, p.d1);
      check(i, 2, p.d2);
    });
    visit_binary(op, [&](auto rule) {
      const BinaryPartials p = rule.partials(x[i], y[i], f[i]);
      const double want[] = {p.x, p.y, p.xx, p.xy, p.yy};
      for (int which = 0; which < 5; ++which)
        check(i, which, want[which]);
    });
  }
}

static void test_in_place() {
  for (Op op : {Op::exp, Op::pow, Op::sub}) {
    Values x(rows), y(rows), f(rows);
    draw(x, y);
    apply_rows(op, x.data(), y.data(), f.data(), rows);
    apply_rows(op, x.data(), y.data(), x.data(), rows);
    for (std::size_t i = 0; i < rows; ++i)
      CHECK(x[i] == f[i] || (std::isnan(x[i]) && std::isnan(f[i])));
  }
}

int main() {
  for (int k = static_cast<int>(Op::add); k < op_count; ++k)
    test_operation(static_cast<Op>(k));
  test_in_place();
  return check::finish();
}
