#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

/// Formats the master's answers for preforkctl (framework/master/report/status_report.hpp and shared_report.hpp). Pure.
/// A member that an older master does not send is shown as empty; members that a newer one adds are left out.
namespace prefork::cli {

/// The parts of an answer line that every command needs.
struct Answer {
  bool ok = false;
  std::string message;  ///< a sentence for people: why it was refused, or what was done; may be empty
  int exit_code = 0;    ///< for preforkctl to exit with
};

/// Accepts any line: one that is no answer becomes a refusal with exit code 70 that says so.
Answer read_answer(std::string_view line);

/// The functions below take the line of an answer that is `ok`.
/// @param width  of the terminal in columns; zero: no limit
std::string status_text(std::string_view line, std::size_t width);
std::string workers_text(std::string_view line, std::size_t width);
std::string ipc_text(std::string_view line, std::size_t width);
std::string dead_letters_text(std::string_view line, std::size_t width);
/// @return the answer indented, in the master's order, without its "ok"
std::string json_text(std::string_view line);

}  // namespace prefork::cli
