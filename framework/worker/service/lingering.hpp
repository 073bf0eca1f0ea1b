#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "framework/worker/loop/event_loop.hpp"
#include "framework/worker/loop/intrusive_list.hpp"
#include "framework/worker/loop/timer_wheel.hpp"
#include "ipc/posix/unique_fd.hpp"

namespace prefork::worker {

struct Runtime;

/// The sockets of finished connections, until their clients have finished too.
///
/// If a socket is closed while its client still sends, or before it sends, the kernel answers with a reset, which
/// destroys whatever the client has not read yet (RFC 9112 9.6). So only the sending side is shut down; what still
/// arrives is read and dropped. The socket closes when the client has ended too, or its time is up.
///
/// Most clients end at once. So sockets are looked at together, a moment or two after they came, and only one whose
/// client is still there enters the event loop.
class Lingering final : private TimerWheel::Entry {
 public:
  explicit Lingering(Runtime& runtime) noexcept : runtime_(runtime) {}
  Lingering(const Lingering&) = delete;
  Lingering& operator=(const Lingering&) = delete;
  ~Lingering();

  /// Takes over a non-blocking stream socket.
  /// @param unsent  its last bytes, if the kernel had no room for them; usually none
  void take(ipc::UniqueFd fd, std::string unsent = {}) noexcept;
  /// How many sockets it has.
  std::size_t count() const noexcept { return fresh_.size() + aging_.size() + staying_count_; }
  /// Limits the lingering and the open connections together to `descriptors` from now on: beyond that the oldest
  /// lingering socket is closed. Beyond a few thousand it is closed in any case.
  void share(std::size_t descriptors) noexcept { descriptors_ = descriptors; }
  /// Closes the oldest sockets if the open connections need their descriptors.
  void make_room() noexcept {
    while (count() > 0 && crowded()) close_oldest();
  }
  /// The worker is about to exit: no socket stays for more than a short time from now on.
  void hurry() noexcept;

 private:
  class Socket;
  enum class Rest : std::uint8_t { over, open };

  void on_timer() override;
  bool crowded() const noexcept;
  void close_oldest() noexcept;
  void stay(ipc::UniqueFd fd, std::string unsent = {}) noexcept;
  Rest discard(int fd, std::uint64_t& bytes) noexcept;

  Runtime& runtime_;
  std::vector<ipc::UniqueFd> fresh_;  // of the present moment
  std::vector<ipc::UniqueFd> aging_;  // of the previous moment
  List<Socket> staying_;              // the oldest first
  std::size_t staying_count_ = 0;
  std::size_t descriptors_ = SIZE_MAX;
  bool hurried_ = false;
};

}  // namespace prefork::worker
