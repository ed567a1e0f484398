#include "bindings.hpp"

void bind_schedule(py::module_ &) {}
