// A law row by row, in doubles, long doubles and numbers of 106 bits.
#include "check.hpp"
#include "lawfit/row_program.hpp"
#include "toy_laws.hpp"

#include <limits>

using namespace lawfit;

namespace {

struct Rows {
  toys::Point values, gradient; // of Σ_i (i + 1)·f_i
};

template <class R> Rows rows_of(const UndividedLaw &law, const toys::Point &free_values) {
  Cancel cancel;
  RowProgram<R> program(law, RowProgram<R>::Derivatives::by_parameters, cancel);
  const std::vector<R> theta(free_values.begin(), free_values.end());
  std::vector<R> gradient(theta.size(), R(0.0));
  Rows out;
  program.begin(theta.data());
  for (std::size_t i = 0; i < law.data.rows; ++i) {
    out.values.push_back(real::rounded(program.value(i)));
    program.add_gradient(R(static_cast<double>(i + 1)));
  }
  program.end(gradient.data());
  for (const R &g : gradient)
    out.gradient.push_back(real::rounded(g));
  return out;
}

void check_rows(const Rows &got, const Rows &want, double tolerance) {
  for (std::size_t i = 0; i < want.values.size(); ++i)
    CHECK_CLOSE(got.values[i], want.values[i], tolerance, toys::largest(want.values));
  for (std::size_t k = 0; k < want.gradient.size(); ++k)
    CHECK_CLOSE(got.gradient[k], want.gradient[k], tolerance, 1e-3 * toys::largest(want.gradient));
}

// What the solver's evaluators have.
Rows by_problem(const toys::Law &law, const Data &data, const std::vector<bool> &free,
                const toys::Point &free_values) {
  Cancel cancel;
  const Problem problem(law.program, data, toys::Point(data.rows, 1.0), {},
                        {Loss::squared, 1, Space::linear}, law.theta, free,
                        toys::all(free_values.size(), false), cancel);
  Problem::Workspace work(problem, Coordinates::natural);
  Rows out;
  out.gradient.resize(free_values.size());
  problem.visit_rows(free_values.data(), block_rows, block_rows, work, cancel,
                     [&](const Problem::Rows &part) {
                       for (std::size_t i = 0; i < part.n; ++i) {
                         out.values.push_back(part.value[i]);
                         for (std::size_t k = 0; k < free_values.size(); ++k)
                           out.gradient[k] += static_cast<double>(part.first + i + 1) *
                                              part.jacobian[k * block_rows + i];
                       }
                     });
  return out;
}

void test_laws() {
  for (const toys::Law &law : toys::laws()) {
    const Data data = toys::data_of(law, 30);
    for (const bool all_free : {true, false}) {
      std::vector<bool> free = toys::all(law.theta.size());
      free.back() = all_free;
      const toys::Point values(law.theta.begin(), law.theta.end() - (all_free ? 0 : 1));
      const UndividedLaw undivided{law.program, data, law.theta, free};
      if (!undivided.has_rules_alone()) {
        CHECK(law.has_free_lambda() && undivided.has_known_rules());
        const toys::Point got = rows_of<double>(undivided, values).values,
                          want = by_problem(law, data, free, values).values;
        for (std::size_t i = 0; i < want.size(); ++i)
          CHECK_CLOSE(got[i], want[i], 1e-12, toys::largest(want));
        continue;
      }
      CHECK(undivided.has_row_functions() == law.on_curves);
      const Rows most = rows_of<DoubleDouble>(undivided, values);
      check_rows(by_problem(law, data, free, values), most, 1e-12);
      check_rows(rows_of<double>(undivided, values), most, 1e-12);
      // Both are rounded to doubles.
      if (std::numeric_limits<long double>::digits >= 64)
        check_rows(rows_of<long double>(undivided, values), most, 1e-15);
    }
  }
}

// A difference of near numbers passes their rounding on; what is not computed has none.
void test_amplification() {
  toys::Formula f;
  const auto a = f.parameter();
  const auto offset = apply(Op::sub, a + 1e6, f.number(1e6));
  -offset + ((a * f.column(0) + 1e6) - f.number(1e6));
  const Program program = f.program();
  Data data;
  data.rows = 1;
  data.columns = {{3.0}};
  const toys::Point theta{2.0};
  const std::vector<bool> free{true};
  Cancel cancel;
  RowProgram<double> rows({program, data, theta, free}, RowProgram<double>::Derivatives::by_all,
                          cancel);
  rows.begin(theta.data());
  for (int k = 0; k < 2; ++k) { // nothing stays from row to row
    CHECK_NEAR(rows.value(0), 4.0, 1e-9);
    const auto [of_row, shared] = rows.amplification();
    // 6 of the product, 1e6 of the sum, 6 of the difference, 4 of all; a sign is not rounded
    CHECK_NEAR(of_row, std::sqrt(6.0 * 6 + 1000006.0 * 1000006 + 6 * 6 + 4 * 4), 1e-12);
    CHECK_NEAR(shared, std::sqrt(1000002.0 * 1000002 + 2 * 2), 1e-12);
  }
}

} // namespace

int main() {
  test_laws();
  test_amplification();
  return check::finish();
}
