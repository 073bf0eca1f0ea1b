#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "framework/worker/loop/event_loop.hpp"
#include "framework/worker/loop/intrusive_list.hpp"
#include "framework/worker/loop/timer_wheel.hpp"
#include "ipc/posix/unique_fd.hpp"

namespace prefork::worker {

struct Runtime;

/// The sockets of connections that are over, until their clients are through with them.
///
/// A socket that is closed while its client sends, or before it sends, is answered with a reset by the kernel, which
/// takes what the client has not read yet with it (RFC 9112 9.6). So the sending side alone is shut; what still comes
/// is read and dropped; the socket closes when the client has ended too, or its time is over.
///
/// Most clients end at once. So a socket is looked at after a moment or two, together with the others of its moment,
/// and only the one whose client is still there enters the event loop.
class Lingering final : private TimerWheel::Entry {
 public:
  explicit Lingering(Runtime& runtime) noexcept : runtime_(runtime) {}
  Lingering(const Lingering&) = delete;
  Lingering& operator=(const Lingering&) = delete;
  ~Lingering();

  /// Takes over a non-blocking stream socket whose last bytes have been handed to the kernel.
  void take(ipc::UniqueFd fd) noexcept;
  /// How many there are.
  std::size_t count() const noexcept { return fresh_.size() + aging_.size() + staying_count_; }
  /// From now on there are no more than `descriptors` together with the connections that are open: beyond that the
  /// oldest is closed. Beyond a few thousand it is in any case.
  void share(std::size_t descriptors) noexcept { descriptors_ = descriptors; }
  /// Closes the oldest where the connections that are open need their descriptors.
  void make_room() noexcept {
    while (count() > 0 && crowded()) close_oldest();
  }
  /// The worker is on its way out: none has more than a short time from now on.
  void hurry() noexcept;

 private:
  class Socket;
  enum class Rest : std::uint8_t { over, open };

  void on_timer() override;
  bool crowded() const noexcept;
  void close_oldest() noexcept;
  void stay(ipc::UniqueFd fd) noexcept;
  Rest discard(int fd, std::uint64_t& bytes) noexcept;

  Runtime& runtime_;
  std::vector<ipc::UniqueFd> fresh_;  // of the present moment
  std::vector<ipc::UniqueFd> aging_;  // of the one before
  List<Socket> staying_;              // the oldest first
  std::size_t staying_count_ = 0;
  std::size_t descriptors_ = SIZE_MAX;
  bool hurried_ = false;
};

}  // namespace prefork::worker
