// sin, cos, tan and atan for the vectors of simd_vectors.hpp.
#pragma once

#include "lawfit/simd_vectors.hpp"

namespace lawfit::simd {
namespace {

// Up to here sin, cos and tan are computed below. Larger arguments, lane by lane, and infinities
// are left to libm, whose bits they have.
constexpr double far = 0x1p20;

// x = n·π/2 + r + low, |r| <= π/4, for |x| <= far. π/2 is taken in four parts (Cody and Waite),
// together 152 bits: no double below `far` lies closer to a multiple than about 2^-57. The first
// three have 33 bits, so their products with n < 2^20 are exact.
struct Angle {
  Bits n; // in the low bits
  Vec r, low;
};

inline Angle by_half_pi(Vec x) {
  const Vec shift = all(0x1.8p52);
  const Vec shifted = fma(x, all(0x1.45f306dc9c883p-1), shift);
  const Vec n = shifted - shift;
  const Vec first = fma(n, all(-0x1.921fb54400000p+0), x); // exact
  const Pair second = exact_sum(first, n * all(-0x1.0b4611a600000p-34));
  const Pair third = exact_sum(second.hi, n * all(-0x1.3198a2e000000p-69));
  const Vec low = fma(n, all(-0x1.b839a252049c1p-104), second.lo + third.lo);
  const Pair r = fast_sum(third.hi, low);
  return {(Bits)shifted, r.hi, r.lo};
}

// sin and cos of r + low, unrounded: r + r³·S(r²) and 1 - r²/2 + r⁴·C(r²), of relative errors below
// 2^-62.8 and 2^-63.7. Without the error of r³, sin would lose 0.08 ulp more and tan 0.17.
struct SinCos {
  Pair sin, cos;
};

inline SinCos sin_cos(const Angle &angle) {
  constexpr double S[] = {-0x1.5555555555555p-3, 0x1.1111111111089p-7,   -0x1.a01a01a0065ccp-13,
                          0x1.71de3a3f68e4fp-19, -0x1.ae643c57ca552p-26, 0x1.61140fec19a79p-33,
                          -0x1.a513850a48725p-41};
  constexpr double C[] = {0x1.555555555554cp-5,   -0x1.6c16c16c15223p-10, 0x1.a01a019cbff4ep-16,
                          -0x1.27e4f8132f4acp-22, 0x1.1ee9f1a8a554ep-29,  -0x1.8fb15dca78739p-37};
  const Vec r = angle.r, low = angle.low;
  const Pair r2 = exact_product(r, r);
  const Vec half = all(0.5) * r2.hi;
  Pair r3 = exact_product(r, r2.hi);
  r3.lo = fma(r, r2.lo, r3.lo);
  const Vec sin_low = fma(r3.hi, polynomial(r2.hi, S), fma(r3.lo, all(S[0]), fma(-half, low, low)));
  const Pair one_less = fast_sum(all(1.0), -half);
  const Vec lost = one_less.lo - fma(r, low, all(0.5) * r2.lo);
  return {{r, sin_low}, {one_less.hi, fma(r2.hi * r2.hi, polynomial(r2.hi, C), lost)}};
}

inline double far_sin(double x) { return __builtin_sin(x); }
inline double far_cos(double x) { return __builtin_cos(x); }
inline double far_tan(double x) { return __builtin_tan(x); }

// y, and f(x) in the lanes that are too large.
template <double (*f)(double)> inline Vec with_far(Vec x, Vec y) {
  if (__builtin_expect(any(all(far) - abs(x)), false))
    for (std::size_t i = 0; i < lanes; ++i)
      if (x[i] < -far || x[i] > far)
        y[i] = f(x[i]);
  return y;
}

// sin(r + (n + quarters)·π/2).
inline Vec turned(const Angle &angle, unsigned long long quarters) {
  const SinCos of = sin_cos(angle);
  const Bits n = angle.n + quarters, use_cos = -(n & 1);
  const Vec y = blend(use_cos, of.cos.hi, of.sin.hi) + blend(use_cos, of.cos.lo, of.sin.lo);
  return (Vec)((Bits)y ^ (n >> 1 << 63));
}

inline Vec sin_of(Vec x) {
  const Vec y = turned(by_half_pi(x), 0);
  return with_far<far_sin>(x, x == Vec{} ? x : y); // zero with its sign
}

inline Vec cos_of(Vec x) { return with_far<far_cos>(x, turned(by_half_pi(x), 1)); }

inline Vec tan_of(Vec x) {
  const Angle angle = by_half_pi(x);
  const SinCos of = sin_cos(angle);
  const Bits odd = -(angle.n & 1), sign = odd & sign_bit;
  const Pair sin = fast_sum(of.sin.hi, of.sin.lo), cos = fast_sum(of.cos.hi, of.cos.lo);
  const Pair above = {blend(odd, cos.hi, sin.hi), blend(odd, cos.lo, sin.lo)};
  const Pair below = {blend(odd, sin.hi, cos.hi), blend(odd, sin.lo, cos.lo)};
  const Pair y = above / below;
  const Vec turned = (Vec)((Bits)(y.hi + y.lo) ^ sign);
  return with_far<far_tan>(x, x == Vec{} ? x : turned);
}

// atan(|x|) = c + atan(t), |t| <= tan(π/8): c = 0 and t = |x|, c = π/4 and t = (|x| − 1)/(|x| + 1),
// or c = π/2 and t = −1/|x|. atan(t) = t + t³·A(t²), of a relative error below 2^-63.7.
inline Vec atan_of(Vec x) {
  constexpr double A[] = {-0x1.5555555555554p-2, 0x1.99999999995bcp-3,  -0x1.2492492471fb3p-3,
                          0x1.c71c71b5e75aep-4,  -0x1.745d148f016b4p-4, 0x1.3b136ae1cc8b7p-4,
                          -0x1.110c478ab4619p-4, 0x1.e16f050dbdfeep-5,  -0x1.ab6c0b3eb306fp-5,
                          0x1.70ac22b3f75eap-5,  -0x1.11ab92fd47ef9p-5, 0x1.efd749fcbb810p-7};
  const Vec zero = Vec{}, one = all(1.0);
  const Vec size = clamp(zero, all(0x1p60), abs(x)); // further on the result is π/2 already
  const auto middle = size > all(0x1.a827999fcef32p-2), upper = size > all(0x1.3504f333f9de6p+1);
  const Pair less = fast_sum(-one, size), more = exact_sum(one, size);
  const auto pick = [&](Vec small, Vec medium, Vec large) {
    return upper ? large : middle ? medium : small;
  };
  const Pair above = {pick(size, less.hi, -one), pick(zero, less.lo, zero)};
  const Pair below = {pick(one, more.hi, size), pick(zero, more.lo, zero)};
  const Vec c_high = pick(zero, all(0x1.921fb54442d18p-1), all(0x1.921fb54442d18p+0));
  const Vec c_low = pick(zero, all(0x1.1a62633145c07p-55), all(0x1.1a62633145c07p-54));

  const Pair t = above / below;
  const Vec z = t.hi * t.hi;
  const Vec tail = fma(t.hi * z, polynomial(z, A), fma(-z, t.lo, t.lo));
  const Pair sum = fast_sum(c_high, t.hi);
  return with_sign(sum.hi + (sum.lo + (c_low + tail)), x);
}

} // namespace
} // namespace lawfit::simd
