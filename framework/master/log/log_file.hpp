#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "ipc/posix/unique_fd.hpp"

namespace prefork::master {

/// A file, a FIFO or standard error, whatever that leads to, to which lines are appended. No line stays torn: the rest
/// of a line that was partly written is kept and written before anything else.
class LogFile {
 public:
  /// Whether append() may wait for a reader. The master must not; a process that does nothing else may.
  enum class Patience : std::uint8_t { none, waits };

  /// Opens nothing. @param target  "stderr" or a path
  LogFile(std::string target, Patience patience);

  /// Opens the target, or reopens it after a rotation; a new file gets mode 0640. In a folder that others may write to,
  /// their links are refused. On failure the old file stays in use. Blocks: never; a FIFO that nobody reads is an
  /// error. @return false: the rest of a line that the old file has in part could not be written, and is lost
  /// @throws std::system_error "open PATH: ..."
  bool open();

  /// Appends whole lines, at most kMaxLogLine bytes. If nothing is open it tries to open first.
  /// @return how many bytes are written or will be: whole lines. If fewer than all, error() says why.
  std::size_t append(std::string_view lines) noexcept;
  /// Writes the rest of a line. @return whether nothing is left
  bool complete() noexcept;
  bool is_complete() const noexcept { return rest_.empty(); }
  int error() const noexcept { return error_; }
  /// Whether a file is open; standard error does not count as one.
  bool is_open() const noexcept { return way_ != Way::none; }

 private:
  enum class Way : std::uint8_t {
    none,
    direct,  ///< opened by ourselves, or never blocks
    socket,
    polled,  ///< a shared pipe or terminal that could not be opened for ourselves
  };

  void open_stderr();
  std::size_t put(std::string_view bytes) noexcept;
  long put_once(std::string_view bytes) noexcept;
  int fd() const noexcept;

  std::string target_;
  Patience patience_;
  ipc::UniqueFd file_;
  Way way_ = Way::none;
  std::string rest_;
  int error_ = 0;
};

}  // namespace prefork::master
