// The row functions that a law's operations stand for, over all schedules of its data.
#pragma once

#include <memory>

#include "lawfit/program.hpp"

namespace lawfit {

// `data` must outlive it where `op` has no arguments. Throws std::invalid_argument where `op` is no
// row function, or external and not given.
std::unique_ptr<RowFunction> make_row_function(Op op, const Data &data, Cancel &cancel);

} // namespace lawfit
