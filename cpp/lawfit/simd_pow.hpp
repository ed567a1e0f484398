// pow for the vectors of simd_vectors.hpp.
#pragma once

#include "lawfit/simd_math.hpp"

namespace lawfit::simd {
namespace {

// log(x) for x > 0 to 2^-68: with s = f/(2 + f) and z = s² (simd_math.hpp), log(1 + f) =
// 2s + s·z·(2/3 + z·(2/5 + z·R(z))), all but R as pairs. R's error is below 2^-72 of log(1 + f).
inline Pair log_pair(Vec x) {
  constexpr double c[] = {0x1.24924924927c0p-2, 0x1.c71c71c65c4f8p-3, 0x1.745d17d62668ap-3,
                          0x1.3b13788cbf027p-3, 0x1.111dc0f1edf90p-3, 0x1.dea0a43633337p-4,
                          0x1.e7ce720b93f47p-4};
  const Mantissa m = split(x);
  const Pair s = Pair{m.f, Vec{}} / fast_sum(all(2.0), m.f), z = s * s;
  Pair inner = fast_sum(all(0x1.999999999999ap-2), z.hi * polynomial(z.hi, c));
  inner.lo += all(-0x1.999999999999ap-56);
  const Pair bent = z * inner;
  Pair outer = fast_sum(all(0x1.5555555555555p-1), bent.hi);
  outer.lo += bent.lo + all(0x1.5555555555555p-55);
  const Pair tail = s * (z * outer);

  const Pair a = fast_sum(m.k * all(ln2_high), all(2.0) * s.hi), b = fast_sum(a.hi, tail.hi);
  return fast_sum(b.hi, a.lo + b.lo + fma(m.k, all(ln2_low), fma(all(2.0), s.lo, tail.lo)));
}

// All ones where |x| is a whole number, inf among them.
inline Bits is_whole(Vec x) {
  const Vec two52 = all(0x1p52), size = abs(x);
  return (Bits)(size >= two52) | (Bits)((size + two52) - two52 == size);
}

// x^y = exp(y·log x) for x > 0, the product as a pair.
inline Vec pow_of_positive(Vec x, Vec y) {
  const Pair log = log_pair(x);
  Pair product = exact_product(log.hi, y);
  product.lo = fma(log.lo, y, product.lo);
  const Vec clamped = clamp_exponent(product.hi);
  product.lo = clamped == product.hi ? product.lo : Vec{};
  const Exponent e = by_ln2(clamped);
  const Pair r = fast_sum(e.r, e.low + product.lo), sum = exp_sum(all(1.0), r.hi, r.lo);
  return times_power(sum.hi + sum.lo, e.biased);
}

// The cases of C99, Annex F.9.4.4; `power` is |x|^y where both are finite and x is not 0.
inline Vec pow_edges(Vec x, Vec y, Vec power) {
  const Vec size = abs(x), infinite = all(__builtin_inf());
  const Bits from_zero = (Bits)(size == Vec{}), from_infinity = (Bits)(size == infinite);
  const Bits vanishes = from_zero ^ (Bits)(y < Vec{});
  power = blend(from_zero | from_infinity, blend(vanishes, Vec{}, infinite), power);

  const Bits whole = is_whole(y), odd = whole & ~is_whole(all(0.5) * y);
  power = (Vec)((Bits)power | (odd & (Bits)x & sign_bit));
  const Bits root_of_negative = (Bits)(x < Vec{}) & ~from_infinity & ~whole;
  power = blend(root_of_negative, all(__builtin_nan("")), power);
  power = blend((Bits)(x != x) | (Bits)(y != y), x + y, power);
  return blend((Bits)(y == Vec{}) | (Bits)(x == all(1.0)), all(1.0), power);
}

inline Vec pow_of(Vec x, Vec y) {
  // From 2^65 on the power of any number but 1 is 0 or inf already.
  const Vec exponent = clamp(all(-0x1p65), all(0x1p65), y);
  const Vec power = pow_of_positive(abs(x), exponent);
  const Bits plain = (Bits)(x > Vec{}) & (Bits)(x < all(__builtin_inf())) & (Bits)(exponent == y);
  return __builtin_expect(any((Vec)~plain), false) ? pow_edges(x, y, power) : power;
}

} // namespace
} // namespace lawfit::simd
