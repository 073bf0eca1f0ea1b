#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

/// What preforkctl makes of the master's answers (framework/master/report/status_report.hpp and shared_report.hpp).
/// Pure. A member that an older master does not send is shown as nothing; members that a newer one adds are left out.
namespace prefork::cli {

/// An answer line as far as every command needs it.
struct Answer {
  bool ok = false;
  std::string message;  ///< a sentence for people: why it was refused, or what was done; may be empty
  int exit_code = 0;    ///< for preforkctl
};

/// Whatever the line is: what is no answer is a refusal with exit code 70 that says so.
Answer read_answer(std::string_view line);

/// The texts below take the line of an answer that is `ok`.
/// @param width of the terminal in columns; zero: no limit.
std::string status_text(std::string_view line, std::size_t width);
std::string workers_text(std::string_view line, std::size_t width);
std::string ipc_text(std::string_view line, std::size_t width);
std::string dead_letters_text(std::string_view line, std::size_t width);
/// @return the answer indented, in the master's order, without its "ok".
std::string json_text(std::string_view line);

}  // namespace prefork::cli
