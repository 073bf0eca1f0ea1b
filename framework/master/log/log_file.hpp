#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "ipc/posix/unique_fd.hpp"

namespace prefork::master {

/// A file, a FIFO, or standard error, whatever that leads to, which lines are appended to. No line is left torn: of one
/// that was written in part the rest is kept, and written before anything else.
class LogFile {
 public:
  /// Whether append() may wait for who reads. The master must not, a process that does nothing else may.
  enum class Patience : std::uint8_t { none, waits };

  /// Opens nothing. @param target  "stderr" or a path
  LogFile(std::string target, Patience patience);

  /// Opens the target, or opens it anew after a rotation; a file is made with mode 0640. In a folder that others may
  /// write to, links of theirs are refused. On failure the old one stays in use. Blocks: never, also where nobody reads
  /// a FIFO, which is an error. @return false: the rest of a line that the old one has in part could not be written,
  /// and is lost.
  /// @throws std::system_error "open PATH: ..."
  bool open();

  /// Appends whole lines, of kMaxLogLine at most. Where nothing is open it tries to open first.
  /// @return how many bytes are written, or will be: whole lines. Less than all: error() says why.
  std::size_t append(std::string_view lines) noexcept;
  /// Writes what is left of a line. @return whether nothing is left.
  bool complete() noexcept;
  bool is_complete() const noexcept { return rest_.empty(); }
  int error() const noexcept { return error_; }
  /// The file that is open, not standard error.
  bool is_open() const noexcept { return way_ != Way::none; }

 private:
  enum class Way : std::uint8_t {
    none,
    direct,  ///< of which we have an open file of our own, or which never blocks
    socket,
    polled,  ///< a pipe or terminal that is shared and could not be opened for ourselves
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
