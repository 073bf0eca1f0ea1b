#include "framework/worker/service/lingering.hpp"

#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <exception>
#include <utility>

#include "framework/worker/service/runtime.hpp"
#include "ipc/posix/syscall.hpp"

namespace prefork::worker {

namespace {

constexpr std::uint32_t kEvents = EPOLLIN | EPOLLRDHUP | EPOLLET;
constexpr std::uint64_t kMomentMs = 20;
constexpr std::uint64_t kQuietMs = 2000;  // without movement: nothing of ours reaches the client, and nothing comes
                                          // from it
constexpr std::uint64_t kLongestMs = 30'000;
constexpr std::uint64_t kDrainMs = 1000;
constexpr std::uint64_t kMostBytes = std::uint64_t{256} * 1024 * 1024;
constexpr std::size_t kMostSockets = 4096;
constexpr unsigned kReadsPerTurn = 16;
constexpr std::uint32_t kSettledMs = 200;

// What the client has not acknowledged, in bytes.
std::uint64_t unsent(int fd) noexcept {
  int bytes = 0;
  return ::ioctl(fd, SIOCOUTQ, &bytes) == 0 && bytes > 0 ? static_cast<std::uint64_t>(bytes) : 0;
}

// The client has had our last byte for a while: no answer can be lost any more.
bool is_settled(int fd) noexcept {
  if (unsent(fd) > 0) return false;
  tcp_info info{};
  socklen_t length = offsetof(tcp_info, tcpi_last_ack_sent);  // no more is copied than was asked for
  return ::getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &length) != 0 || info.tcpi_last_data_sent >= kSettledMs;
}

}  // namespace

/// A socket whose client did not end within the first moment, or which has bytes to send.
class Lingering::Socket final : public EventHandler,
                                public Disposable,
                                public ListHook<Socket>,
                                private TimerWheel::Entry,
                                private Deferred {
 public:
  Socket(Lingering& owner, ipc::UniqueFd fd, std::string output) noexcept
      : owner_(owner),
        loop_(owner.runtime_.loop),
        fd_(std::move(fd)),
        output_(std::move(output)),
        began_ms_(loop_.ran_ms()),
        unsent_(all_unsent()) {}
  ~Socket() override { loop_.forget(*this); }

  /// @throws std::system_error
  void attach() {
    loop_.add(fd_.get(), output_.empty() ? kEvents : kEvents | EPOLLOUT, *this);
    wait(owner_.hurried_ ? kDrainMs : kQuietMs);
  }
  void hurry() noexcept {
    if (due_ms_ > loop_.ran_after(kDrainMs)) wait(kDrainMs);
  }
  void close() noexcept {
    if (!fd_.is_open()) return;
    disarm();
    loop_.remove(fd_.get());
    fd_.reset();
    unlink();
    --owner_.staying_count_;
    loop_.dispose(std::unique_ptr<Disposable>(this));
  }

 private:
  void wait(std::uint64_t ms) noexcept {
    due_ms_ = loop_.ran_after(ms);
    loop_.timers().arm(*this, loop_.tick_at(due_ms_));
  }

  std::uint64_t all_unsent() const noexcept { return unsent(fd_.get()) + output_.size(); }

  void on_events(std::uint32_t) override {
    if (!output_.empty()) send();
    discard();
  }
  /// Sends what the kernel had no room for, and then ends the sending side.
  void send() noexcept {
    const ssize_t n = ipc::retry_eintr([&] { return ::send(fd_.get(), output_.data(), output_.size(), MSG_NOSIGNAL); });
    if (n == -1 && errno != EAGAIN) return close();
    if (n > 0) output_.erase(0, static_cast<std::size_t>(n));
    if (!output_.empty()) return;
    if (input_over_) return close();
    ::shutdown(fd_.get(), SHUT_WR);
  }
  void run_deferred() override { discard(); }
  void discard() noexcept {
    if (!fd_.is_open()) return;
    for (unsigned i = 0; i < kReadsPerTurn; ++i) {
      const std::uint64_t before = bytes_;
      input_over_ = owner_.discard(fd_.get(), bytes_) == Rest::over;
      if (input_over_ && !output_.empty()) return;  // a client that has ended waits for its answer
      if (input_over_ || bytes_ > kMostBytes) return close();
      if (bytes_ == before) return;  // nothing more is there now
    }
    loop_.defer(*this);
  }

  void on_timer() override {
    if (due_ms_ > loop_.ran_ms()) return loop_.timers().arm(*this, loop_.tick_at(due_ms_));
    const std::uint64_t left = all_unsent();
    const bool moves = left < unsent_ || bytes_ > seen_;
    if (!moves || owner_.hurried_ || loop_.ran_ms() >= began_ms_ + kLongestMs) return close();
    unsent_ = left;
    seen_ = bytes_;
    wait(kQuietMs);
  }

  Lingering& owner_;
  EventLoop& loop_;  // may outlive the owner
  ipc::UniqueFd fd_;
  std::string output_;
  bool input_over_ = false;
  std::uint64_t began_ms_;  // this and the next are times of the loop's running clock
  std::uint64_t due_ms_ = 0;
  std::uint64_t unsent_;
  std::uint64_t bytes_ = 0;
  std::uint64_t seen_ = 0;
};

Lingering::~Lingering() {
  staying_.for_each([](Socket& socket) { socket.close(); });
}

void Lingering::take(ipc::UniqueFd fd, std::string unsent) noexcept {
  if (!unsent.empty()) {
    stay(std::move(fd), std::move(unsent));
    return make_room();
  }
  if (hurried_ && is_settled(fd.get())) {
    std::uint64_t bytes = 0;
    discard(fd.get(), bytes);
    return;
  }
  if (::shutdown(fd.get(), SHUT_WR) == -1) return;  // the client has gone
  try {
    fresh_.push_back(std::move(fd));
  } catch (const std::exception&) {
    return;
  }
  if (!armed()) runtime_.loop.timers().arm(*this, runtime_.loop.tick_after(kMomentMs));
  make_room();
}

bool Lingering::crowded() const noexcept {
  return count() > kMostSockets || count() + runtime_.connection_count > descriptors_;
}

void Lingering::close_oldest() noexcept {
  if (Socket* oldest = staying_.front()) return oldest->close();
  auto& oldest = aging_.empty() ? fresh_ : aging_;
  oldest.erase(oldest.begin());
}

void Lingering::on_timer() {
  for (ipc::UniqueFd& fd : aging_) {
    std::uint64_t bytes = 0;
    if (discard(fd.get(), bytes) == Rest::open) stay(std::move(fd));
  }
  aging_.clear();
  aging_.swap(fresh_);
  if (!aging_.empty()) runtime_.loop.timers().arm(*this, runtime_.loop.tick_after(kMomentMs));
}

void Lingering::stay(ipc::UniqueFd fd, std::string unsent) noexcept {
  try {
    auto socket = std::make_unique<Socket>(*this, std::move(fd), std::move(unsent));
    socket->attach();
    staying_.push_back(*socket.release());  // the loop destroys it after close()
    ++staying_count_;
  } catch (const std::exception&) {
    // Out of memory, or the kernel is: it is closed like others.
  }
}

void Lingering::hurry() noexcept {
  if (std::exchange(hurried_, true)) return;
  staying_.for_each([](Socket& socket) { socket.hurry(); });
}

/// Reads and discards at most one block.
Lingering::Rest Lingering::discard(int fd, std::uint64_t& bytes) noexcept {
  try {
    auto block = runtime_.blocks.lend();
    // TCP drops what it is asked to truncate, and copies nothing.
    const ssize_t n = ::recv(fd, block.get(), BlockPool::kBlockBytes, MSG_TRUNC);
    const int error = errno;
    runtime_.blocks.give_back(std::move(block));
    if (n > 0) bytes += static_cast<std::uint64_t>(n);
    return n > 0 || (n == -1 && (error == EAGAIN || error == EINTR)) ? Rest::open : Rest::over;
  } catch (const std::exception&) {
    return Rest::over;
  }
}

}  // namespace prefork::worker
