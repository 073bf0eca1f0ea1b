#pragma once

#include <string>
#include <string_view>

/// Descriptors 0 to 2 of the two programs, and what they print.
namespace prefork::cli {

/// Opens /dev/null for those of the descriptors 0 to 2 that are closed, so that no socket or file of ours becomes one
/// of them. What is written to standard output then fails as it would have: the exit code must say that nobody read it.
/// To be called first of all. @throws std::system_error
void fill_standard_streams();

/// For a server: standard input is of no use to it, and what it or a worker writes to a stream that was closed is
/// nobody's error. @throws std::system_error
void detach_standard_input();

/// Writes all of the text to standard output, now.
/// @return 0; 74 (EX_IOERR) if it could not be, which standard error has been told in `program`'s name
int print(std::string_view program, const std::string& text);

}  // namespace prefork::cli
