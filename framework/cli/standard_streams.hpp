#pragma once

#include <string>
#include <string_view>

/// Descriptors 0 to 2 of the two programs, and what they print.
namespace prefork::cli {

/// Opens /dev/null for those of the descriptors 0 to 2 that are closed, so that no socket or file of ours becomes one
/// of them. Writing to standard output then still fails: the exit code must say that nobody read it. Must be called
/// before anything else. @throws std::system_error
void fill_standard_streams();

/// For a server: detaches standard input, which it does not need, and makes writes to a stream that was closed succeed.
/// @throws std::system_error
void detach_standard_input();

/// Writes all of the text to standard output immediately.
/// @return 0; 74 (EX_IOERR) if that failed, after a message on standard error in `program`'s name
int print(std::string_view program, const std::string& text);

}  // namespace prefork::cli
