#pragma once

#include <string_view>

namespace prefork::cli {

/// Remembers where the command line lies. Process: one whose arguments are not needed any more when a title is set.
void prepare_process_title(int argc, char** argv) noexcept;
/// What ps(1) shows of this process from now on; cut to the length of its command line. Without
/// prepare_process_title(): nothing changes.
void set_process_title(std::string_view title) noexcept;

}  // namespace prefork::cli
