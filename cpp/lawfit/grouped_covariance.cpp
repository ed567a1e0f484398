#include "lawfit/grouped_covariance.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <utility>

#include "lawfit/information.hpp"

namespace lawfit {
namespace {

constexpr int P = max_parameters;
constexpr double nan = std::numeric_limits<double>::quiet_NaN();

// What a group says of the shared parameters once its own are eliminated.
struct Reduced {
  double matrix[P * P] = {}; // S = C - BᵀA⁻¹B
  double meat[P * P] = {};   // KMKᵀ, K = (-BᵀA⁻¹, I)
};

// Own parameters come first in an Information of one group; `own` of them are left, and `shared`.
class Estimator {
public:
  Estimator(const Grouped &grouped, int threads, Cancel &cancel)
      : grouped_(grouped), threads_(grouped.threads(threads, 2)), cancel_(cancel),
        groups_(grouped.groups()), own_(grouped.groups()), reduced_(grouped.groups()) {}

  GroupedCovariance run(const std::vector<std::vector<double>> &theta,
                        const std::vector<std::vector<bool>> &at_bound) {
    each([&](std::size_t g) { read(g, theta[g], at_bound[g]); });
    gather();
    const Rank found = shared_.rank(shared_.count);
    if (shared_.is_robust()) {
      smooth(theta, shared_.eliminated + found.rank);
      choose_matrix(found);
    }
    GroupedCovariance out;
    out.shared = finish(shared_);
    clear_lost(found);
    out.groups.resize(groups_.size());
    each([&](std::size_t g) { out.groups[g] = finish(whole(g)); });
    return out;
  }

private:
  template <class Body> void each(Body &&body) {
    parallel_for(
        groups_.size(), groups_.size() > 1 ? threads_ : 1, [&](std::size_t g, int) { body(g); },
        cancel_);
  }

  // A group's rows; own parameters that they do not determine even given the shared ones are held.
  void read(std::size_t g, const std::vector<double> &theta, const std::vector<bool> &at_bound) {
    groups_[g] = std::make_unique<Information>(grouped_.problem(g), theta.data(), at_bound,
                                               grouped_.order(), cancel_);
    Information &group = *groups_[g];
    int own = 0;
    for (std::size_t k = 0; k < grouped_.own(); ++k)
      own += !at_bound[static_cast<std::size_t>(grouped_.order()[k])];
    const Rank found = group.rank(own);
    for (int a = 0; a < own; ++a)
      if (found.undetermined[a])
        group.undetermined[static_cast<std::size_t>(group.free[a])] = true;
    group.keep(found.held);
    own_[g] = own - static_cast<int>(std::count(found.held, found.held + own, true));
  }

  // One band over the residuals of all groups.
  void smooth(const std::vector<std::vector<double>> &theta, int parameters) {
    std::vector<double> sizes;
    for (const auto &group : groups_)
      sizes.insert(sizes.end(), group->sizes.begin(), group->sizes.end());
    const Band band(std::move(sizes), grouped_.problem(0).options().delta);
    each([&](std::size_t g) {
      groups_[g]->smooth(grouped_.problem(g), theta[g].data(), band, parameters, cancel_);
    });
  }

  // The shared parameters' columns of all groups under each other, own parameters eliminated.
  void gather() {
    const Information &first = *groups_.front();
    const int n = first.count - own_.front();
    shared_.parameters = first.parameters;
    shared_.undetermined.assign(first.undetermined.size(), false);
    shared_.loss = first.loss;
    shared_.count = n;
    std::copy_n(first.free + own_.front(), n, shared_.free);
    std::copy_n(first.reach, P, shared_.reach);
    for (const auto &one : first.bound)
      if (is_shared(one.parameter))
        shared_.bound.push_back({one.parameter, 0});
    std::fill_n(shared_.length, P, 0.0);
    for (std::size_t g = 0; g < groups_.size(); ++g) {
      const Information &group = *groups_[g];
      const int own = own_[g];
      double rows[P * P];
      for (int a = 0; a < n; ++a) {
        shared_.length[a] = std::hypot(shared_.length[a], group.length[own + a]);
        for (int i = 0; i < n; ++i)
          rows[a * n + i] = i <= a ? group.triangle[(own + i) * group.count + own + a] : 0.0;
      }
      linalg::qr_append(shared_.triangle, n, rows, static_cast<std::size_t>(n),
                        static_cast<std::size_t>(n));
      for (auto &one : shared_.bound)
        one.length = std::hypot(one.length, bound_length(group, one.parameter));
      shared_.rounding = std::hypot(shared_.rounding, group.rounding);
      shared_.rows += group.rows;
      shared_.eliminated += own;
      shared_.at.objective += group.at.objective;
    }
  }

  bool is_shared(int parameter) const {
    const auto &order = grouped_.order();
    return std::find(order.begin() + static_cast<long>(grouped_.own()), order.end(), parameter) !=
           order.end();
  }

  static double bound_length(const Information &information, int parameter) {
    for (const auto &one : information.bound)
      if (one.parameter == parameter)
        return one.length;
    return 0;
  }

  // The Hessian where it is positive definite as a whole, or else Gauss–Newton's matrix.
  void choose_matrix(const Rank &found) {
    from_hessian_ = reduce(&Evaluation::hessian, found);
    if (!from_hessian_ && !reduce(&Evaluation::gauss_newton, found))
      std::fill_n(shared_.at.hessian, P * P, nan); // of which nothing follows
  }

  using Matrix = double (Evaluation::*)[P * P];

  // Eliminates each group's own parameters. False where that matrix is not positive definite.
  bool reduce(Matrix matrix, const Rank &found) {
    const int n = shared_.count, p = shared_.parameters;
    double size[P] = {}, factor[P * P], ones[P];
    double *sum = shared_.at.hessian;
    std::fill_n(sum, P * P, 0.0);
    std::fill_n(shared_.meat, P * P, 0.0);
    for (std::size_t g = 0; g < groups_.size(); ++g) {
      if (!eliminate(g, groups_[g]->at.*matrix, reduced_[g]))
        return false;
      for (int a = 0; a < n; ++a) {
        const int i = shared_.free[a];
        size[a] += (groups_[g]->at.*matrix)[i * p + i];
        for (int b = 0; b < n; ++b) {
          sum[i * p + shared_.free[b]] += reduced_[g].matrix[a * n + b];
          shared_.meat[a * n + b] += reduced_[g].meat[a * n + b];
        }
      }
    }
    matrix_ = matrix;
    int index[P], kept = 0;
    for (int a = 0; a < n; ++a)
      if (!found.held[a])
        index[kept++] = a;
    for (int a = 0; a < kept; ++a) {
      if (!(size[index[a]] > 0))
        return false;
      ones[a] = 1;
      for (int b = 0; b <= a; ++b)
        factor[a * kept + b] = sum[shared_.free[index[a]] * p + shared_.free[index[b]]] /
                               std::sqrt(size[index[a]] * size[index[b]]);
    }
    if (!linalg::cholesky(factor, kept, kept, ones))
      return false;
    std::copy_n(sum, P * P, shared_.at.gauss_newton);
    return true;
  }

  bool eliminate(std::size_t g, const double *matrix, Reduced &out) const {
    const Information &group = *groups_[g];
    const int own = own_[g], n = shared_.count, p = shared_.parameters;
    const auto entry = [&](int a, int b) { return matrix[group.free[a] * p + group.free[b]]; };
    const auto meat = [&](int a, int b) {
      return group.meat[std::max(a, b) * group.count + std::min(a, b)];
    };
    double factor[P * P], scale[P];
    double x[P * P]; // A⁻¹B, column by column
    for (int a = 0; a < own; ++a) {
      scale[a] = std::sqrt(entry(a, a));
      if (!(scale[a] > 0))
        return false;
      for (int b = 0; b <= a; ++b)
        factor[a * own + b] = entry(a, b) / (scale[a] * scale[b]);
    }
    if (!linalg::cholesky(factor, own, own))
      return false;
    for (int c = 0; c < n; ++c) {
      for (int a = 0; a < own; ++a)
        x[c * own + a] = entry(a, own + c) / scale[a];
      linalg::cholesky_solve(factor, own, own, x + c * own);
      for (int a = 0; a < own; ++a)
        x[c * own + a] /= scale[a];
    }
    double half[P * P]; // K·M, over all of the group's parameters
    for (int b = 0; b < n; ++b)
      for (int j = 0; j < group.count; ++j) {
        double sum = meat(own + b, j);
        for (int a = 0; a < own; ++a)
          sum -= x[b * own + a] * meat(a, j);
        half[b * group.count + j] = sum;
      }
    for (int b = 0; b < n; ++b)
      for (int c = 0; c < n; ++c) {
        double s = entry(own + b, own + c), v = half[b * group.count + own + c];
        for (int a = 0; a < own; ++a) {
          s -= entry(a, own + b) * x[c * own + a];
          v -= half[b * group.count + a] * x[c * own + a];
        }
        out.matrix[b * n + c] = s;
        out.meat[b * n + c] = v;
      }
    return true;
  }

  // Directions of the shared parameters that no group determines have no rows: what is left of them
  // is rounding of the whole, which is large for a group with few rows.
  void clear_lost(const Rank &found) {
    const int n = shared_.count;
    int order[P], kept = 0;
    for (int a = 0; a < n; ++a)
      if (!found.held[a])
        order[kept++] = a;
    if (kept == n)
      return;
    for (int a = 0, k = kept; a < n; ++a)
      if (found.held[a])
        order[k++] = a;
    double rows[P * P], square[P * P] = {};
    for (int a = 0; a < n; ++a)
      for (int i = 0; i < n; ++i)
        rows[a * n + i] = i <= order[a] ? shared_.triangle[i * n + order[a]] : 0.0;
    const auto size = static_cast<std::size_t>(n);
    linalg::qr_append(square, n, rows, size, size);
    for (int a = 0; a < n; ++a)
      for (int i = 0; i < n; ++i)
        rows[order[a] * n + i] = i <= a && i < kept ? square[i * n + a] : 0.0;
    std::fill_n(shared_.triangle, n * n, 0.0);
    linalg::qr_append(shared_.triangle, n, rows, size, size);
  }

  // A group's information with that of all others on the shared parameters.
  Information whole(std::size_t g) const {
    Information out = *groups_[g];
    const int own = own_[g], n = shared_.count, p = out.parameters;
    for (auto &one : out.bound)
      if (is_shared(one.parameter))
        one.length = bound_length(shared_, one.parameter);
    for (int a = 0; a < n; ++a)
      for (int i = 0; i <= a; ++i)
        out.triangle[(own + i) * out.count + own + a] = shared_.triangle[i * n + a];
    out.measure();
    out.rounding = shared_.rounding;
    out.rows = shared_.rows;
    out.eliminated = shared_.eliminated - own;
    out.at.objective = shared_.at.objective;
    if (!out.is_robust())
      return out;
    for (int a = 0; a < n; ++a)
      for (int b = 0; b < n; ++b) {
        const int at = shared_.free[a] * p + shared_.free[b];
        (out.at.*matrix_)[at] += shared_.at.hessian[at] - reduced_[g].matrix[a * n + b];
        out.meat[(own + a) * out.count + own + b] +=
            shared_.meat[a * n + b] - reduced_[g].meat[a * n + b];
      }
    std::copy_n(out.at.*matrix_, p * p, out.at.hessian);
    std::copy_n(out.at.*matrix_, p * p, out.at.gauss_newton);
    return out;
  }

  Covariance finish(Information information) const {
    Covariance out = conclude(std::move(information));
    out.from_hessian = from_hessian_;
    return out;
  }

  const Grouped &grouped_;
  int threads_;
  Cancel &cancel_;
  std::vector<std::unique_ptr<Information>> groups_;
  std::vector<int> own_;
  std::vector<Reduced> reduced_;
  Information shared_;
  Matrix matrix_ = &Evaluation::hessian;
  bool from_hessian_ = false;
};

} // namespace

GroupedCovariance grouped_covariance(const Grouped &grouped,
                                     const std::vector<std::vector<double>> &theta,
                                     const std::vector<std::vector<bool>> &at_bound, int threads,
                                     Cancel &cancel) {
  return Estimator(grouped, threads, cancel).run(theta, at_bound);
}

} // namespace lawfit
