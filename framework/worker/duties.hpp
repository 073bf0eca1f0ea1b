#pragma once

#include <cstdint>

#include "framework/worker/loop/event_loop.hpp"
#include "framework/worker/master_link.hpp"
#include "framework/worker/net/blocking_stream.hpp"
#include "framework/worker/service/runtime.hpp"
#include "ipc/posix/unique_fd.hpp"

namespace prefork::worker {

class SharedWaits;

/// Decides what follows from the events that the duties notice.
class DutyOfficer {
 public:
  virtual void obey(const ipc::ControlMessage& order) = 0;
  virtual void master_died() = 0;
  virtual void asked_to_retire() = 0;      ///< SIGTERM was sent to the worker itself
  virtual void signalled(int number) = 0;  ///< SIGUSR1 or SIGUSR2 was sent to it
  virtual void every_second() = 0;

 protected:
  ~DutyOfficer() = default;
};

/// What a worker owes its master whatever its services do: it listens to the control pipe, to signals and to its bell,
/// and records heartbeats. It has an epoll of its own inside the event loop's, so that a blocking service can attend to
/// the duties without running the loop.
class Duties final : public EventHandler, public BlockingDuties, private TimerWheel::Entry {
 public:
  /// @param bell_fd  the waiting end of the worker's own wake-up
  Duties(Runtime& runtime, MasterLink& link, int bell_fd, SharedWaits& waits, DutyOfficer& officer);

  /// Makes sure that the loop turns at that tick.
  void wake_at(std::uint64_t tick);

  int duty_fd() const noexcept override { return epoll_.get(); }
  void attend() override;

 private:
  void on_events(std::uint32_t) override { attend(); }
  void on_timer() override;
  void beat() noexcept;
  void hear_bell();
  void drain_control();
  void drain_signals();

  struct Alarm final : TimerWheel::Entry {
    void on_timer() override {}
  };

  Runtime& runtime_;
  MasterLink& link_;
  DutyOfficer& officer_;
  SharedWaits& waits_;
  int bell_fd_;
  ipc::UniqueFd epoll_;
  Alarm alarm_;
  bool master_alive_ = true;
};

}  // namespace prefork::worker
