#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "ipc/contract/contract.hpp"

/// What a worker logs when it dies by its own fault or is aborted: one line with the signal and a backtrace. Everything
/// that runs in the signal handler allocates nothing, takes no lock and is bounded.
namespace prefork::worker {

/// A line of text with its own fixed buffer; what does not fit is cut. Async-signal-safe.
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

/// From now on SIGABRT, SIGSEGV, SIGBUS, SIGFPE and SIGILL are reported as a log line to `status_fd`, or to standard
/// error if the master takes no more, and then have their default action: wait status and core are those of the fault.
/// Must be called once in a worker, before its isolation. Source: signal-safety(7), sigaltstack(2).
/// @throws std::system_error
void prepare_last_words(int status_fd);

/// Names a library for backtraces: a plugin is loaded from a copy without a path. Only a few can be named; further ones
/// keep the loader's names.
/// @param inside  any address of the library
/// @param name  only the last part of a path is used
void name_library(const void* inside, std::string_view name) noexcept;

/// Appends `moody.so+0x12ab`, which addr2line(1) takes, or the bare address if it is in no library. Async-signal-safe.
void append_place(BoundedLine& line, const void* address) noexcept;

}  // namespace prefork::worker
