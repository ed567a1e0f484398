// Memory for tables of millions of LR: in pages of 2 MiB where Linux has them, so that filling it
// takes few faults and reading it few look-ups of addresses.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace lawfit {

// An empty vector with room for n.
inline std::vector<double> room_for(std::size_t n) {
  std::vector<double> room;
  room.reserve(n);
#if defined(__linux__) && defined(MADV_HUGEPAGE)
  constexpr std::uintptr_t page = 4096, worth_it = 4U << 20;
  const auto begin = (reinterpret_cast<std::uintptr_t>(room.data()) + page - 1) & ~(page - 1);
  const auto end = reinterpret_cast<std::uintptr_t>(room.data() + room.capacity()) & ~(page - 1);
  if (end > begin && end - begin >= worth_it)
    static_cast<void>(madvise(reinterpret_cast<void *>(begin), end - begin, MADV_HUGEPAGE));
#endif
  return room;
}

} // namespace lawfit
