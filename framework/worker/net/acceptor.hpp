#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "framework/worker/loop/event_loop.hpp"
#include "framework/worker/net/protocol.hpp"
#include "framework/worker/service/runtime.hpp"
#include "ipc/posix/unique_fd.hpp"

namespace prefork::worker {

/// What a worker knows about the other workers of its pool when it decides whether to accept.
class FairShare {
 public:
  /// @param own  the worker's own slot
  FairShare(const ipc::Seats& seats, std::size_t own) noexcept : seats_(seats), own_(own) {}

  /// Whether the worker holds more connections than its share, and another worker can take the next one.
  bool exceeded() const noexcept;

  /// The most that a worker may hold if `total` connections are spread over `workers`: the mean and a little more,
  /// since disarming for each small difference would cost more than the difference.
  static std::size_t allowance(std::size_t total, std::size_t workers) noexcept;

 private:
  const ipc::Seats& seats_;
  std::size_t own_;
};

/// Accepts on a worker's shared listening sockets.
///
/// The kernel wakes one waiting worker per connection (EPOLLEXCLUSIVE), the first that registered. A worker that holds
/// more than its share takes its listeners out of the loop for a moment, which also puts it at the end of that order. A
/// worker that was woken always accepts: the wake-up does not pass to another. If it finds that others wait behind the
/// first it takes a few at a time, as long as its share allows it. If the worker is new or late, a connection whose
/// client has gone before it was accepted is closed, and no service learns of it: only such workers keep clients
/// waiting for that long.
class Acceptor final : private TimerWheel::Entry, private Deferred {
 public:
  Acceptor(Runtime& runtime, FairShare share, std::size_t max_connections);
  ~Acceptor();

  /// @param fd  a listening, non-blocking socket; it stays the caller's
  void add(int fd, std::string address, std::unique_ptr<Protocol> protocol);
  /// Begins to accept. @throws std::system_error
  void arm();
  /// Stops for good without closing anything: the sockets are the caller's.
  void stop() noexcept;
  /// Must be called after stop(), for a listener that nobody else accepts from: takes what waits in its backlog, for at
  /// most a second, and then closes it. A connection that is left there when the last process that has the socket
  /// closes it is reset.
  void take_waiting(ipc::UniqueFd fd);
  /// Whether take_waiting() is still at work.
  bool takes_waiting() const noexcept { return !leaving_.empty(); }
  /// Tells the protocols that the worker is about to end.
  void finish() noexcept;
  /// Must be called once per turn: a worker that stepped back accepts again as soon as its share allows it.
  void reconsider() {
    if (stepped_back_ && !share_.exceeded()) arm();
  }

 private:
  class Listener;
  enum class Taken : std::uint8_t { one, none, not_now };
  struct Leaving {
    ipc::UniqueFd fd;
    Listener* listener;
  };

  void accept_from(Listener& listener);
  Taken accept_one(Listener& listener);
  bool is_full() const noexcept;
  void run_deferred() override;
  void pause(std::uint64_t ms) noexcept;
  void on_timer() override;

  Runtime& runtime_;
  FairShare share_;
  std::size_t max_connections_;
  std::vector<std::unique_ptr<Listener>> listeners_;
  std::vector<Leaving> leaving_;
  std::uint64_t leave_by_ms_ = 0;
  unsigned burst_ = 1;  // how many are taken at a time, while there are so many
  bool armed_ = false;
  bool stepped_back_ = false;  // paused because of its share, not for lack of resources
  bool stopped_ = false;
  std::uint64_t new_until_ms_ = 0;  // of the loop's clock: a replacement finds clients that waited for its predecessor
};

}  // namespace prefork::worker
