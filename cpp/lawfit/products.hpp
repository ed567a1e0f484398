// Sums of products of powers and exponentials, as they are recognised in a divided law.
#pragma once

#include <optional>
#include <vector>

#include "lawfit/program.hpp"

namespace lawfit {

using Column = std::vector<double>;

// Scalars are instructions of a ScalarProgram.
struct Product {
  struct Power {
    int column;   // index in SumOfProducts::logs
    int exponent; // scalar
  };
  int coefficient;           // scalar
  std::vector<int> factors;  // data columns multiplied in
  std::vector<int> divisors; // data columns divided by
  std::vector<Power> powers;
};

struct SumOfProducts {
  ScalarProgram scalars;
  std::vector<Product> products;
  std::vector<Column> logs; // what stands in exponents
  std::vector<bool> plain;  // of each, whether it is x itself
};

// Nothing where the law is anything else.
std::optional<SumOfProducts> as_products(const Divided &law);

} // namespace lawfit
