#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "ipc/contract/contract.hpp"

/// What a worker says when it dies by a fault of its own or is aborted: one line of the log with the signal and a
/// backtrace. Everything that runs in the signal's handler allocates nothing, takes no lock and is bounded.
namespace prefork::worker {

/// A line of text in a room of its own; what does not fit is cut. Async-signal-safe.
class BoundedLine {
 public:
  BoundedLine& text(std::string_view words) noexcept;
  BoundedLine& decimal(std::uint64_t number) noexcept;
  /// "0x1f"
  BoundedLine& hex(std::uint64_t number) noexcept;
  std::string_view view() const noexcept { return {bytes_.data(), length_}; }

 private:
  std::array<char, ipc::kMaxStatusText> bytes_;
  std::size_t length_ = 0;
};

/// From now on SIGABRT, SIGSEGV, SIGBUS, SIGFPE and SIGILL are told of as a log line to `status_fd`, or to standard
/// error where the master takes no more, and then have their default action: the wait status and the core are those
/// of the fault. Called once in a worker, before its isolation. Source: signal-safety(7), sigaltstack(2).
/// @throws std::system_error
void prepare_last_words(int status_fd);

/// Names a library for backtraces: a plugin comes from a copy without a path. More than a few keep the names that
/// the loader gives.
/// @param inside  any address of the library
/// @param name  a path's last part is taken
void name_library(const void* inside, std::string_view name) noexcept;

/// Appends `moody.so+0x12ab`, which addr2line(1) takes, or the bare address where no library is. Async-signal-safe.
void append_place(BoundedLine& line, const void* address) noexcept;

}  // namespace prefork::worker
