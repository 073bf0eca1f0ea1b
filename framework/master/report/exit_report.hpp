#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

/// The log line that reports a worker's end. Pure.
namespace prefork::master {

/// What the master had to do with the end.
enum class ExitIntent : std::uint8_t {
  unexpected,         ///< nothing
  drained_itself,     ///< the worker had announced that it retires
  retired,            ///< told to retire or to finish
  stopped,            ///< told to stop at once
  aborted_boot,       ///< SIGABRT: it was not ready in time
  aborted_heartbeat,  ///< SIGABRT: no heartbeat
  aborted_request,    ///< SIGABRT: a request-timeout has passed, and it did nothing else
  killed_stuck,       ///< SIGKILL: it did not end when it was told to, or was aborted
  killed_wanted,      ///< SIGKILL: an operator's last resort
};

struct ExitFacts {
  std::string_view pool;
  unsigned index = 0;  ///< within the pool
  pid_t pid = 0;
  std::uint64_t generation = 0;
  int wait_status = 0;  ///< as waitpid(2) returned it
  std::chrono::milliseconds uptime{0};
  bool was_ready = false;
  ExitIntent intent = ExitIntent::unexpected;
  std::string_view start_error;              ///< the text of its `cannot_start` message, if it sent one
  std::optional<std::string_view> activity;  ///< what it was serving, from shared memory: any bytes
  std::chrono::milliseconds activity_for{0};
};

/// @return a line without its line end: `worker main/0 (pid 4711, generation 1) killed by SIGSEGV (core dumped) after
/// 3h 2m; it was serving hello: GET /x for 12 ms`. Whatever the worker wrote is bounded and escaped.
std::string exit_report(const ExitFacts& facts);

/// @return whether the master has sent SIGABRT
constexpr bool is_abort(ExitIntent intent) noexcept {
  return intent == ExitIntent::aborted_boot || intent == ExitIntent::aborted_heartbeat ||
         intent == ExitIntent::aborted_request;
}

/// @return why a worker was aborted: "has no heartbeat"
std::string_view abort_reason(ExitIntent intent) noexcept;

/// Whether the master, the operator or the worker announced the end: for the log level.
bool is_expected(const ExitFacts& facts) noexcept;

/// @return the meaning of an exit code of the contract (ipc/contract/contract.hpp); empty for other codes
std::string_view exit_code_meaning(int code) noexcept;

}  // namespace prefork::master
