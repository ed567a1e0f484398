// The floating-point environment that results are promised in.
#pragma once

#include <cfenv>
#include <cstdint>

#if defined(__x86_64__)
#include <xmmintrin.h>
#endif

namespace lawfit {

// Rounding to nearest, subnormal numbers kept and no traps for its lifetime, whatever a library in
// the same process has set its thread to: some flush subnormals to zero as soon as they are loaded.
// Where nothing is to be changed, as nearly always, it costs a nanosecond or two.
class UsualArithmetic {
public:
  UsualArithmetic() : unusual_(!is_usual()) {
    if (unusual_) {
      std::fegetenv(&before_);
      std::fesetenv(FE_DFL_ENV);
    }
  }
  ~UsualArithmetic() {
    if (unusual_)
      std::fesetenv(&before_);
  }
  UsualArithmetic(const UsualArithmetic &) = delete;
  UsualArithmetic &operator=(const UsualArithmetic &) = delete;

private:
  static bool is_usual() noexcept {
#if defined(__x86_64__) && defined(__GNUC__)
    constexpr unsigned sse_control = 0xffc0, sse_usual = 0x1f80; // but for the flags raised so far
    constexpr unsigned x87_control = 0x0f3f, x87_usual = 0x033f;
    std::uint16_t x87 = 0;
    __asm__ volatile("fnstcw %0" : "=m"(x87));
    return (_mm_getcsr() & sse_control) == sse_usual && (x87 & x87_control) == x87_usual;
#elif defined(__aarch64__) && defined(__GNUC__)
    std::uint64_t control = 0;
    __asm__ volatile("mrs %0, fpcr" : "=r"(control));
    return control == 0;
#else
    return false; // no quick way to know
#endif
  }

  bool unusual_;
  std::fenv_t before_{};
};

} // namespace lawfit
