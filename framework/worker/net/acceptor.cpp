#include "framework/worker/net/acceptor.hpp"

#include <netinet/in.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <exception>
#include <system_error>
#include <utility>

#include "ipc/posix/syscall.hpp"

namespace prefork::worker {

namespace {

constexpr std::uint64_t kShareMoment = 5;        // ms for which a worker with too many connections steps back
constexpr std::uint64_t kExhaustedMoment = 100;  // ms until descriptors or memory are tried again
constexpr std::uint64_t kLeaveMs = 1000;         // ms for what waits in backlogs that nobody accepts from afterwards
constexpr std::uint64_t kNewMoment = 1000;       // ms for which clients of a new worker may have waited
constexpr unsigned kTakenPerTurn = 16;
constexpr unsigned kMostAtOnce = 8;
constexpr std::uint64_t kStaleHeartbeatNs = 3'000'000'000;

// Trouble of that one connection, which ends with it; accept(2) passes network errors on. After any other error (short
// of descriptors or memory, refused by a security module) it stays in the backlog.
bool concerns_one_connection(int error) {
  switch (error) {
    case EAGAIN:
    case EINTR:
    case ECONNABORTED:
    case ENETDOWN:
    case EPROTO:
    case ENOPROTOOPT:
    case EHOSTDOWN:
    case ENONET:
    case EHOSTUNREACH:
    case EOPNOTSUPP:
    case ENETUNREACH:
      return true;
    default:
      return false;
  }
}

// Whether it is closed for good, so that no answer can reach anybody: reset, or closed on both sides if that can be
// told (unix). A TCP client that has only sent its last byte may still wait for its answer.
bool is_gone(int fd) noexcept {
  pollfd end{fd, 0, 0};
  return ::poll(&end, 1, 0) == 1 && (end.revents & (POLLHUP | POLLERR)) != 0;
}

}  // namespace

std::size_t FairShare::allowance(std::size_t total, std::size_t workers) noexcept {
  const std::size_t mean = total / workers;
  return mean + 1 + std::min<std::size_t>(mean / 16, 6);
}

bool FairShare::exceeded() const noexcept {
  const ipc::Seat& own = seats_[own_];
  const auto now = own.heartbeat_ns.load(std::memory_order_relaxed);
  std::size_t total = own.connections.load(std::memory_order_relaxed);
  std::size_t workers = 1;
  for (std::size_t i = 0; i < seats_.slots(); ++i) {
    const ipc::Seat& seat = seats_[i];
    // Only workers that can accept count: otherwise a stuck or leaving one would make all others turn clients away.
    if (i == own_ || seat.state.load(std::memory_order_relaxed) != ipc::SeatState::accepting ||
        seat.heartbeat_ns.load(std::memory_order_relaxed) + kStaleHeartbeatNs < now) {
      continue;
    }
    total += seat.connections.load(std::memory_order_relaxed);
    ++workers;
  }
  return workers > 1 && own.connections.load(std::memory_order_relaxed) > allowance(total, workers);
}

class Acceptor::Listener final : public EventHandler {
 public:
  Listener(Acceptor& owner, int fd, std::string address, std::unique_ptr<Protocol> protocol)
      : owner_(owner), fd_(fd), address_(std::move(address)), protocol_(std::move(protocol)) {}

  void on_events(std::uint32_t) override { owner_.accept_from(*this); }
  int fd() const noexcept { return fd_; }
  const std::string& address() const noexcept { return address_; }
  Protocol& protocol() const noexcept { return *protocol_; }

 private:
  Acceptor& owner_;
  int fd_;
  std::string address_;
  std::unique_ptr<Protocol> protocol_;
};

Acceptor::Acceptor(Runtime& runtime, FairShare share, std::size_t max_connections)
    : runtime_(runtime), share_(share), max_connections_(max_connections) {}

Acceptor::~Acceptor() { runtime_.loop.forget(*this); }

void Acceptor::add(int fd, std::string address, std::unique_ptr<Protocol> protocol) {
  listeners_.push_back(std::make_unique<Listener>(*this, fd, std::move(address), std::move(protocol)));
}

void Acceptor::arm() {
  if (armed_ || stopped_) return;
  for (auto& listener : listeners_) runtime_.loop.add(listener->fd(), EPOLLIN | EPOLLEXCLUSIVE, *listener);
  armed_ = true;
  if (new_until_ms_ == 0) new_until_ms_ = runtime_.loop.now_ms() + kNewMoment;
  runtime_.slot.full.store(false, std::memory_order_relaxed);
  stepped_back_ = false;
  disarm();
}

void Acceptor::stop() noexcept {
  if (std::exchange(armed_, false)) {
    for (auto& listener : listeners_) runtime_.loop.remove(listener->fd());
  }
  disarm();
  stepped_back_ = false;
  stopped_ = true;
}

void Acceptor::finish() noexcept {
  for (auto& listener : listeners_) listener->protocol().finish();
}

void Acceptor::pause(std::uint64_t ms) noexcept {
  if (!std::exchange(armed_, false)) return;
  for (auto& listener : listeners_) runtime_.loop.remove(listener->fd());
  runtime_.slot.full.store(ms == kExhaustedMoment, std::memory_order_relaxed);
  runtime_.slot.add(ipc::Counter::accept_pauses);
  runtime_.loop.timers().arm(*this, runtime_.loop.tick_after(ms));
}

bool Acceptor::is_full() const noexcept {
  return max_connections_ != 0 && runtime_.connection_count >= max_connections_;
}

void Acceptor::take_waiting(ipc::UniqueFd fd) {
  const auto known =
      std::find_if(listeners_.begin(), listeners_.end(), [&](const auto& one) { return one->fd() == fd.get(); });
  if (known == listeners_.end()) return;  // told to leave before it had begun to serve
  leaving_.push_back({std::move(fd), known->get()});
  leave_by_ms_ = runtime_.loop.ran_after(kLeaveMs);
  runtime_.loop.defer(*this);
}

void Acceptor::run_deferred() {
  bool later = false;
  std::erase_if(leaving_, [&](const Leaving& one) {
    for (unsigned i = 0; i < kTakenPerTurn; ++i) {
      if (runtime_.loop.ran_ms() >= leave_by_ms_) return true;
      const Taken taken = is_full() ? Taken::not_now : accept_one(*one.listener);
      if (taken == Taken::none) return true;
      later = later || taken == Taken::not_now;
      if (taken == Taken::not_now) break;
    }
    return false;
  });
  if (leaving_.empty()) return;
  if (later) {
    runtime_.loop.timers().arm(*this, runtime_.loop.tick_after(kShareMoment));
  } else {
    runtime_.loop.defer(*this);
  }
}

void Acceptor::on_timer() {
  if (!leaving_.empty()) return runtime_.loop.defer(*this);
  if (is_full()) {
    runtime_.loop.timers().arm(*this, runtime_.loop.tick_after(kExhaustedMoment));
    return;
  }
  arm();
}

Acceptor::Taken Acceptor::accept_one(Listener& listener) {
  sockaddr_storage address{};
  socklen_t length = sizeof address;
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  ipc::UniqueFd fd(::accept4(listener.fd(), generic, &length, SOCK_NONBLOCK | SOCK_CLOEXEC));
  if (!fd.is_open()) {
    if (errno == EAGAIN) return Taken::none;
    return concerns_one_connection(errno) ? Taken::one : Taken::not_now;
  }
  // A call that other clients are spared.
  const bool may_be_gone = runtime_.loop.now_ms() < new_until_ms_ || runtime_.loop.came_late();
  if (may_be_gone && is_gone(fd.get())) return Taken::one;
  try {
    listener.protocol().open(std::move(fd), PeerAddress(generic, length));
  } catch (const std::exception& error) {
    runtime_.log.log(LogLevel::error, listener.address() + ": a connection was refused: " + error.what());
    return Taken::not_now;
  }
  runtime_.lingering.make_room();
  return Taken::one;
}

void Acceptor::accept_from(Listener& listener) {
  for (unsigned left = burst_; left > 0 && armed_; --left) {
    const Taken taken = accept_one(listener);
    if (!armed_) return;  // a blocking call has been told to leave
    if (taken == Taken::none) {
      burst_ = 1;
      return;
    }
    if (taken == Taken::not_now || is_full()) return pause(kExhaustedMoment);
    if (share_.exceeded()) {
      pause(kShareMoment);
      stepped_back_ = true;
      return;
    }
  }
  burst_ = std::min(2 * burst_, kMostAtOnce);
}

}  // namespace prefork::worker
