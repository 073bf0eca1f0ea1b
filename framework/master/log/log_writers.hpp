#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "framework/master/log/handed_writer.hpp"
#include "framework/master/log/log.hpp"
#include "framework/master/log/log_writer.hpp"
#include "framework/master/loop/clock.hpp"
#include "framework/master/loop/reactor.hpp"
#include "framework/master/report/status_report.hpp"
#include "ipc/memory/patience.hpp"
#include "ipc/posix/pipe.hpp"
#include "ipc/posix/unique_fd.hpp"

namespace prefork::master {

/// The processes that write access logs: one per file, with a pipe that all workers write to. Workers never wait for a
/// disk. Whichever process is killed, the pipe and its contents stay with the master.
class LogWriters {
 public:
  LogWriters(Log& log, Reactor& reactor) noexcept : log_(log), reactor_(reactor) {}
  LogWriters(const LogWriters&) = delete;
  LogWriters& operator=(const LogWriters&) = delete;

  /// Opens a file that no writer has yet, so that a fault is reported at the start. May block (the file).
  /// @throws std::system_error
  void check(const std::string& path) const;
  /// Makes the pipe for a file or "stderr"; the same path gets the same pipe. @return the write end, non-blocking,
  /// which stays the master's. @throws std::system_error
  int pipe_for(const std::string& path);
  /// Writes a line of the master itself to a file's pipe, as a worker does. It is dropped and counted as lost if the
  /// pipe has no room, or the kernel does not let it be reopened. Blocks: never, whatever workers did to the pipe.
  void append(const std::string& path, std::string_view line);
  /// For an upgrade: what exists, and how the other program of this process takes it over.
  std::vector<HandedWriter> hand_over() const;
  const std::map<std::string, std::uint64_t>& lost() const noexcept { return lost_; }
  void adopt(const HandedWriter& writer);
  void adopt_lost(std::map<std::string, std::uint64_t> lost) { lost_ = std::move(lost); }

  /// The writers of all other files write what workers still put into their pipes, and end.
  void keep_only(const std::set<std::string>& paths);
  /// Forks the missing writers, except those that died just now.
  void tend(TimePoint now);
  std::optional<TimePoint> next_deadline() const;
  /// A child of the master was reaped. @return whether it was a writer
  bool buried(pid_t pid, int wait_status, TimePoint now);
  /// Makes the writers reopen their files. Blocks: never, except on a file system that blocks.
  void reopen() noexcept;
  /// No worker is left: the writers write what is in their pipes, and end. Blocks until then, at most `limit`.
  void finish(std::chrono::milliseconds limit) noexcept;
  /// The files being written, and for each path how many lines were lost since the server's start.
  std::vector<AccessLogStatus> report() const;

 private:
  struct Writer {
    std::string path;
    ipc::PacketPipe reports;
    int error = 0;               ///< why the file can't be written; zero: it can
    std::uint64_t lost_now = 0;  ///< lines lost since then
    ipc::UniqueFd read_end;
    ipc::UniqueFd write_end;
    ipc::UniqueFd pidfd;
    pid_t pid = -1;
    TimePoint not_before{};
    bool leaving = false;  ///< ends with the last worker that writes to it
  };

  void start(Writer& writer);
  void watch(Writer& writer);
  static bool ends_within(Writer& writer, ipc::Patience& patience) noexcept;
  void hear(Writer& writer);
  void take(Writer& writer, const LogWriterReport& report);

  Log& log_;
  Reactor& reactor_;
  std::vector<std::unique_ptr<Writer>> writers_;
  std::map<std::string, std::uint64_t> lost_;  ///< lines by path, including those of writers that have gone
  bool finishing_ = false;
};

}  // namespace prefork::master
