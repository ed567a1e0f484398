#include "check.hpp"
#include "toy_laws.hpp"

#include <cmath>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <vector>

using namespace lawfit;
using toys::Expression;
using toys::Formula;
using toys::Law;
using toys::Point;

namespace {

constexpr std::size_t B = block_rows;

std::unique_ptr<Evaluator> make(const Law &law, const Data &data, bool terms, bool may_centre) {
  Cancel cancel;
  const std::size_t p = law.theta.size();
  Divided parts = divide(law.program, data, law.theta, toys::all(p), cancel);
  return terms ? make_terms(parts, data.rows, toys::all(p, may_centre))
               : make_tape(std::move(parts));
}

// An evaluator and all its rows, by parameters: the chain rule written out plainly.
class Rig {
public:
  Rig(const Law &law, const Data &data, bool terms, bool may_centre = false,
      Coordinates coordinates = Coordinates::natural, std::size_t chunk = B)
      : evaluator(make(law, data, terms, may_centre)), data_(data), coordinates_(coordinates),
        chunk_(chunk), areas_(divide_areas(law, data)) {}

  // Values, Jacobian (rows×p, row by row) and Σ c_i·∇²f_i (p×p).
  struct Jet {
    Point f, jacobian, hessian;
  };
  Jet operator()(const Point &theta, const Point &c) {
    const ScalarProgram &scalars = evaluator->scalars();
    const std::vector<int> &inputs = evaluator->inputs(coordinates_);
    const std::size_t p = theta.size(), m = inputs.size();
    Point scalar_scratch(scalars.scratch()), scratch(evaluator->scratch()), q;
    const ScalarProgram::Values at = scalars.evaluate(theta.data(), 2, scalar_scratch.data());
    for (int k : inputs)
      q.push_back(at.value[k]);
    std::vector<Point> area_values;
    std::vector<RowValues> areas;
    Cancel cancel;
    for (const Divided::Function &area : areas_) {
      area_values.resize(area_values.size() + 3, Point(data_.rows));
      Point *s = area_values.data() + area_values.size() - 3;
      data_.areas(at.value[area.arguments[0]], nullptr, s[0].data(), s[1].data(), s[2].data(),
                  cancel);
    }
    for (std::size_t k = 0; k < areas_.size(); ++k)
      areas.push_back({area_values[3 * k].data(), area_values[3 * k + 1].data(),
                       area_values[3 * k + 2].data(), data_.rows});

    Jet out{Point(data_.rows), Point(data_.rows * p), Point(p * p)};
    Point f(B), jac(m * B), by_input(m * m), slope(m);
    evaluator->begin(q.data(), scratch.data());
    for (std::size_t first = 0; first < data_.rows; first += chunk_) {
      const std::size_t n = std::min(chunk_, data_.rows - first);
      evaluator->evaluate(first, n, areas.data(), f.data(), jac.data(), scratch.data());
      std::copy_n(f.data(), n, out.f.data() + first);
      Point weights(B);
      std::copy_n(c.data() + first, n, weights.data());
      evaluator->add_hessian(first, n, areas.data(), weights.data(), by_input.data(),
                             scratch.data());
      for (std::size_t k = 0; k < m; ++k)
        for (std::size_t i = 0; i < n; ++i) {
          slope[k] += c[first + i] * jac[k * B + i];
          for (std::size_t j = 0; j < p; ++j)
            out.jacobian[(first + i) * p + j] +=
                jac[k * B + i] * at.gradient[static_cast<std::size_t>(inputs[k]) * p + j];
        }
    }
    for (std::size_t k = 0; k < m; ++k) {
      const auto node = static_cast<std::size_t>(inputs[k]);
      for (std::size_t i = 0; i < p; ++i)
        for (std::size_t j = 0; j < p; ++j) {
          out.hessian[i * p + j] += slope[k] * at.hessian[(node * p + i) * p + j];
          for (std::size_t l = 0; l < m; ++l)
            out.hessian[i * p + j] += by_input[std::max(k, l) * m + std::min(k, l)] *
                                      at.gradient[node * p + i] *
                                      at.gradient[static_cast<std::size_t>(inputs[l]) * p + j];
        }
    }
    return out;
  }

  std::unique_ptr<Evaluator> evaluator;

private:
  static std::vector<Divided::Function> divide_areas(const Law &law, const Data &data) {
    Cancel cancel;
    return divide(law.program, data, law.theta, toys::all(law.theta.size()), cancel).functions;
  }

  const Data &data_;
  Coordinates coordinates_;
  std::size_t chunk_;
  std::vector<Divided::Function> areas_;
};

Point coefficients(std::size_t rows) {
  Point c;
  for (std::size_t i = 0; i < rows; ++i)
    c.push_back(std::sin(1.0 + static_cast<double>(i)));
  return c;
}

void compare(const Point &got, const Point &want, double tolerance, const Law &law,
             const char *what) {
  const int before = check::failures;
  const double scale = 1e-2 * toys::largest(want);
  CHECK(got.size() == want.size());
  for (std::size_t i = 0; i < got.size(); ++i)
    CHECK_CLOSE(got[i], want[i], tolerance, scale);
  if (check::failures != before)
    std::printf("  in %s of '%s'\n", what, law.name.c_str());
}

// A parameter's share of an array whose entries run over parameters fastest.
Point by_parameter(const Point &all, std::size_t p, std::size_t k) {
  Point out;
  for (std::size_t i = k; i < all.size(); i += p)
    out.push_back(all[i]);
  return out;
}

void derivatives(const Law &law, Rig &rig, const Point &theta, std::size_t rows) {
  const std::size_t p = theta.size();
  const Point c = coefficients(rows);
  const Rig::Jet at = rig(theta, c);
  for (std::size_t k = 0; k < p; ++k) {
    const double step = toys::step(law, k);
    compare(by_parameter(at.jacobian, p, k),
            toys::difference([&](const Point &x) { return rig(x, c).f; }, theta, k, step), 1e-8,
            law, "the Jacobian");
    const auto gradient = [&](const Point &x) {
      const Point jacobian = rig(x, c).jacobian;
      Point sum(p);
      for (std::size_t i = 0; i < rows; ++i)
        for (std::size_t j = 0; j < p; ++j)
          sum[j] += c[i] * jacobian[i * p + j];
      return sum;
    };
    compare(by_parameter(at.hessian, p, k), toys::difference(gradient, theta, k, step), 1e-7, law,
            "the Hessian");
  }
}

} // namespace

static void test_which_laws_are_terms() {
  for (const Law &each : toys::laws()) {
    const Data data = toys::data_of(each, 20);
    const auto terms = make(each, data, true, false);
    CHECK((terms != nullptr) == each.is_terms);
    if (terms)
      CHECK(terms->name() == std::string("terms") && terms->cheap_hessian());
    CHECK(make(each, data, false, false)->name() == std::string("tape"));
  }
  // Powers of what may be negative are not exponentials of logarithms.
  const Law signed_power =
      toys::law("power of noise", {2.0}, false,
                [](Formula &f, std::vector<Expression> &p) { p[0] * pow(f.column(3), p[0]); });
  CHECK(make(signed_power, toys::columns(20), true, false) == nullptr);
}

static void test_values() {
  for (const Law &each : toys::laws())
    for (bool terms : {false, true}) {
      if (terms && !each.is_terms)
        continue;
      const Data data = toys::data_of(each, 300);
      Cancel cancel;
      Rig rig(each, data, terms);
      compare(rig(each.theta, coefficients(300)).f,
              evaluate(each.program, data, each.theta, cancel), 1e-13, each, "the values");
    }
}

static void test_derivatives() {
  for (const Law &each : toys::laws())
    for (bool terms : {false, true}) {
      if (terms && !each.is_terms)
        continue;
      const std::size_t rows = 140;
      const Data data = toys::data_of(each, rows);
      Rig natural(each, data, terms);
      derivatives(each, natural, each.theta, rows);
      if (!terms)
        continue;
      Rig centred(each, data, terms, true, Coordinates::centred);
      Point theta = each.theta, scratch(centred.evaluator->scalars().scratch());
      centred.evaluator->to_centred(theta.data(), scratch.data());
      derivatives(each, centred, theta, rows);
    }
}

static void test_terms_agree_with_the_tape() {
  for (const Law &each : toys::laws()) {
    if (!each.is_terms)
      continue;
    for (std::size_t rows : {1U, 127U, 128U, 129U, 1000U}) {
      const Data data = toys::data_of(each, rows);
      const Point c = coefficients(rows);
      Rig terms(each, data, true), tape(each, data, false);
      const Rig::Jet got = terms(each.theta, c), want = tape(each.theta, c);
      compare(got.f, want.f, 1e-13, each, "the values");
      for (std::size_t k = 0; k < each.theta.size(); ++k)
        compare(by_parameter(got.jacobian, each.theta.size(), k),
                by_parameter(want.jacobian, each.theta.size(), k), 1e-12, each, "the Jacobian");
      for (std::size_t k = 0; k < got.hessian.size(); ++k) {
        // Sums of terms of either sign; what they cancel from is some rows' share of one.
        CHECK_CLOSE(got.hessian[k], want.hessian[k], 1e-10,
                    1e-2 * std::abs(want.f[0]) * std::abs(c[0]));
      }
    }
  }
}

// A row's values do not depend on the block it is computed in.
static void test_blocks_do_not_show() {
  for (const Law &each : toys::laws())
    for (bool terms : {false, true}) {
      if (terms && !each.is_terms)
        continue;
      for (std::size_t rows : {1U, 127U, 128U, 129U, 1000U}) {
        const Data data = toys::data_of(each, rows);
        const Point c = coefficients(rows);
        const auto in_chunks = [&](std::size_t chunk) {
          return Rig(each, data, terms, false, Coordinates::natural, chunk)(each.theta, c);
        };
        const Rig::Jet whole = in_chunks(B);
        for (std::size_t chunk : {std::size_t{1}, std::size_t{61}}) {
          const Rig::Jet parts = in_chunks(chunk);
          CHECK(parts.f == whole.f && parts.jacobian == whole.jacobian);
          compare(parts.hessian, whole.hessian, 1e-9, each, "the Hessian in chunks");
        }
      }
    }
}

static void test_coordinates() {
  for (const Law &each : toys::laws()) {
    if (!each.is_terms)
      continue;
    const Data data = toys::data_of(each, 200);
    const Point c = coefficients(200);
    Rig natural(each, data, true, true, Coordinates::natural),
        centred(each, data, true, true, Coordinates::centred);
    Point theta = each.theta, scratch(natural.evaluator->scalars().scratch());
    natural.evaluator->to_centred(theta.data(), scratch.data());
    const bool moved = theta != each.theta;
    CHECK(moved ||
          (each.name != "annealing" && each.name != "chinchilla" && each.name != "henighan"));
    compare(centred(theta, c).f, natural(each.theta, c).f, 1e-13, each, "centred coordinates");
    natural.evaluator->to_natural(theta.data(), scratch.data());
    for (std::size_t k = 0; k < theta.size(); ++k)
      CHECK_NEAR(theta[k], each.theta[k], 1e-13);
    // Nothing moves where bounds forbid it.
    Rig fixed(each, data, true, false);
    Point same = each.theta, room(fixed.evaluator->scalars().scratch());
    fixed.evaluator->to_centred(same.data(), room.data());
    CHECK(same == each.theta);
  }
}

int main() {
  test_which_laws_are_terms();
  test_values();
  test_derivatives();
  test_terms_agree_with_the_tape();
  test_blocks_do_not_show();
  test_coordinates();
  return check::finish();
}
