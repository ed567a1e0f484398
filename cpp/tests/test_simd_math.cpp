// What the elementary functions of every instruction set do besides being accurate.
#include "check.hpp"
#include "lawfit/simd.hpp"
#include "simd_functions.hpp"

#include <algorithm>
#include <random>
#include <type_traits>
#include <vector>

using namespace levels;

struct Case {
  const char *name;
  double x, want;
};

static const Case cases[] = {
    {"exp", 0, 1},
    {"exp", -0.0, 1},
    {"exp", smallest, 1},
    {"exp", inf, inf},
    {"exp", -inf, 0},
    {"exp", nan_, nan_},
    {"exp", 1e300, inf},
    {"exp", -1e300, 0},
    {"exp", 0x1.62e42fefa39efp+9, 0x1.fffffffffff2ap+1023}, // the largest before inf
    {"exp", 0x1.62e42fefa39f0p+9, inf},
    {"exp", -0x1.74910d52d3051p+9, smallest}, // the smallest before 0
    {"exp", -0x1.74910d52d3053p+9, 0},
    {"log", 1, 0},
    {"log", 0, -inf},
    {"log", -0.0, -inf},
    {"log", -1, nan_},
    {"log", -smallest, nan_},
    {"log", -inf, nan_},
    {"log", inf, inf},
    {"log", nan_, nan_},
    {"log", largest, 0x1.62e42fefa39efp+9},
    {"log", 0x1p-1022, -0x1.6232bdd7abcd2p+9},
    {"log", smallest, -0x1.74385446d71c3p+9},
    {"expm1", 0, 0},
    {"expm1", -0.0, -0.0},
    {"expm1", smallest, smallest},
    {"expm1", -smallest, -smallest},
    {"expm1", -0x1p-1022, -0x1p-1022},
    {"expm1", inf, inf},
    {"expm1", -inf, -1},
    {"expm1", -60, -1},
    {"expm1", nan_, nan_},
    {"expm1", 0x1.62e42fefa39efp+9, 0x1.fffffffffff2ap+1023},
    {"expm1", 0x1.62e42fefa39f0p+9, inf},
    {"log1p", 0, 0},
    {"log1p", -0.0, -0.0},
    {"log1p", smallest, smallest},
    {"log1p", -smallest, -smallest},
    {"log1p", -1, -inf},
    {"log1p", -0x1.0000000000001p0, nan_},
    {"log1p", -inf, nan_},
    {"log1p", inf, inf},
    {"log1p", nan_, nan_},
    {"log1p", largest, 0x1.62e42fefa39efp+9},
    {"sin", 0, 0},
    {"sin", -0.0, -0.0},
    {"sin", smallest, smallest},
    {"sin", -smallest, -smallest},
    {"sin", inf, nan_},
    {"sin", -inf, nan_},
    {"sin", nan_, nan_},
    {"sin", half_pi, 1},
    {"cos", 0, 1},
    {"cos", -0.0, 1},
    {"cos", smallest, 1},
    {"cos", inf, nan_},
    {"cos", -inf, nan_},
    {"cos", nan_, nan_},
    {"cos", 2 * half_pi, -1},
    {"tan", 0, 0},
    {"tan", -0.0, -0.0},
    {"tan", -smallest, -smallest},
    {"tan", inf, nan_},
    {"tan", nan_, nan_},
    {"atan", 0, 0},
    {"atan", -0.0, -0.0},
    {"atan", smallest, smallest},
    {"atan", -smallest, -smallest},
    {"atan", 1, half_pi / 2},
    {"atan", -1, -half_pi / 2},
    {"atan", inf, half_pi},
    {"atan", -inf, -half_pi},
    {"atan", -largest, -half_pi},
    {"atan", nan_, nan_},
    {"tanh", 0, 0},
    {"tanh", -0.0, -0.0},
    {"tanh", -smallest, -smallest},
    {"tanh", inf, 1},
    {"tanh", -inf, -1},
    {"tanh", nan_, nan_},
    {"expit", 0, 0.5},
    {"expit", inf, 1},
    {"expit", -inf, 0},
    {"expit", nan_, nan_},
};

struct TwoCase {
  const char *name;
  double x, y, want;
};

// C99, F.9.4.4, and where a power ends.
static const TwoCase two_cases[] = {
    {"pow", 0, -3, inf},
    {"pow", -0.0, -3, -inf},
    {"pow", 0, -2, inf},
    {"pow", -0.0, -2, inf},
    {"pow", -0.0, -2.5, inf},
    {"pow", 0, -inf, inf},
    {"pow", -0.0, -inf, inf},
    {"pow", 0, smallest, 0},
    {"pow", 0, -smallest, inf},
    {"pow", 0, 3, 0},
    {"pow", -0.0, 3, -0.0},
    {"pow", -0.0, 2, 0},
    {"pow", -0.0, 0.5, 0},
    {"pow", -0.0, inf, 0},
    {"pow", -1, inf, 1},
    {"pow", -1, -inf, 1},
    {"pow", 1, nan_, 1},
    {"pow", 1, inf, 1},
    {"pow", 1, 1e300, 1},
    {"pow", nan_, 0, 1},
    {"pow", nan_, -0.0, 1},
    {"pow", 0, 0, 1},
    {"pow", inf, -0.0, 1},
    {"pow", -inf, 0, 1},
    {"pow", -8, 1.0 / 3, nan_},
    {"pow", -smallest, 1e-300, nan_},
    {"pow", 0.5, -inf, inf},
    {"pow", -0.5, -inf, inf},
    {"pow", 0x1.fffffffffffffp-1, -inf, inf},
    {"pow", 0x1.0000000000001p0, -inf, 0},
    {"pow", -2, -inf, 0},
    {"pow", 0.5, inf, 0},
    {"pow", 2, inf, inf},
    {"pow", -2, inf, inf},
    {"pow", inf, inf, inf},
    {"pow", -inf, -3, -0.0},
    {"pow", -inf, -2, 0},
    {"pow", -inf, -2.5, 0},
    {"pow", -inf, 3, -inf},
    {"pow", -inf, 2, inf},
    {"pow", -inf, 2.5, inf},
    {"pow", -inf, inf, inf},
    {"pow", inf, -smallest, 0},
    {"pow", inf, smallest, inf},
    {"pow", nan_, 1, nan_},
    {"pow", 2, nan_, nan_},
    {"pow", nan_, nan_, nan_},
    {"pow", -2, nan_, nan_},
    {"pow", 0, nan_, nan_},
    {"pow", inf, nan_, nan_},
    {"pow", nan_, inf, nan_},
    {"pow", -1, 0x1.fffffffffffffp52, -1}, // the largest odd number
    {"pow", -1, 0x1.ffffffffffffep52, 1},
    {"pow", -1, 0x1p53, 1},
    {"pow", -1, 0x1.0000000000001p52, -1},
    {"pow", -1, 0x1.8000000000001p51, nan_},
    {"pow", -3, 3, -27},
    {"pow", -3, -1, -1.0 / 3},
    {"pow", 2, 1023, 0x1p1023},
    {"pow", 2, 1024, inf},
    {"pow", -2, 1025, -inf},
    {"pow", 2, -1074, smallest},
    {"pow", 2, -1076, 0},
    {"pow", -2, -1077, -0.0},
    {"pow", smallest, 1, smallest},
    {"pow", smallest, -1, inf},
    {"pow", smallest, 2, 0},
    {"pow", largest, 1, largest},
    {"pow", -largest, 1, -largest},
    {"pow", 0x1p-1022, 1, 0x1p-1022},
    {"pow", 2, 1e300, inf},
    {"pow", 2, -largest, 0},
    {"pow", 0x1.fffffffffffffp-1, largest, 0},
    {"pow", 0x1.0000000000001p0, largest, inf},
    {"pow", 10, 1e-320, 1},
    {"pow", 10, 22, 1e22},
    {"pow", 49, 0.5, 7},
    {"logaddexp", inf, inf, inf},
    {"logaddexp", -inf, -inf, -inf},
    {"logaddexp", inf, -inf, inf},
    {"logaddexp", -inf, 3, 3},
    {"logaddexp", 3, -inf, 3},
    {"logaddexp", 1000, -1000, 1000},
    {"logaddexp", 0, 0, 0x1.62e42fefa39efp-1},
    {"logaddexp", nan_, 1, nan_},
    {"logaddexp", 1, nan_, nan_},
    {"logaddexp", inf, nan_, nan_},
};

static void test_case(const char *name, double x, double y, double want) {
  for (const Table *table : levels::all()) {
    double z;
    function(name).apply(table, &x, &y, &z, 1);
    if (!same(z, want))
      std::printf("%s %s(%a, %a) = %a, not %a\n", table->level, name, x, y, z, want);
    CHECK(same(z, want));
  }
}

static void test_cases() {
  for (const Case &c : cases)
    test_case(c.name, c.x, 0, c.want);
  for (const TwoCase &c : two_cases)
    test_case(c.name, c.x, c.y, c.want);
}

static void test_place_does_not_matter() {
  std::mt19937_64 random(7);
  std::vector<double> x(48), y(x.size());
  for (std::size_t i = 0; i < x.size(); ++i) {
    x[i] = uniform(0.01, 9)(random);
    y[i] = uniform(-9, 9)(random);
  }
  x[5] = nan_, x[11] = inf, x[17] = -1, x[23] = 0, x[29] = smallest, x[35] = 1e15;
  y[6] = nan_, y[11] = -inf, y[17] = 3, y[23] = -2, y[30] = 1e300;
  for (const Table *table : levels::all())
    for (const Function &f : functions) {
      std::vector<double> alone(x.size());
      for (std::size_t i = 0; i < x.size(); ++i)
        f.apply(table, &x[i], &y[i], &alone[i], 1);
      for (std::size_t begin = 0; begin < 9; ++begin)
        for (std::size_t n = 0; begin + n < x.size(); ++n) {
          std::vector<double> z(x.size(), 42), in_place = x, in_place_of_y = y;
          f.apply(table, &x[begin], &y[begin], &z[begin], n);
          f.apply(table, &in_place[begin], &y[begin], &in_place[begin], n);
          f.apply(table, &x[begin], &in_place_of_y[begin], &in_place_of_y[begin], n);
          for (std::size_t i = 0; i < x.size(); ++i) {
            const bool inside = begin <= i && i < begin + n;
            CHECK(same(z[i], inside ? alone[i] : 42));
            CHECK(same(in_place[i], inside ? alone[i] : x[i]));
            CHECK(same(in_place_of_y[i], inside ? alone[i] : y[i]));
          }
        }
    }
}

static void test_fused_levels_agree() {
  const Table *wide = find_table("avx512"), *narrow = find_table("avx2");
  if (!wide || !narrow)
    return;
  std::mt19937_64 random(3);
  std::vector<double> x(40000), y(x.size());
  for (std::size_t i = 0; i < x.size(); ++i) {
    x[i] = i % 4 == 0 ? of_bits(random()) : uniform(-30, 30)(random);
    y[i] = i % 8 == 0 ? of_bits(random()) : uniform(-30, 30)(random);
  }
  for (const Function &f : functions) {
    const std::vector<double> a = f(wide, x, y), b = f(narrow, x, y);
    CHECK(std::equal(a.begin(), a.end(), b.begin(), same));
  }
}

// The functions of simd.hpp are those of the level in use, each under its own name.
static void test_dispatch() {
  const Table *table = levels::find_table(simd::level());
  const double x = 0.7, y = -1.3;
  const auto check = [&](auto f, const char *name) {
    double got, want;
    if constexpr (std::is_same_v<decltype(f), simd::Map>)
      f(&x, &got, 1);
    else
      f(&x, &y, &got, 1);
    function(name).apply(table, &x, &y, &want, 1);
    CHECK(same(got, want));
  };
  check(simd::exp, "exp");
  check(simd::log, "log");
  check(simd::expm1, "expm1");
  check(simd::log1p, "log1p");
  check(simd::sin, "sin");
  check(simd::cos, "cos");
  check(simd::tan, "tan");
  check(simd::atan, "atan");
  check(simd::tanh, "tanh");
  check(simd::expit, "expit");
  check(simd::pow, "pow");
  check(simd::logaddexp, "logaddexp");
}

int main() {
  test_cases();
  test_place_does_not_matter();
  test_fused_levels_agree();
  test_dispatch();
  return check::finish();
}
