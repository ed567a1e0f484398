#include "check.hpp"
#include "lawfit/linalg.hpp"

#include <algorithm>
#include <cmath>
#include <random>
#include <vector>

using namespace lawfit;
using Matrix = std::vector<double>;

namespace {

std::mt19937_64 generator(3);

Matrix random_matrix(std::size_t entries) {
  std::normal_distribution<double> normal;
  Matrix out(entries);
  for (double &x : out)
    x = normal(generator);
  return out;
}

// Σ_k a_ki·a_kj, for a stored column by column with the stride given.
Matrix gram(const Matrix &columns, int p, std::size_t n, std::size_t stride) {
  Matrix out(static_cast<std::size_t>(p * p));
  for (int i = 0; i < p; ++i)
    for (int j = 0; j < p; ++j)
      for (std::size_t k = 0; k < n; ++k)
        out[static_cast<std::size_t>(i * p + j)] +=
            columns[static_cast<std::size_t>(i) * stride + k] *
            columns[static_cast<std::size_t>(j) * stride + k];
  return out;
}

// RᵀR of an upper triangle.
Matrix square_of(const Matrix &r, int p) {
  Matrix out(r.size());
  for (int i = 0; i < p; ++i)
    for (int j = 0; j < p; ++j)
      for (int k = 0; k <= std::min(i, j); ++k)
        out[static_cast<std::size_t>(i * p + j)] +=
            r[static_cast<std::size_t>(k * p + i)] * r[static_cast<std::size_t>(k * p + j)];
  return out;
}

Matrix hilbert(int n) {
  Matrix out;
  for (int i = 0; i < n; ++i)
    for (int j = 0; j < n; ++j)
      out.push_back(1.0 / (i + j + 1));
  return out;
}

} // namespace

static void test_cholesky_of_a_known_matrix() {
  // Within a larger array, to see that the stride is minded.
  double a[] = {4, 99, 99, 99, 12, 37, 99, 99, -16, -43, 98, 99};
  CHECK(linalg::cholesky(a, 3, 4));
  const double want[] = {2, 6, 1, -8, 5, 3};
  int k = 0;
  for (int i = 0; i < 3; ++i)
    for (int j = 0; j <= i; ++j)
      CHECK_NEAR(a[i * 4 + j], want[k++], 1e-15);
  CHECK(a[1] == 99 && a[3] == 99 && a[7] == 99);
  double x[] = {4 - 16, 12 - 43, -16 + 98}; // A·(1, 0, 1)
  linalg::cholesky_solve(a, 3, 4, x);
  CHECK_CLOSE(x[0], 1.0, 1e-12, 1.0);
  CHECK_CLOSE(x[1], 0.0, 1e-12, 1.0);
  CHECK_CLOSE(x[2], 1.0, 1e-12, 1.0);
}

static void test_cholesky_of_a_remainder() {
  // What is left of 1 after subtracting nearly all of it is rounding, though it is positive.
  const double whole = 1, small = 1e-17, large = 1e-3;
  double a = small;
  CHECK(linalg::cholesky(&a, 1, 1));
  a = small;
  CHECK(!linalg::cholesky(&a, 1, 1, &whole));
  a = large;
  CHECK(linalg::cholesky(&a, 1, 1, &whole));
  CHECK_NEAR(a * a, large, 1e-15);
}

static void test_cholesky_solves() {
  for (int p : {1, 2, 5, 32})
    for (double size : {1e-200, 1.0, 1e200}) {
      const auto n = static_cast<std::size_t>(p);
      Matrix a = gram(random_matrix(3 * n * n), p, 3 * n, 3 * n);
      for (double &entry : a)
        entry *= size;
      const Matrix want = random_matrix(n);
      Matrix x(n);
      for (std::size_t i = 0; i < n; ++i)
        for (std::size_t j = 0; j < n; ++j)
          x[i] += a[i * n + j] * want[j];
      CHECK(linalg::cholesky(a.data(), p, p));
      linalg::cholesky_solve(a.data(), p, p, x.data());
      for (std::size_t i = 0; i < n; ++i)
        CHECK_CLOSE(x[i], want[i], 1e-11, 1.0);
    }
}

static void test_not_positive_definite() {
  Matrix indefinite = {1, 0, 2, 1}, singular = {1, 0, 1, 1}, zero = {0}, negative = {-1},
         bad = {NAN}, later = {1, 0, NAN, 1};
  for (Matrix *a : {&indefinite, &singular, &later})
    CHECK(!linalg::cholesky(a->data(), 2, 2));
  for (Matrix *a : {&zero, &negative, &bad})
    CHECK(!linalg::cholesky(a->data(), 1, 1));
  // Singular but for rounding: the last column is a sum of the others.
  for (int p : {3, 8, 32}) {
    const auto n = static_cast<std::size_t>(p);
    Matrix columns = random_matrix(n * 50);
    for (std::size_t k = 0; k < 50; ++k)
      for (std::size_t i = 0; i + 1 < n; ++i)
        columns[(n - 1) * 50 + k] +=
            i == 0 ? columns[k] - columns[(n - 1) * 50 + k] : columns[i * 50 + k];
    Matrix a = gram(columns, p, 50, 50);
    CHECK(!linalg::cholesky(a.data(), p, p));
  }
}

static void test_qr_in_blocks() {
  for (int p : {1, 4, 32})
    for (std::size_t n : {1U, 3U, 40U, 200U})
      for (double size : {1e-140, 1.0, 1e140}) {
        const auto columns = static_cast<std::size_t>(p);
        Matrix jac = random_matrix(columns * n);
        for (std::size_t k = 0; k < n; ++k)
          jac[k] *= size; // a column of a size of its own
        Matrix once(columns * columns), parts(columns * columns);
        Matrix rows = jac;
        linalg::qr_append(once.data(), p, rows.data(), n, n);
        for (std::size_t first = 0; first < n; first += 7) {
          const std::size_t some = std::min<std::size_t>(7, n - first);
          Matrix block(columns * 9, NAN); // beyond `some` rows nothing may be read
          for (std::size_t i = 0; i < columns; ++i)
            std::copy_n(jac.begin() + static_cast<long>(i * n + first), some,
                        block.begin() + static_cast<long>(i * 9));
          linalg::qr_append(parts.data(), p, block.data(), some, 9);
        }
        const Matrix want = gram(jac, p, n, n);
        for (const Matrix &r : {once, parts}) {
          const Matrix got = square_of(r, p);
          for (std::size_t i = 0; i < columns; ++i)
            for (std::size_t j = 0; j < columns; ++j)
              CHECK_CLOSE(got[i * columns + j], want[i * columns + j], 1e-13,
                          std::sqrt(want[i * columns + i]) * std::sqrt(want[j * columns + j]));
        }
        if (n < columns)
          continue;
        for (std::size_t i = 0; i < columns; ++i)
          for (std::size_t j = i; j < columns; ++j)
            CHECK_CLOSE(std::abs(parts[i * columns + j]), std::abs(once[i * columns + j]), 1e-11,
                        j == 0 ? size : 1.0);
      }
}

static void test_qr_keeps_what_cholesky_loses() {
  // Columns 1e-9 apart: their Gram matrix is singular in doubles, R is not.
  Matrix rows = {1, 1, 1, 1, 1 + 1e-9, 1, 1, 1};
  Matrix r(4);
  linalg::qr_append(r.data(), 2, rows.data(), 4, 4);
  CHECK_NEAR(std::abs(r[0]), 2.0, 1e-15);
  CHECK_NEAR(std::abs(r[3]), std::sqrt(0.75) * 1e-9, 1e-6);
  // A column of zeros leaves a zero on the diagonal.
  rows = {0, 0, 0, 1, 2, 2};
  r.assign(4, 0);
  linalg::qr_append(r.data(), 2, rows.data(), 3, 3);
  CHECK(r[0] == 0);
  CHECK_NEAR(std::hypot(r[1], r[3]), 3.0, 1e-15);
}

static void reconstructs(const Matrix &a, int p) {
  const auto n = static_cast<std::size_t>(p);
  Matrix us = a, s(n), v(n * n);
  linalg::svd(us.data(), p, s.data(), v.data());
  CHECK(std::is_sorted(s.rbegin(), s.rend()) && s.back() >= 0);
  const double scale = s.front();
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t j = 0; j < n; ++j) {
      double product = 0, vv = 0, uu = 0;
      for (std::size_t k = 0; k < n; ++k) {
        product += us[i * n + k] * v[j * n + k];
        vv += v[k * n + i] * v[k * n + j];
        uu += us[k * n + i] * us[k * n + j];
      }
      CHECK_CLOSE(product, a[i * n + j], 1e-13, scale);
      CHECK_CLOSE(vv, i == j ? 1.0 : 0.0, 1e-13, 1.0);
      CHECK_CLOSE(uu, i == j ? s[i] * s[i] : 0.0, 1e-13, s[i] * s[j]);
    }
}

static void test_svd_reconstructs() {
  for (int p : {1, 2, 7, 32}) {
    const auto n = static_cast<std::size_t>(p);
    Matrix a = random_matrix(n * n);
    reconstructs(a, p);
    for (std::size_t i = 0; i < n; ++i) // graded columns
      for (std::size_t j = 0; j < n; ++j)
        a[i * n + j] *= std::pow(0.5, static_cast<double>(j));
    reconstructs(a, p);
  }
  reconstructs(hilbert(5), 5);
  reconstructs({0, 0, 0, 3}, 2);
}

static void test_known_singular_values() {
  // Eigenvalues of the Hilbert matrix of order 5, to 17 digits. The rounding of its entries moves
  // them by up to an ulp of the first.
  const double want[] = {1.5670506910982308, 0.20853421861101333, 0.011407491623419807,
                         0.00030589804015119173, 3.2879287721718630e-6};
  Matrix a = hilbert(5), s(5), v(25);
  linalg::svd(a.data(), 5, s.data(), v.data());
  for (std::size_t k = 0; k < 5; ++k)
    CHECK_CLOSE(s[k], want[k], 1e-12, 1e-4);
  Matrix rank_one = {2, 4, 1, 2}, two(2), four(4);
  linalg::svd(rank_one.data(), 2, two.data(), four.data());
  CHECK_NEAR(two[0], 5.0, 1e-15);
  CHECK(two[1] <= 1e-15);
  Matrix one = {-3}, value(1), basis(1);
  linalg::svd(one.data(), 1, value.data(), basis.data());
  CHECK(value[0] == 3 && basis[0] == 1 && one[0] == -3);
}

int main() {
  test_cholesky_of_a_known_matrix();
  test_cholesky_of_a_remainder();
  test_cholesky_solves();
  test_not_positive_definite();
  test_qr_in_blocks();
  test_qr_keeps_what_cholesky_loses();
  test_svd_reconstructs();
  test_known_singular_values();
  return check::finish();
}
