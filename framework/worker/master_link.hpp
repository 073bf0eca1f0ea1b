#pragma once

#include "framework/worker/service/runtime.hpp"
#include "ipc/contract/contract.hpp"
#include "ipc/posix/pipe.hpp"

namespace prefork::worker {

/// A worker's end of its two pipes to the master. Nothing here blocks.
class MasterLink final : public LogSink {
 public:
  MasterLink(int control_fd, int status_fd, ipc::WorkerSlot& slot) noexcept
      : control_fd_(control_fd), status_fd_(status_fd), slot_(slot) {}

  /// Sends what the master must know. If log lines fill the pipe it waits for the master, for at most a second.
  void say(ipc::StatusKind kind, std::string_view text = {});
  /// A line that does not fit into the pipe is dropped and counted; without a master it goes to stderr.
  void log(LogLevel level, std::string_view line) override { send_log(level, line, 0, {}); }
  void log_of(const ServiceHost& service, LogLevel level, std::string_view line) override;

  /// The next control message. `closed`: the master is dead.
  struct Order {
    enum class Kind { none, message, closed } kind;
    ipc::ControlMessage message{};
  };
  Order receive();
  int control_fd() const noexcept { return control_fd_; }

 private:
  void send_log(LogLevel level, std::string_view line, std::uint8_t service, std::string_view name);
  ipc::SendResult send(const ipc::StatusMessage& message);

  int control_fd_;
  int status_fd_;
  ipc::WorkerSlot& slot_;
};

}  // namespace prefork::worker
