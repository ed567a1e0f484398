#include "lawfit/annealing_filter.hpp"

namespace lawfit {
namespace {

constexpr double binomial[area_orders][area_orders] = {{1, 0, 0}, {1, 1, 0}, {1, 2, 1}};

// Exact, because the factors are 1 and 2.
DoubleDouble scaled(DoubleDouble a, double factor) { return {a.hi * factor, a.lo * factor}; }

constexpr std::size_t accumulators = 8;

double sum_of(const double *x, std::size_t n) {
  double part[accumulators] = {};
  std::size_t i = 0;
  for (; i + accumulators <= n; i += accumulators)
    for (std::size_t k = 0; k < accumulators; ++k)
      part[k] += x[i + k];
  for (std::size_t k = 0; i < n; ++i, ++k)
    part[k] += x[i];
  return ((part[0] + part[4]) + (part[1] + part[5])) + ((part[2] + part[6]) + (part[3] + part[7]));
}

double dot(const double *x, const double *y, std::size_t n) {
  double part[accumulators] = {};
  std::size_t i = 0;
  for (; i + accumulators <= n; i += accumulators)
    for (std::size_t k = 0; k < accumulators; ++k)
      part[k] += x[i + k] * y[i + k];
  for (std::size_t k = 0; i < n; ++i, ++k)
    part[k] += x[i] * y[i];
  return ((part[0] + part[4]) + (part[1] + part[5])) + ((part[2] + part[6]) + (part[3] + part[7]));
}

} // namespace

AnnealingFilter::AnnealingFilter(double lam, std::size_t order) : lam_(lam), order_(order) {
  const Jet lambda = {DoubleDouble(lam), DoubleDouble(1.0), DoubleDouble(0.0)};
  Jet p = {DoubleDouble(1.0)}; // λ^n
  Jet g = {};                  // 1 + … + λ^(n−1)
  Jet q = {};                  // λ + … + λ^n
  for (std::size_t n = 0; n <= area_block; ++n) {
    carries_[n] = carry_of(p, q);
    if (n > 0 && n <= strip)
      for (std::size_t r = 0; r <= order_; ++r)
        to_strip_[r][n - 1] = q[r].hi;
    g = sum(g, p);
    if (n < area_block)
      for (std::size_t r = 0; r <= order_; ++r) {
        to_m_[r][area_block - 1 - n] = p[r].hi;
        to_s2_[r][area_block - 1 - n] = g[r].hi;
      }
    p = product(lambda, p);
    q = sum(q, p);
  }
}

AnnealingFilter::Jet AnnealingFilter::sum(const Jet &a, const Jet &b) const {
  Jet out;
  for (std::size_t r = 0; r <= order_; ++r)
    out[r] = a[r] + b[r];
  return out;
}

AnnealingFilter::Jet AnnealingFilter::product(const Jet &a, const Jet &b) const {
  Jet out;
  for (std::size_t r = 0; r <= order_; ++r)
    for (std::size_t k = 0; k <= r; ++k)
      out[r] = out[r] + scaled(a[k] * b[r - k], binomial[r][k]);
  return out;
}

AnnealingFilter::Stretch AnnealingFilter::doubled(const Stretch &once, double n) const {
  Stretch twice;
  const Jet length = {DoubleDouble(n)};
  twice.p = product(once.p, once.p);
  twice.q = sum(once.q, product(once.p, once.q));
  twice.g = sum(once.g, product(once.p, once.g));
  twice.h = sum(sum(once.h, product(length, once.g)), product(once.p, once.h));
  return twice;
}

AnnealingFilter::Carry AnnealingFilter::carry_of(const Jet &p, const Jet &q) const {
  Carry carry;
  carry.p = p[0];
  for (std::size_t r = 0; r <= order_; ++r) {
    carry.p_derivatives[r] = p[r].hi;
    carry.q[r] = q[r].hi;
  }
  return carry;
}

// (P·m)^(r) and (Q·m)^(r) by Leibniz' rule, highest derivative first because it needs the others'
// old values.
void AnnealingFilter::apply(AreaState &state, const Carry &carry, const Values &m,
                            const Values &s2) const {
  for (std::size_t r = order_ + 1; r-- > 0;) {
    double to_m = m[r];
    double to_s2 = s2[r] + carry.q[0] * state.m[r].hi;
    for (std::size_t k = 1; k <= r; ++k) {
      const double lower = binomial[r][k] * state.m[r - k].hi;
      to_m += carry.p_derivatives[k] * lower;
      to_s2 += carry.q[k] * lower;
    }
    state.s2[r] = state.s2[r] + to_s2;
    state.m[r] = carry.p * state.m[r] + to_m;
  }
}

void AnnealingFilter::advance(AreaState &state, const AreaInput &in, std::size_t from,
                              std::size_t n) const {
  state.s1 = state.s1 + sum_of(&in.lr[from], n);
  Values m;
  Values s2;
  for (std::size_t r = 0; r <= order_; ++r) {
    m[r] = dot(&in.d[from], &to_m_[r][area_block - n], n);
    s2[r] = dot(&in.d[from], &to_s2_[r][area_block - n], n);
  }
  apply(state, carries_[n], m, s2);
}

void AnnealingFilter::coast(AreaState &state, std::int64_t n, double d) {
  if (stretches_.empty()) {
    const Jet one = {DoubleDouble(1.0)};
    const Jet lambda = {DoubleDouble(lam_), DoubleDouble(1.0), DoubleDouble(0.0)};
    stretches_.push_back({lambda, lambda, one, one});
  }
  double length = 1.0;
  for (std::size_t bit = 0; n > 0; ++bit, n >>= 1, length *= 2.0) {
    if (bit == stretches_.size())
      stretches_.push_back(doubled(stretches_.back(), 0.5 * length));
    if ((n & 1) == 0)
      continue;
    const Stretch &stretch = stretches_[bit];
    Values m;
    Values s2;
    for (std::size_t r = 0; r <= order_; ++r) {
      m[r] = d * stretch.g[r].hi;
      s2[r] = d * stretch.h[r].hi;
    }
    apply(state, carry_of(stretch.p, stretch.q), m, s2);
  }
}

template <std::size_t Order>
void AnnealingFilter::sweep_orders(AreaState &state, const AreaInput &in, std::size_t n,
                                   AreaOutput &out) const {
  double s1[lanes] = {};
  double m[Order + 1][lanes] = {};
  double s2[Order + 1][lanes] = {};
  for (std::size_t j = 0; j < strip; ++j)
    for (std::size_t lane = 0; lane < lanes; ++lane) {
      const std::size_t i = lane * strip + j;
      s1[lane] += in.lr[i];
      out.s1[i] = s1[lane];
      for (std::size_t r = Order; r > 0; --r)
        m[r][lane] = lam_ * m[r][lane] + static_cast<double>(r) * m[r - 1][lane];
      m[0][lane] = lam_ * m[0][lane] + in.d[i];
      for (std::size_t r = 0; r <= Order; ++r) {
        s2[r][lane] += m[r][lane];
        out.s2[r][i] = s2[r][lane];
      }
    }

  // Each strip started from nothing: add what the state before it carries into it.
  for (std::size_t lane = 0; lane * strip < n; ++lane) {
    const std::size_t begin = lane * strip;
    const std::size_t count = n - begin < strip ? n - begin : strip;
    for (std::size_t j = 0; j < count; ++j) {
      out.s1[begin + j] = state.s1.hi + (state.s1.lo + out.s1[begin + j]);
      for (std::size_t r = 0; r <= Order; ++r) {
        double carried = 0.0;
        for (std::size_t k = 0; k <= r; ++k)
          carried += binomial[r][k] * to_strip_[k][j] * state.m[r - k].hi;
        double &area = out.s2[r][begin + j];
        area = state.s2[r].hi + (state.s2[r].lo + (carried + area));
      }
    }
    if (count < strip)
      return advance(state, in, begin, count);
    Values m_end{};
    Values s2_end{};
    for (std::size_t r = 0; r <= Order; ++r) {
      m_end[r] = m[r][lane];
      s2_end[r] = s2[r][lane];
    }
    state.s1 = state.s1 + s1[lane];
    apply(state, carries_[strip], m_end, s2_end);
  }
}

void AnnealingFilter::sweep(AreaState &state, const AreaInput &in, std::size_t n,
                            AreaOutput &out) const {
  if (order_ == 0)
    return sweep_orders<0>(state, in, n, out);
  if (order_ == 1)
    return sweep_orders<1>(state, in, n, out);
  return sweep_orders<2>(state, in, n, out);
}

} // namespace lawfit
