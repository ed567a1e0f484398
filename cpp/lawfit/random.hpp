// Random numbers by count: the k-th draw of a stream depends on the stream's key alone.
#pragma once

#include <cstdint>

namespace lawfit {

// Steele, Lea and Flood 2014, "Fast splittable pseudorandom number generators".
inline std::uint64_t splitmix64(std::uint64_t &state) {
  std::uint64_t z = (state += 0x9e3779b97f4a7c15U);
  z = (z ^ (z >> 30U)) * 0xbf58476d1ce4e5b9U;
  z = (z ^ (z >> 27U)) * 0x94d049bb133111ebU;
  return z ^ (z >> 31U);
}

// The stream number k of a seed.
class Draws {
public:
  Draws(std::uint64_t seed, std::uint64_t k) : state_(seed) {
    state_ = splitmix64(state_) ^ k;
    state_ = splitmix64(state_);
  }

  // A whole number below n, 0 < n < 2^32, each as likely as the others (Lemire 2019, "Fast random
  // integer generation in an interval").
  std::uint32_t below(std::uint32_t n) {
    std::uint64_t product = std::uint64_t{half()} * n;
    if (static_cast<std::uint32_t>(product) < n) {
      const std::uint32_t least = (0U - n) % n;
      while (static_cast<std::uint32_t>(product) < least)
        product = std::uint64_t{half()} * n;
    }
    return static_cast<std::uint32_t>(product >> 32U);
  }

private:
  // 32 random bits: each number of the generator serves twice.
  std::uint32_t half() {
    if (kept_) {
      kept_ = false;
      return static_cast<std::uint32_t>(word_ >> 32U);
    }
    word_ = splitmix64(state_);
    kept_ = true;
    return static_cast<std::uint32_t>(word_);
  }

  std::uint64_t state_, word_ = 0;
  bool kept_ = false;
};

} // namespace lawfit
