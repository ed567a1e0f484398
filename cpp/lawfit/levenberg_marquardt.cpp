#include "lawfit/levenberg_marquardt.hpp"

namespace lawfit {

void DenseModel::describe(Objective &objective) {
  objective_ = &objective;
  p_ = objective.parameters();
  rounding_ = objective.rounding();
}

void DenseModel::diagonal(double *out) const {
  for (int i = 0; i < p_; ++i)
    out[i] = now_->gauss_newton[i * p_ + i];
}

bool DenseModel::solve(Curvature which, double damping, const double *diagonal,
                       const unsigned char *free, double *s) {
  int index[max_parameters], count = 0;
  for (int i = 0; i < p_; ++i)
    if (free[i])
      index[count++] = i;
  double factor[max_parameters * max_parameters], rhs[max_parameters];
  for (int a = 0; a < count; ++a) {
    const double *row = matrix(which) + index[a] * p_;
    rhs[a] = -now_->gradient[index[a]];
    for (int j = 0; j < p_; ++j)
      if (!free[j])
        rhs[a] -= row[j] * s[j];
    for (int b = 0; b <= a; ++b)
      factor[a * count + b] = row[index[b]];
    factor[a * count + a] += damping * diagonal[index[a]];
  }
  if (!linalg::cholesky(factor, count, count))
    return false;
  linalg::cholesky_solve(factor, count, count, rhs);
  for (int a = 0; a < count; ++a)
    s[index[a]] = rhs[a];
  return true;
}

double DenseModel::decrease(Curvature which, const double *s) const {
  const double *m = matrix(which);
  double sum = 0;
  for (int i = 0; i < p_; ++i) {
    double product = 0;
    for (int j = 0; j < p_; ++j)
      product += m[i * p_ + j] * s[j];
    sum -= s[i] * (now_->gradient[i] + 0.5 * product);
  }
  return sum;
}

} // namespace lawfit
