#include "lawfit/power_pass.hpp"

#include <algorithm>
#include <cmath>

#include "lawfit/compensated.hpp"
#include "lawfit/simd.hpp"

namespace lawfit {
namespace {

constexpr std::size_t B = block_rows;

} // namespace

void PowerBlock::fill(const PowerSum &law, const double *theta, const double *log_s1,
                      const double *s2, std::size_t n) {
  std::fill_n(value, n, 0.0);
  for (std::size_t t = 0; t < law.terms.size(); ++t) {
    const PowerTerm &term = law.terms[t];
    const double c = term.c(theta), e = term.e(theta);
    double *out = shape[t];
    if (e == 0 && term.exponent < 0) {
      if (term.annealing)
        std::copy_n(s2, n, out);
      else
        std::fill_n(out, n, 1.0);
    } else {
      for (std::size_t i = 0; i < n; ++i)
        out[i] = e * log_s1[i];
      simd::exp(out, out, simd::whole_parts(n));
      if (term.annealing)
        for (std::size_t i = 0; i < n; ++i)
          out[i] *= s2[i];
    }
    for (std::size_t i = 0; i < n; ++i)
      value[i] += c * out[i];
  }
}

void clear(Evaluation &out, int p) {
  out.objective = 0;
  std::fill_n(out.gradient, p, 0.0);
  std::fill_n(out.gauss_newton, p * p, 0.0);
  std::fill_n(out.hessian, p * p, 0.0);
}

struct PowerPass::Block {
  PowerBlock law;
  alignas(64) double jacobian[max_power_parameters][B];
  // ∂²f by a term's exponent and coefficient, and twice by its exponent.
  alignas(64) double bent[2][B];
  alignas(64) double residual[B], rho[B], ones[B], score[B], gauss_newton[B], hessian[B];
};

PowerPass::PowerPass(const PowerSum &law, const Residual &residual)
    : law_(law), residual_(residual), block_(std::make_unique<Block>()) {
  std::fill_n(block_->ones, B, 1.0);
}
PowerPass::~PowerPass() = default;

// Σ rho; scores and weights by f into the block. The derivative of Huber's function is the residual
// within ±δ, and the function that times what is left.
template <bool logarithmic> double PowerPass::weigh(const double *target, std::size_t n) {
  Block &b = *block_;
  const double *f = b.law.value;
  if (logarithmic)
    simd::log(f, b.residual, simd::whole_parts(n));
  const double delta = residual_.delta;
  for (std::size_t i = 0; i < n; ++i) {
    const double r = (logarithmic ? b.residual[i] : f[i]) - target[i];
    const double above = r < -delta ? -delta : r, slope = above > delta ? delta : above;
    const double inside = slope == r ? 1.0 : 0.0;
    const double d1 = logarithmic ? 1 / f[i] : 1.0;
    b.residual[i] = r;
    b.rho[i] = slope * (r - 0.5 * slope);
    b.score[i] = slope * d1;
    b.hessian[i] = logarithmic ? (inside - slope) * (d1 * d1) : inside;
  }
  double sum = 0;
  std::fill(b.rho + n, b.rho + simd::whole_parts(n), 0.0);
  simd::add_product(b.rho, B, 1, b.ones, simd::whole_parts(n), &sum);
  return sum;
}

// rho'(r)/r by f, after weigh().
void PowerPass::weigh_gauss_newton(std::size_t n) {
  Block &b = *block_;
  for (std::size_t i = 0; i < n; ++i) {
    const double size = std::abs(b.residual[i]),
                 d1 = residual_.logarithmic ? 1 / b.law.value[i] : 1.0;
    b.gauss_newton[i] = (size <= residual_.delta ? 1.0 : residual_.delta / size) * d1 * d1;
  }
}

// Σ score·∂²f, into the Hessian's lower triangle.
void PowerPass::add_bent(const double *log_s1, const double *theta, std::size_t n) {
  Block &b = *block_;
  const auto p = static_cast<std::size_t>(law_.parameters);
  for (std::size_t t = 0; t < law_.terms.size(); ++t) {
    const PowerTerm &term = law_.terms[t];
    if (term.exponent < 0)
      continue;
    const double *shape = b.law.shape[t];
    for (std::size_t i = 0; i < n; ++i) {
      b.bent[0][i] = shape[i] * log_s1[i];
      b.bent[1][i] = b.bent[0][i] * log_s1[i];
    }
    double sums[2] = {};
    simd::add_product(b.bent[0], B, 2, b.score, simd::whole_parts(n), sums);
    const auto e = static_cast<std::size_t>(term.exponent);
    hessian_[e * p + e] += term.c(theta) * term.slope * term.slope * sums[1];
    if (term.coefficient < 0)
      continue;
    const auto c = static_cast<std::size_t>(term.coefficient);
    hessian_[std::max(c, e) * p + std::min(c, e)] += term.factor * term.slope * sums[0];
  }
}

// Where the law is not above 0 its logarithm is not finite, and neither is what is returned.
double PowerPass::add_block(const PowerRows &rows, std::size_t first, std::size_t n,
                            const double *theta, Matrices matrices) {
  Block &b = *block_;
  const double *x = rows.log_s1.data() + first, *target = rows.target.data() + first;
  b.law.fill(law_, theta, x, rows.s2.data() + first, n);
  const double objective = residual_.logarithmic ? weigh<true>(target, n) : weigh<false>(target, n);
  for (int k = 0; k < law_.parameters; ++k)
    std::fill_n(b.jacobian[k], n, 0.0);
  for (std::size_t t = 0; t < law_.terms.size(); ++t) {
    const PowerTerm &term = law_.terms[t];
    const double *shape = b.law.shape[t];
    if (term.coefficient >= 0)
      for (std::size_t i = 0; i < n; ++i)
        b.jacobian[term.coefficient][i] += term.factor * shape[i];
    const double by_exponent = term.slope * term.c(theta);
    if (term.exponent >= 0)
      for (std::size_t i = 0; i < n; ++i)
        b.jacobian[term.exponent][i] += by_exponent * shape[i] * x[i];
  }
  const int p = law_.parameters;
  if (matrices == Matrices::both) {
    weigh_gauss_newton(n);
    simd::add_gram(b.jacobian[0], B, p, b.gauss_newton, n, gauss_newton_);
  }
  const std::size_t whole = simd::whole_parts(n);
  for (std::size_t i = n; i < whole; ++i) {
    b.score[i] = b.hessian[i] = b.bent[0][i] = b.bent[1][i] = 0;
    for (int k = 0; k < p; ++k)
      b.jacobian[k][i] = 0;
  }
  add_bent(x, theta, n);
  simd::add_product(b.jacobian[0], B, p, b.score, whole, gradient_);
  simd::add_gram(b.jacobian[0], B, p, b.hessian, whole, hessian_);
  return objective;
}

bool PowerPass::add(const PowerRows &rows, std::size_t first, std::size_t n, const double *theta,
                    Evaluation &out, Matrices matrices) {
  const int p = law_.parameters;
  std::fill_n(gradient_, p, 0.0);
  std::fill_n(gauss_newton_, p * p, 0.0);
  std::fill_n(hessian_, p * p, 0.0);
  CompensatedSum sum;
  for (std::size_t begin = first; begin < first + n; begin += B)
    sum.add(add_block(rows, begin, std::min(B, first + n - begin), theta, matrices));
  out.objective += sum.value();
  bool finite = std::isfinite(out.objective);
  for (int i = 0; i < p; ++i) {
    out.gradient[i] += gradient_[i];
    finite = finite && std::isfinite(gradient_[i]);
    for (int j = 0; j < p; ++j) {
      const int at = std::max(i, j) * p + std::min(i, j);
      out.gauss_newton[i * p + j] += gauss_newton_[at];
      out.hessian[i * p + j] += hessian_[at];
      finite = finite && std::isfinite(gauss_newton_[at]) && std::isfinite(hessian_[at]);
    }
  }
  return finite;
}

} // namespace lawfit
