#pragma once

#include <string_view>

namespace prefork::cli {

/// Remembers where the command line is in memory. Process: one whose arguments are no longer needed once a title is
/// set.
void prepare_process_title(int argc, char** argv) noexcept;
/// Sets what ps(1) shows for this process; cut to the length of its command line. Does nothing without
/// prepare_process_title().
void set_process_title(std::string_view title) noexcept;

}  // namespace prefork::cli
