#include "lawfit/annealing_filter.hpp"

#include <utility>

#include "lawfit/simd.hpp"

namespace lawfit {
namespace {

constexpr double binomial[area_orders][area_orders] = {{1, 0, 0}, {1, 1, 0}, {1, 2, 1}};

// Exact, because the factors are 1 and 2.
DoubleDouble scaled(DoubleDouble a, double factor) { return {a.hi * factor, a.lo * factor}; }

} // namespace

AnnealingFilter::AnnealingFilter(double lam, std::size_t order) : lam_(lam), order_(order) {}

// The order is known here, so that the sums stay in registers.
template <std::size_t order> void AnnealingFilter::fill(Tables &to) const {
  DoubleDouble p[order + 1] = {DoubleDouble(1.0)}; // λ^n
  DoubleDouble g[order + 1];                       // 1 + … + λ^n
  DoubleDouble q[order + 1];                       // λ + … + λ^(n+1)
  for (std::size_t n = 0; n < area_block; ++n) {
    for (std::size_t r = order + 1; r-- > 0;) {
      g[r] = g[r] + p[r];
      to.to_m[r][area_block - 1 - n] = p[r].hi;
      to.to_s2[r][area_block - 1 - n] = g[r].hi;
      p[r] = p[r] * lam_;
      if (r > 0)
        p[r] = p[r] + scaled(p[r - 1], static_cast<double>(r));
      q[r] = q[r] + p[r];
      to.p[r][n] = p[r].hi;
      to.q[r][n] = q[r].hi;
    }
    to.p_low[n] = p[0].lo;
  }
}

const AnnealingFilter::Tables &AnnealingFilter::tables() {
  if (!tables_) {
    auto made = std::make_unique<Tables>();
    if (order_ == 0)
      fill<0>(*made);
    else if (order_ == 1)
      fill<1>(*made);
    else
      fill<2>(*made);
    tables_ = std::move(made);
  }
  return *tables_;
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

AnnealingFilter::Carry AnnealingFilter::carry_over(std::size_t n) const {
  Carry carry;
  carry.p = {tables_->p[0][n - 1], tables_->p_low[n - 1]};
  for (std::size_t r = 0; r <= order_; ++r) {
    carry.p_derivatives[r] = tables_->p[r][n - 1];
    carry.q[r] = tables_->q[r][n - 1];
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

void AnnealingFilter::extend(AreaPart &part, const double *lr, double first, std::size_t n) {
  const Tables &to = tables();
  simd::AreaWeights weights;
  for (std::size_t r = 0; r <= order_; ++r) {
    weights.to_m[r] = &to.to_m[r][area_block - n];
    weights.to_s2[r] = &to.to_s2[r][area_block - n];
  }
  simd::AreaSums sums;
  simd::sum_areas(weights, static_cast<int>(order_), lr, first, n, sums);
  // As apply() does, in plain doubles: a block is short.
  simd::AreaSums &all = part.sums;
  for (std::size_t r = order_ + 1; r-- > 0;) {
    sums.m[r] += to.p_low[n - 1] * all.m[r];
    for (std::size_t k = 0; k <= r; ++k) {
      const double lower = binomial[r][k] * all.m[r - k];
      sums.m[r] += to.p[k][n - 1] * lower;
      sums.s2[r] += to.q[k][n - 1] * lower;
    }
    all.s2[r] += sums.s2[r];
    all.m[r] = sums.m[r];
  }
  all.s1 += sums.s1;
  part.n += n;
}

AreaValues AnnealingFilter::areas(const AreaState &state, const AreaPart &part) const {
  AreaValues out;
  out.s1 = state.s1.hi + (state.s1.lo + part.sums.s1);
  for (std::size_t r = 0; r <= order_; ++r) {
    double area = part.sums.s2[r];
    if (part.n > 0)
      for (std::size_t k = 0; k <= r; ++k)
        area += binomial[r][k] * tables_->q[k][part.n - 1] * state.m[r - k].hi;
    out.s2[r] = state.s2[r].hi + (state.s2[r].lo + area);
  }
  return out;
}

void AnnealingFilter::advance(AreaState &state, const AreaPart &part) const {
  state.s1 = state.s1 + part.sums.s1;
  apply(state, carry_over(part.n), part.sums.m, part.sums.s2);
}

void AnnealingFilter::sweep(AreaState &state, const double *lr, const double *d, std::size_t n,
                            const simd::AreaOutputs &out) {
  const Tables &of = tables();
  simd::AreaSweep sweep;
  sweep.powers = {lam_, of.p[0][1], of.p[0][3], of.p[0][7], of.p_low[7]};
  sweep.s1 = {state.s1.hi, state.s1.lo};
  for (std::size_t r = 0; r <= order_; ++r) {
    sweep.s2[r] = {state.s2[r].hi, state.s2[r].lo};
    sweep.m[r] = state.m[r].hi;
    sweep.carried[r] = of.q[r];
  }
  AreaPart part;
  part.n = n;
  simd::sweep_areas(sweep, static_cast<int>(order_), lr, d, n, out, part.sums);
  advance(state, part);
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

} // namespace lawfit
