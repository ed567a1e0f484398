// How accurate the elementary functions are, against long double.
#include "check.hpp"
#include "simd_functions.hpp"

#include <tuple>
#include <type_traits>
#include <utility>

using namespace levels;

// |got - want| in spacings of doubles at `want`.
static double ulps(double got, Real want) {
  if (!std::isfinite(got) || std::abs(want) > largest)
    return same(got, static_cast<double>(want)) ? 0 : inf;
  int exponent;
  std::frexp(want, &exponent);
  return static_cast<double>(std::abs(got - want) /
                             std::ldexp(1.0L, std::max(exponent - 53, -1074)));
}

template <class Draw>
static void test_accuracy(const char *name, const char *range, double bound, Draw draw) {
  const Function &f = function(name);
  std::mt19937_64 random(20240901);
  std::vector<double> x(100000), y(x.size());
  std::vector<Real> want(x.size());
  for (std::size_t i = 0; i < x.size(); ++i) {
    if constexpr (std::is_same_v<decltype(draw(random)), double>)
      x[i] = draw(random);
    else
      std::tie(x[i], y[i]) = draw(random);
    want[i] = f.reference(x[i], y[i]);
  }
  for (const Table *table : levels::all()) {
    const std::vector<double> got = f(table, x, y);
    double worst = 0;
    std::size_t at = 0;
    for (std::size_t i = 0; i < x.size(); ++i)
      if (const double error = ulps(got[i], want[i]); !(error <= worst))
        worst = error, at = i;
    std::printf("%-7s %-5s %-22s %.3f ulp at (%a, %a)\n", table->level, name, range, worst, x[at],
                y[at]);
    // The machine's own library is held to less.
    CHECK(worst <= (table == find_table("scalar") ? 3.0 : bound));
  }
}

static double any_positive(std::mt19937_64 &random) {
  return of_bits(random() % 0x7ff0000000000000);
}
static double any_sign(std::mt19937_64 &random) {
  return random() % 2 ? any_positive(random) : -any_positive(random);
}
static double near_zero(std::mt19937_64 &random) {
  const double x = uniform(-1, 1)(random);
  return std::ldexp(x, -static_cast<int>(random() % 60));
}
static double near_one(std::mt19937_64 &random) { return 1 + near_zero(random) / 2; }

static void test_exp_and_log() {
  test_accuracy("exp", "[-750, 715]", 0.9, uniform(-750, 715));
  test_accuracy("exp", "[-20, 20]", 0.9, uniform(-20, 20));
  test_accuracy("exp", "[-0.36, 0.36]", 0.9, uniform(-0.36, 0.36));
  test_accuracy("exp", "near zero", 0.9, near_zero);
  test_accuracy("exp", "subnormal results", 0.9, uniform(-745.2, -708));
  test_accuracy("log", "any", 0.9, any_positive);
  test_accuracy("log", "[0.5, 2]", 0.9, uniform(0.5, 2));
  test_accuracy("log", "[1, 1e12]", 0.9, uniform(1, 1e12));
  test_accuracy("log", "near one", 0.9, near_one);
  test_accuracy("log", "subnormals", 0.9, uniform(0, 0x1p-1022));
  test_accuracy("expm1", "[-50, 715]", 0.7, uniform(-50, 715));
  test_accuracy("expm1", "[-2, 2]", 0.7, uniform(-2, 2));
  test_accuracy("expm1", "near zero", 0.7, near_zero);
  test_accuracy("expm1", "any", 0.7, any_sign);
  test_accuracy("log1p", "[-1, 2]", 0.9, uniform(-1, 2));
  test_accuracy("log1p", "[1, 1e12]", 0.9, uniform(1, 1e12));
  test_accuracy("log1p", "any positive", 0.9, any_positive);
  test_accuracy("log1p", "near zero", 0.9, near_zero);
  test_accuracy("log1p", "near minus one", 0.9,
                [](auto &random) { return std::abs(near_zero(random)) - 1; });
  test_accuracy("tanh", "[-25, 25]", 0.7, uniform(-25, 25));
  test_accuracy("tanh", "near zero", 0.7, near_zero);
  test_accuracy("tanh", "any", 0.7, any_sign);
  test_accuracy("expit", "[-745, 50]", 0.9, uniform(-745, 50));
  test_accuracy("expit", "near zero", 0.7, near_zero);
  test_accuracy("expit", "subnormal results", 0.9, uniform(-745.2, -708));
}

static void test_circular() {
  const auto near_quarters = [](auto &random) {
    return std::round(uniform(-6e5, 6e5)(random)) * half_pi;
  };
  for (const char *name : {"sin", "cos", "tan"}) {
    test_accuracy(name, "[-4, 4]", 0.9, uniform(-4, 4));
    test_accuracy(name, "[-2^20, 2^20]", 0.9, uniform(-0x1p20, 0x1p20));
    test_accuracy(name, "near quarters", 0.9, near_quarters);
    test_accuracy(name, "near zero", 0.9, near_zero);
    test_accuracy(name, "any", 0.9, any_sign);
  }
  test_accuracy("atan", "[-3, 3]", 0.9, uniform(-3, 3));
  test_accuracy("atan", "near zero", 0.9, near_zero);
  test_accuracy("atan", "any", 0.9, any_sign);
}

static void test_pow() {
  // The exponent that makes a power of x any size there is, and a little more.
  const auto with_exponent = [](double x, auto &random) {
    return std::pair{x, uniform(-750, 715)(random) / std::log(x)};
  };
  test_accuracy("pow", "any base", 0.9,
                [=](auto &random) { return with_exponent(any_positive(random), random); });
  test_accuracy("pow", "near one", 0.9,
                [=](auto &random) { return with_exponent(near_one(random), random); });
  test_accuracy("pow", "[0, 10]", 0.9, [](auto &random) {
    return std::pair{uniform(0, 10)(random), uniform(-10, 10)(random)};
  });
  test_accuracy("pow", "subnormal results", 0.9, [](auto &random) {
    const double x = std::abs(any_positive(random));
    return std::pair{x, uniform(-745.2, -708)(random) / std::log(x)};
  });
  test_accuracy("pow", "negative base", 0.9, [](auto &random) {
    return std::pair{uniform(-9, 0)(random), std::round(uniform(-300, 300)(random))};
  });
  test_accuracy("pow", "any", 0.9,
                [](auto &random) { return std::pair{any_positive(random), any_sign(random)}; });
}

// The larger of two terms and a logarithm, so an error is that of either.
static void test_logaddexp() {
  const Function &f = function("logaddexp");
  std::mt19937_64 random(5);
  std::vector<double> x(20000), y(x.size());
  for (std::size_t i = 0; i < x.size(); ++i) {
    x[i] = uniform(-30, 30)(random);
    y[i] = i % 2 ? x[i] + near_zero(random) : uniform(-30, 30)(random);
  }
  for (const Table *table : levels::all()) {
    const std::vector<double> got = f(table, x, y);
    for (std::size_t i = 0; i < x.size(); ++i)
      CHECK_CLOSE(got[i], static_cast<double>(f.reference(x[i], y[i])), 4e-16,
                  std::fmax(1, std::abs(std::fmax(x[i], y[i]))));
  }
}

int main() {
  test_exp_and_log();
  test_circular();
  test_pow();
  test_logaddexp();
  return check::finish();
}
