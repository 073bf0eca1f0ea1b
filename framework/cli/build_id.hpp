#pragma once

#include <string>

namespace prefork::cli {

/// What tells this build from every other: the linker's build ids of the program and of libprefork, which it was loaded
/// with. Source: ld(1) --build-id, elf(5) Notes.
std::string build_id();

}  // namespace prefork::cli
