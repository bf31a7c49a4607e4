// e^x and the logistic function in float32, on the CPU and on the GPU: over the Vec, and its arithmetic, of whichever
// header was included before this file, as activation_formulas.h.
#pragma once

#include "activation.h"

namespace monet {
namespace {

// Of a function's value, fraction * 2^exponent. Factors that come before the power of two keep their digits where the
// power alone, or fraction times it, is a denormal.
struct Scaled {
  Vec fraction, exponent;
};

// The power of two in two steps, as one of 2^-127 or less is no normal number: -252 <= exponent <= 254.
MONET_DEVICE inline Vec TimesPowerOf2(Vec value, Vec exponent) {
  const Vec half = Round(Mul(exponent, Broadcast(0.5f)));
  return Mul(Mul(value, PowerOf2(half)), PowerOf2(Sub(exponent, half)));
}

// e^x = 2^k e^r with k = round(x / ln 2), |r| <= ln(2) / 2, for |x| <= 128. From x, k ln 2 is taken in two parts, of
// which the first has 15 digits, so that k times it is exact (Cody and Waite, "Software Manual for the Elementary
// Functions", 1980). e^r = 1 + r + r^2 q(r): the q of degree 4 with the smallest relative error of e^r, by Lawson's
// algorithm, its coefficients rounded to float32 one after the other and the rest fitted anew. That error is below
// 2^-28.2; with the rounding of r and of the last sum, the fraction is off by less than 1 unit in the last place.
MONET_DEVICE inline Scaled Exp(Vec x) {
  const Vec k = Round(Mul(x, Broadcast(0x1.715476p+0f)));
  const Vec r = MulAdd(k, Broadcast(-0x1.7f7d1cp-20f), MulAdd(k, Broadcast(-0x1.62e4p-1f), x));
  Vec q = MulAdd(r, Broadcast(0x1.6a4eccp-10f), Broadcast(0x1.12399cp-7f));
  q = MulAdd(q, r, Broadcast(0x1.5558bp-5f));
  q = MulAdd(q, r, Broadcast(0x1.555492p-3f));
  q = MulAdd(q, r, Broadcast(0x1.fffffcp-2f));
  return {Add(Broadcast(1.0f), MulAdd(Mul(r, r), q, r)), k};
}

// sigmoid(z) = 1 / (1 + e^-z), by way of e^-|z|, which can't overflow:
//
//   sigmoid(|z|) = larger,  sigmoid(-|z|) = 1 - sigmoid(|z|) = larger * e^-|z|
struct Sigmoid {
  // -|z|, and a NaN where z is one. Below -128, e^z times whatever it may be multiplied with here is 0 in float32.
  Vec negative;
  Scaled exponential;  // e^-|z|
  Vec larger;
};

MONET_DEVICE inline Sigmoid SigmoidOf(Vec z) {
  const Vec lowest = Broadcast(-128.0f);
  Vec negative = IfPositive(z, Sub(Zero(), z), z);
  negative = IfPositive(Sub(lowest, negative), lowest, negative);
  const Scaled e = Exp(negative);
  const Vec one = Broadcast(1.0f);
  return {negative, e, Div(one, Add(one, TimesPowerOf2(e.fraction, e.exponent)))};
}

}  // namespace
}  // namespace monet
