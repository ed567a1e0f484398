#include "lawfit/grouped.hpp"

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <utility>

#include "lawfit/compensated.hpp"

namespace lawfit {
namespace {

constexpr std::size_t P = max_parameters;
// Rows times parameters times evaluations, each some ten nanoseconds, from which groups are shared
// out to threads: waiting for the last of them may cost a fifth of a millisecond.
constexpr double least_parallel_work = 2e5;

} // namespace

Grouped::Grouped(std::vector<const Problem *> problems, const std::vector<bool> &shared)
    : problems_(std::move(problems)) {
  if (problems_.empty())
    throw std::invalid_argument("a grouped fit needs at least one group");
  for (const Problem *problem : problems_)
    if (static_cast<std::size_t>(problem->parameters()) != shared.size())
      throw std::invalid_argument("groups differ in their free parameters");
  for (const bool wanted : {false, true})
    for (std::size_t i = 0; i < shared.size(); ++i)
      if (shared[i] == wanted)
        order_.push_back(static_cast<int>(i));
  own_ = static_cast<std::size_t>(std::count(shared.begin(), shared.end(), false));
  for (const Problem *problem : problems_)
    for (std::size_t k = own_; k < order_.size(); ++k)
      if (problem->evaluator().is_centred(order_[k]) ||
          problem->evaluator().is_logarithmic(order_[k]))
        throw std::invalid_argument("a shared parameter may be neither centred nor a logarithm");
}

std::size_t Grouped::rows() const {
  std::size_t sum = 0;
  for (const Problem *problem : problems_)
    sum += problem->rows();
  return sum;
}

double Grouped::rounding() const {
  double sum = 0;
  for (const Problem *problem : problems_)
    sum += problem->rounding();
  return sum;
}

int Grouped::threads(int asked, double evaluations) const {
  const double work = static_cast<double>(rows() * group_parameters()) * evaluations;
  if (work < least_parallel_work)
    return 1;
  return std::min(asked > 0 ? asked : max_threads(), static_cast<int>(groups()));
}

void Grouped::gather(const double *all, std::size_t group, double *theta) const {
  for (std::size_t k = 0; k < order_.size(); ++k)
    theta[order_[k]] = k < own_ ? all[group * own_ + k] : all[groups() * own_ + k - own_];
}

void Grouped::scatter(const double *theta, std::size_t group, double *all) const {
  for (std::size_t k = 0; k < order_.size(); ++k)
    (k < own_ ? all[group * own_ + k] : all[groups() * own_ + k - own_]) = theta[order_[k]];
}

GroupedModel::GroupedModel(const Grouped &grouped, int threads, Cancel &cancel)
    : grouped_(grouped), threads_(grouped.threads(threads, 1)), cancel_(cancel),
      rounding_(grouped.rounding()), now_(std::make_unique<Point>()) {
  const std::size_t p = grouped.group_parameters(), shared = grouped.shared();
  for (std::size_t g = 0; g < grouped.groups(); ++g)
    workspaces_.emplace_back(grouped.problem(g), Coordinates::centred);
  for (int k = 0; k < threads_; ++k)
    evaluations_.push_back(std::make_unique<Evaluation>());
  parts_.resize(grouped.groups());
  for (Part &part : parts_)
    part.gradient.resize(p);
  now_->gradient.resize(grouped.parameters());
  for (int which : {0, 1}) {
    now_->blocks[which].resize(grouped.groups() * p * p);
    now_->corner[which].resize(shared * shared);
  }
  next_ = std::make_unique<Point>(*now_);
  solved_.resize(grouped.groups() * grouped.own() * (1 + shared));
}

bool GroupedModel::widen(double deltas) {
  for (Problem::Workspace &work : workspaces_)
    work.widen(deltas);
  return grouped_.problem(0).has_delta();
}

bool GroupedModel::evaluate(const double *theta, int order) {
  parallel_for(
      grouped_.groups(), threads_,
      [&](std::size_t group, int slot) {
        evaluate_group(theta, order, group, *evaluations_[static_cast<std::size_t>(slot)]);
      },
      cancel_);
  if (!std::all_of(parts_.begin(), parts_.end(), [](const Part &part) { return part.finite; }))
    return false;
  sum(order);
  return true;
}

void GroupedModel::evaluate_group(const double *theta, int order, std::size_t group,
                                  Evaluation &out) {
  Part &part = parts_[group];
  double own[P];
  grouped_.gather(theta, group, own);
  part.finite = grouped_.problem(group).evaluate(own, order, out, workspaces_[group], cancel_);
  part.objective = out.objective;
  const std::vector<int> &index = grouped_.order();
  const std::size_t p = index.size();
  for (std::size_t a = 0; a < p; ++a)
    part.gradient[a] = out.gradient[index[a]];
  const auto take = [&](Curvature which, const double *from) {
    double *to = next_->blocks[static_cast<int>(which)].data() + group * p * p;
    for (std::size_t a = 0; a < p; ++a)
      for (std::size_t b = 0; b < p; ++b)
        to[a * p + b] =
            from[static_cast<std::size_t>(index[a]) * p + static_cast<std::size_t>(index[b])];
  };
  if (order >= 1)
    take(Curvature::gauss_newton, out.gauss_newton);
  if (order >= 2)
    take(Curvature::hessian, out.hessian);
}

void GroupedModel::sum(int order) {
  Point &out = *next_;
  const std::size_t p = grouped_.group_parameters(), own = grouped_.own(), shared = p - own;
  std::fill(out.gradient.begin(), out.gradient.end(), 0.0);
  for (auto &corner : out.corner)
    std::fill(corner.begin(), corner.end(), 0.0);
  CompensatedSum total;
  for (std::size_t g = 0; g < grouped_.groups(); ++g) {
    const Part &part = parts_[g];
    total.add(part.objective);
    if (order < 1)
      continue;
    std::copy_n(part.gradient.begin(), own, out.gradient.begin() + static_cast<long>(g * own));
    for (std::size_t a = 0; a < shared; ++a)
      out.gradient[grouped_.groups() * own + a] += part.gradient[own + a];
    for (const Curvature which : {Curvature::gauss_newton, Curvature::hessian}) {
      if (which == Curvature::hessian && order < 2)
        continue;
      const double *from = block(out, which, g);
      double *corner = out.corner[static_cast<int>(which)].data();
      for (std::size_t a = 0; a < shared; ++a)
        for (std::size_t b = 0; b < shared; ++b)
          corner[a * shared + b] += from[(own + a) * p + own + b];
    }
  }
  out.objective = total.value();
}

void GroupedModel::diagonal(double *out) const {
  const std::size_t p = grouped_.group_parameters(), own = grouped_.own(), shared = p - own;
  for (std::size_t g = 0; g < grouped_.groups(); ++g)
    for (std::size_t a = 0; a < own; ++a)
      *out++ = block(*now_, Curvature::gauss_newton, g)[a * p + a];
  for (std::size_t a = 0; a < shared; ++a)
    *out++ = now_->corner[static_cast<int>(Curvature::gauss_newton)][a * shared + a];
}

// The free shared parameters by number, and their system S x = rhs.
struct GroupedModel::Reduced {
  std::size_t count = 0;
  std::size_t index[P];
  double matrix[P * P], size[P], rhs[P]; // size: the diagonal before anything is eliminated
};

// Takes a group's own parameters out of the system: S -= BᵀA⁻¹B, rhs -= BᵀA⁻¹rhs_g.
bool GroupedModel::eliminate(Curvature matrix, std::size_t group, double damping,
                             const double *diagonal, const unsigned char *free, const double *s,
                             Reduced &reduced) {
  const std::size_t p = grouped_.group_parameters(), own = grouped_.own(), shared = p - own;
  const std::size_t first = group * own, corner = grouped_.groups() * own;
  const double *m = block(*now_, matrix, group);
  std::size_t index[P], count = 0;
  for (std::size_t a = 0; a < own; ++a)
    if (free[first + a])
      index[count++] = a;
    else
      for (std::size_t b = 0; b < reduced.count; ++b)
        reduced.rhs[b] -= m[a * p + own + reduced.index[b]] * s[first + a];
  double factor[P * P];
  double *x = solved_.data() + group * own * (1 + shared);
  for (std::size_t a = 0; a < count; ++a) {
    const double *row = m + index[a] * p;
    x[a] = -now_->gradient[first + index[a]];
    for (std::size_t j = 0; j < own; ++j)
      if (!free[first + j])
        x[a] -= row[j] * s[first + j];
    for (std::size_t j = 0; j < shared; ++j)
      if (!free[corner + j])
        x[a] -= row[own + j] * s[corner + j];
    for (std::size_t b = 0; b < reduced.count; ++b)
      x[(1 + b) * own + a] = row[own + reduced.index[b]];
    for (std::size_t b = 0; b <= a; ++b)
      factor[a * count + b] = row[index[b]];
    factor[a * count + a] += damping * diagonal[first + index[a]];
  }
  const int n = static_cast<int>(count);
  if (!linalg::cholesky(factor, n, n))
    return false;
  for (std::size_t c = 0; c <= reduced.count; ++c)
    linalg::cholesky_solve(factor, n, n, x + c * own);
  for (std::size_t a = 0; a < count; ++a)
    for (std::size_t b = 0; b < reduced.count; ++b) {
      const double border = m[index[a] * p + own + reduced.index[b]];
      reduced.rhs[b] -= border * x[a];
      for (std::size_t c = 0; c <= b; ++c)
        reduced.matrix[b * reduced.count + c] -= border * x[(1 + c) * own + a];
    }
  return true;
}

void GroupedModel::substitute(std::size_t group, const unsigned char *free, const Reduced &reduced,
                              double *s) const {
  const std::size_t own = grouped_.own(), first = group * own;
  const double *x = solved_.data() + group * own * (1 + grouped_.shared());
  for (std::size_t a = 0, k = 0; a < own; ++a) {
    if (!free[first + a])
      continue;
    s[first + a] = x[k];
    for (std::size_t b = 0; b < reduced.count; ++b)
      s[first + a] -= x[(1 + b) * own + k] * reduced.rhs[b];
    ++k;
  }
}

bool GroupedModel::solve(Curvature matrix, double damping, const double *diagonal,
                         const unsigned char *free, double *s) {
  const std::size_t shared = grouped_.shared(), corner = grouped_.groups() * grouped_.own();
  const double *c = now_->corner[static_cast<int>(matrix)].data();
  Reduced reduced;
  for (std::size_t a = 0; a < shared; ++a)
    if (free[corner + a])
      reduced.index[reduced.count++] = a;
  for (std::size_t a = 0; a < reduced.count; ++a) {
    const double *row = c + reduced.index[a] * shared;
    reduced.rhs[a] = -now_->gradient[corner + reduced.index[a]];
    for (std::size_t j = 0; j < shared; ++j)
      if (!free[corner + j])
        reduced.rhs[a] -= row[j] * s[corner + j];
    for (std::size_t b = 0; b <= a; ++b)
      reduced.matrix[a * reduced.count + b] = row[reduced.index[b]];
    reduced.matrix[a * (reduced.count + 1)] += damping * diagonal[corner + reduced.index[a]];
    reduced.size[a] = reduced.matrix[a * (reduced.count + 1)];
  }
  for (std::size_t g = 0; g < grouped_.groups(); ++g)
    if (!eliminate(matrix, g, damping, diagonal, free, s, reduced))
      return false;
  const int n = static_cast<int>(reduced.count);
  if (!linalg::cholesky(reduced.matrix, n, n, reduced.size))
    return false;
  linalg::cholesky_solve(reduced.matrix, n, n, reduced.rhs);
  for (std::size_t a = 0; a < reduced.count; ++a)
    s[corner + reduced.index[a]] = reduced.rhs[a];
  for (std::size_t g = 0; g < grouped_.groups(); ++g)
    substitute(g, free, reduced, s);
  return true;
}

double GroupedModel::decrease(Curvature matrix, const double *s) const {
  const std::size_t p = grouped_.group_parameters(), own = grouped_.own(), shared = p - own;
  const std::size_t corner = grouped_.groups() * own;
  const double *c = now_->corner[static_cast<int>(matrix)].data();
  double sum = 0;
  for (std::size_t g = 0; g < grouped_.groups(); ++g)
    for (std::size_t a = 0; a < own; ++a) {
      const double *row = block(*now_, matrix, g) + a * p;
      double product = now_->gradient[g * own + a];
      for (std::size_t b = 0; b < own; ++b)
        product += 0.5 * row[b] * s[g * own + b];
      for (std::size_t b = 0; b < shared; ++b)
        product += row[own + b] * s[corner + b];
      sum -= s[g * own + a] * product;
    }
  for (std::size_t a = 0; a < shared; ++a) {
    double product = now_->gradient[corner + a];
    for (std::size_t b = 0; b < shared; ++b)
      product += 0.5 * c[a * shared + b] * s[corner + b];
    sum -= s[corner + a] * product;
  }
  return sum;
}

} // namespace lawfit
