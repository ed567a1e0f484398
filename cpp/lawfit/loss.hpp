// Which loss is minimised.
#pragma once

namespace lawfit {

enum class Loss {
  squared, // rho = r²/2
  huber,   // rho = r²/2 for |r| <= δ, else δ(|r| - δ/2)            (Huber 1964)
  soft_l1, // rho = δ²(√(1 + (r/δ)²) - 1)
  binomial // no function of a residual alone: half the deviance of a rate, see binomial.hpp
};

} // namespace lawfit
