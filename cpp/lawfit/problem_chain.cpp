// From derivatives of the objective by the evaluator's inputs to those by the parameters.
#include "lawfit/problem.hpp"

#include <algorithm>
#include <cmath>

namespace lawfit {

bool Problem::chain(double objective, int order, const Workspace &work, Evaluation &out) const {
  out.objective = objective;
  bool finite = std::isfinite(objective);
  if (order < 1)
    return finite;
  const auto p = static_cast<std::size_t>(parameters());
  std::fill_n(out.gradient, p, 0.0);
  std::fill_n(out.gauss_newton, p * p, 0.0);
  std::fill_n(out.hessian, p * p, 0.0);
  if (work.parameters.empty())
    chain_scalars(order, work, out);
  else
    chain_signs(work, out);
  for (std::size_t i = 0; i < p; ++i) {
    finite = finite && std::isfinite(out.gradient[i]);
    for (std::size_t j = 0; j < i; ++j) {
      out.gauss_newton[j * p + i] = out.gauss_newton[i * p + j];
      out.hessian[j * p + i] = out.hessian[i * p + j];
    }
    for (std::size_t j = 0; j <= i; ++j)
      finite = finite && std::isfinite(out.gauss_newton[i * p + j]) &&
               std::isfinite(out.hessian[i * p + j]);
  }
  return finite;
}

void Problem::chain_signs(const Workspace &work, Evaluation &out) const {
  const auto p = static_cast<std::size_t>(parameters()), m = work.inputs.size();
  const double *g = work.sums.data(), *gauss_newton = g + m, *hessian = gauss_newton + m * m;
  for (std::size_t k = 0; k < m; ++k) {
    const auto [i, sign] = work.parameters[k];
    out.gradient[i] += sign * g[k];
    for (std::size_t l = 0; l <= k; ++l) {
      const auto [j, other] = work.parameters[l];
      // Two inputs of one parameter meet in both orders.
      const double both = (k != l && i == j ? 2 : 1) * sign * other;
      const std::size_t at = std::max(i, j) * p + std::min(i, j);
      out.gauss_newton[at] += both * gauss_newton[k * m + l];
      out.hessian[at] += both * hessian[k * m + l];
    }
  }
}

// Lower triangles.
void Problem::chain_scalars(int order, const Workspace &work, Evaluation &out) const {
  const auto p = static_cast<std::size_t>(parameters()), m = work.inputs.size();
  const double *g = work.sums.data(), *gauss_newton = g + m, *hessian = gauss_newton + m * m;
  const double *gradients = work.scalars.data() + evaluator_->scalars().size();
  const double *hessians = gradients + evaluator_->scalars().size() * p;
  const auto node = [&](std::size_t k) {
    return static_cast<std::size_t>(evaluator_->inputs(work.coordinates)[k]);
  };
  const auto d = [&](std::size_t k) { return gradients + node(k) * p; };
  for (std::size_t k = 0; k < m; ++k) {
    for (std::size_t i = 0; i < p; ++i)
      out.gradient[i] += g[k] * d(k)[i];
    if (order >= 2)
      for (std::size_t i = 0; i < p; ++i)
        for (std::size_t j = 0; j <= i; ++j)
          out.hessian[i * p + j] += g[k] * (hessians + node(k) * p * p)[i * p + j];
    for (std::size_t l = 0; l < m; ++l) {
      const std::size_t at = std::max(k, l) * m + std::min(k, l);
      for (std::size_t i = 0; i < p; ++i) {
        if (d(k)[i] == 0)
          continue;
        for (std::size_t j = 0; j <= i; ++j) {
          const double dd = d(k)[i] * d(l)[j];
          out.gauss_newton[i * p + j] += gauss_newton[at] * dd;
          out.hessian[i * p + j] += hessian[at] * dd;
        }
      }
    }
  }
}

} // namespace lawfit
