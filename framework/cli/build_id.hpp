#pragma once

#include <string>

namespace prefork::cli {

/// Identifies this build: the linker's build ids of the program and of the libprefork that it was loaded with. Source:
/// ld(1) --build-id, elf(5) Notes.
std::string build_id();

}  // namespace prefork::cli
