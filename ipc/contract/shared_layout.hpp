#pragma once

#include <string>

namespace prefork::ipc {

/// Describes what two builds must have in common for their processes to work on the same pipes and shared memory: the
/// numbers of the formats, and sizes that a compiler or a changed structure could make different. Two builds are
/// compatible if their texts are equal. Whoever changes, without changing a size, the meaning of a byte in
/// contract.hpp, in the scoreboard or in a shared object, or changes which objects the framework keeps for itself, must
/// raise the number in shared_layout.cpp.
std::string shared_layout();

}  // namespace prefork::ipc
