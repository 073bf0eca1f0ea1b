#pragma once

#include <string>

namespace prefork::ipc {

/// What processes of two builds must have alike to work on the same pipes and shared memory: the numbers of the
/// formats, and sizes that a compiler or a changed structure could make different. Equal texts: they can.
/// Whoever changes the meaning of a byte in contract.hpp, in the scoreboard or in a shared object without changing a
/// size, or which objects the framework keeps for itself, raises the number in shared_layout.cpp.
std::string shared_layout();

}  // namespace prefork::ipc
