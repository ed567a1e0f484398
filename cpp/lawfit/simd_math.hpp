// exp, log and what is made of them, for the vectors of simd_vectors.hpp.
//
// Coefficients of every polynomial here and in simd_pow.hpp and simd_trig.hpp minimise the error
// stated: Remez exchange in 60 digits, rounded to double one after the other and the rest fitted
// again.
//
// The worst errors, in ulp, that bench/ulp.cpp met in 1e8 arguments of each, with fma and without:
//   exp   0.77 0.77   log   0.74 0.82   tanh  0.55 0.56   sin   0.68 0.73   tan   0.79 0.85
//   expm1 0.61 0.61   log1p 0.72 0.86   expit 0.75 0.75   cos   0.69 0.73   atan  0.66 0.68
//   pow   0.75 0.75
// Those of exp, expit and pow are met where the result is subnormal and rounds twice.
#pragma once

#include "lawfit/simd_vectors.hpp"

namespace lawfit::simd {
namespace {

// ln 2 in two parts: the first has 42 bits, so its product with any exponent is exact.
constexpr double ln2_high = 0x1.62e42fefa3800p-1;
constexpr double ln2_low = 0x1.ef35793c76730p-45;

// x = k·ln 2 + r + low, |r| <= ln(2)/2 (Cody and Waite, "Software Manual for the Elementary
// Functions", 1980, ch. 6), for −746 <= x <= 710.
struct Exponent {
  Bits biased; // k + 2046 in the low bits
  Vec k, r, low;
};

inline Exponent by_ln2(Vec x) {
  // Adding 1.5·2^52 rounds to an integer and leaves it in the low bits; 2046 makes it positive.
  const Vec shift = all(0x1.8p52 + 2046);
  const Vec shifted = fma(x, all(0x1.71547652b82fep+0), shift);
  const Vec k = shifted - shift;
  const Vec x_high = fma(k, all(-ln2_high), x); // exact
  const Vec r = fma(k, all(-ln2_low), x_high);
  return {(Bits)shifted, k, r, fma(k, all(-ln2_low), x_high - r)}; // what rounding took from r
}

// x·2^k by two factors, each a normal number, so that a subnormal result is rounded once more only.
inline Vec times_power(Vec x, Bits biased) {
  const Bits half = biased >> 1;
  return x * (Vec)(half << 52) * (Vec)((biased - half) << 52);
}

// Beyond these exp is inf or 0, and k stays small.
inline Vec clamp_exponent(Vec x) { return clamp(all(-746.0), all(710.0), x); }

// exp(x) = 2^k·exp(r), exp(r) = 1 + r + r²·q(r). The relative error of exp(r) is below 2^-57.8.
inline Vec exp_of(Vec x) {
  const Exponent e = by_ln2(clamp_exponent(x));
  const Vec r = e.r, r2 = r * r;
  Vec even = fma(all(0x1.28aedecf19a9ap-22), r2, all(0x1.a019988a7c076p-16));
  Vec odd = fma(all(0x1.add8ff67a7b30p-26), r2, all(0x1.71def3ba2661ap-19));
  even = fma(even, r2, all(0x1.6c16c184b5dafp-10));
  odd = fma(odd, r2, all(0x1.a01a013d62cc1p-13));
  even = fma(even, r2, all(0x1.5555555550605p-5));
  odd = fma(odd, r2, all(0x1.1111111124d28p-7));
  even = fma(even, r2, all(0x1.000000000000ap-1));
  odd = fma(odd, r2, all(0x1.5555555555503p-3));
  const Vec q = fma(odd, r, even);

  // 1 + r is kept as a rounded sum and its error, which is what keeps the result near half an ulp.
  const Vec sum = all(1.0) + r;
  const Vec error = (all(1.0) - sum) + r;
  return times_power(sum + (error + fma(r2, q, e.low)), e.biased);
}

// first + (exp(r + low) − 1), first 0 or at least ½ in size, unrounded: r²/2 too is kept with its
// error, and r³·p(r), p with an error below 2^-61.6 of r, is the first term that is not.
inline Pair exp_sum(Vec first, Vec r, Vec low) {
  constexpr double p[] = {0x1.5555555555559p-3,  0x1.5555555555557p-5,  0x1.111111110f650p-7,
                          0x1.6c16c16c1577dp-10, 0x1.a01a01b00610cp-13, 0x1.a01a01ab13cadp-16,
                          0x1.71ddf808b6ae0p-19, 0x1.27e4d14428d45p-22, 0x1.af5f37267188dp-26,
                          0x1.1f83e1c58be04p-29};
  const Pair r2 = exact_product(r, r);
  const Pair a = fast_sum(first, r), b = fast_sum(a.hi, all(0.5) * r2.hi);
  const Vec small = a.lo + b.lo + fma(all(0.5), r2.lo, fma(low, r, low));
  return {b.hi, fma(r2.hi * r, polynomial(r, p), small)};
}

// exp(x) − 1 = 2^k·((1 − 2^−k) + (exp(r) − 1)), unrounded, to be multiplied by 2^k.
inline Pair expm1_sum(const Exponent &e) {
  // 2^−k; from 2^-64 on it does not matter.
  const Vec power = e.k < all(64.0) ? (Vec)((3069 - e.biased) << 52) : Vec{};
  const Pair first = exact_sum(all(1.0), -power);
  const Pair sum = exp_sum(first.hi, e.r, e.low);
  return {sum.hi, sum.lo + first.lo};
}

inline Vec expm1_of(Vec x) {
  const Exponent e = by_ln2(clamp(all(-40.0), all(710.0), x));
  const Pair sum = expm1_sum(e);
  const Vec y = times_power(sum.hi + sum.lo, e.biased);
  return x == all(0.0) ? x : y; // with its sign
}

// tanh(|x|) = −m/(2 + m), m = exp(−2|x|) − 1.
inline Vec tanh_of(Vec x) {
  const Exponent e = by_ln2(clamp(all(-40.0), all(0.0), all(-2.0) * abs(x)));
  const Pair parts = expm1_sum(e), sum = fast_sum(parts.hi, parts.lo);
  const Pair m = {times_power(sum.hi, e.biased), times_power(sum.lo, e.biased)};
  Pair below = fast_sum(all(2.0), m.hi);
  below.lo += m.lo;
  const Pair y = m / below;
  return with_sign(y.hi + y.lo, x);
}

// expit(x) = 1/(1 + u) or u/(1 + u), u = 2^k·sum = exp(−|x|). 2^k comes last, as in exp.
inline Vec expit_of(Vec x) {
  const Exponent e = by_ln2(clamp_exponent(-abs(x)));
  const Pair parts = exp_sum(all(1.0), e.r, e.low), sum = fast_sum(parts.hi, parts.lo);
  Pair below = fast_sum(all(1.0), times_power(sum.hi, e.biased));
  below.lo += times_power(sum.lo, e.biased);
  const auto negative = x < all(0.0);
  const Pair y = Pair{negative ? sum.hi : all(1.0), negative ? sum.lo : all(0.0)} / below;
  const Vec rounded = y.hi + y.lo;
  return negative ? times_power(rounded, e.biased) : rounded;
}

// x = 2^k·(1 + f), 1 + f in [√½, √2), for a normal x > 0. k_shift is 2^52 + 1023, and what x was
// scaled by.
struct Mantissa {
  Vec k, f;
};

inline Mantissa split_normal(Vec x, Vec k_shift) {
  constexpr unsigned long long one = 0x3ff0000000000000;
  constexpr unsigned long long sqrt_half = 0x3fe6a09e667f3bcd;
  const Bits bits = (Bits)x - (sqrt_half - one);
  return {(Vec)((bits >> 52) | (Bits)all(0x1p52)) - k_shift,
          (Vec)((bits & 0x000fffffffffffff) + sqrt_half) - all(1.0)};
}

inline Mantissa split(Vec x) {
  const auto subnormal = x < all(0x1p-1022);
  const Vec scaled = subnormal ? x * all(0x1p54) : x;
  return split_normal(scaled, subnormal ? all(0x1p52 + 1023 + 54) : all(0x1p52 + 1023));
}

// k·ln 2 + log(1 + f) + low. With s = f/(2 + f), h = f²/2 and R(s²) = (log((1+s)/(1-s)) - 2s)/s,
// log(1 + f) = f - (h - s·(h + R)): Ng's form of the series (FreeBSD msun, e_log.c). The relative
// error of log(1 + f) is below 2^-59.4.
inline Vec log_sum(Mantissa m, Vec low) {
  const Vec f = m.f, s = f / (all(2.0) + f);
  const Vec z = s * s;
  const Vec z2 = z * z;
  Vec odd = fma(all(0x1.2f0256afec1f1p-3), z2, all(0x1.74663ba665791p-3));
  Vec even = fma(all(0x1.39a20b3a4b7b5p-3), z2, all(0x1.c71c521a0f866p-3));
  odd = fma(odd, z2, all(0x1.24924941db4e8p-2));
  even = fma(even, z2, all(0x1.999999997ff63p-2));
  odd = fma(odd, z2, all(0x1.5555555555592p-1));
  const Vec R = z * fma(even, z, odd);

  // k·ln 2 + f as a rounded sum and its error, like 1 + r above; small terms are added first.
  const Vec k_ln2 = m.k * all(ln2_high); // exact
  const Vec sum = k_ln2 + f;
  const Vec error = fma(m.k, all(ln2_low), ((k_ln2 - sum) + f) + low);
  const Vec half_f = all(0.5) * f;
  const Vec bent = fma(s, fma(half_f, f, R), error);
  return sum + fma(-half_f, f, bent);
}

inline Vec log_of(Vec x) {
  const Vec y = log_sum(split(x), all(-0.0));
  const Vec not_positive = x == all(0.0) ? all(-__builtin_inf()) : all(__builtin_nan(""));
  const Vec checked = x > all(0.0) ? y : not_positive;
  return x < all(__builtin_inf()) ? checked : x; // inf and NaN are their own
}

// log(1 + x) = log(u) + lost/u, u + lost = 1 + x; where u is in [√½, √2), x itself is f.
inline Vec log1p_of(Vec x) {
  const Pair u = exact_sum(all(1.0), x);
  Mantissa m = split_normal(u.hi, all(0x1p52 + 1023));
  const auto near = m.k == all(0.0);
  m.f = near ? x : m.f;
  const Vec y = log_sum(m, near ? all(0.0) : u.lo / u.hi);
  const Vec no_log = x == all(-1.0) ? all(-__builtin_inf()) : all(__builtin_nan(""));
  const Vec checked = x > all(-1.0) ? y : no_log;
  const Vec finite = x == all(0.0) ? x : checked; // with its sign
  return x < all(__builtin_inf()) ? finite : x;   // inf and NaN are their own
}

inline Vec logaddexp_of(Vec x, Vec y) {
  const Vec larger = y < x ? x : y;
  const Vec sum = larger + log1p_of(exp_of(-abs(x - y)));
  return x == y ? x + all(0x1.62e42fefa39efp-1) : sum; // also where both are the same infinity
}

} // namespace
} // namespace lawfit::simd
