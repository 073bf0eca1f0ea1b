#include "framework/worker/net/stream_connection.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <string>
#include <system_error>
#include <utility>

#include "ipc/posix/check.hpp"
#include "ipc/posix/syscall.hpp"

namespace prefork::worker {

namespace {

constexpr std::uint32_t kReadEvents = EPOLLIN | EPOLLRDHUP | EPOLLET;
constexpr std::uint32_t kEndEvents = EPOLLRDHUP | EPOLLHUP | EPOLLERR;
constexpr std::chrono::milliseconds kLastMoment{1000};

}  // namespace

StreamConnection::StreamConnection(ServiceHost& host, ipc::UniqueFd fd, const PeerAddress& peer)
    : host_(host), id_(host.runtime().next_connection_id++), fd_(std::move(fd)), peer_(peer) {
  host_.runtime().connection_opened(*this);
}

StreamConnection::~StreamConnection() {
  rest(false);
  host_.runtime().loop.forget(*this);
  release_block();
  unlink();
  if (stage_ != Stage::closed) host_.runtime().connection_closed();
}

void StreamConnection::attach() {
  if (stage_ == Stage::closed) return;
  attached_ = true;
  try {
    host_.runtime().loop.add(fd_.get(), watches_writable_ ? kReadEvents | EPOLLOUT : kReadEvents, *this);
  } catch (const std::system_error& error) {
    host_.runtime().log.log(LogLevel::error, std::string("a connection is closed: ") + error.what());
    on_broken();
  }
}

void StreamConnection::close() noexcept {
  if (stage_ == Stage::closed) return;
  leave();
  fd_.reset();
}

ipc::UniqueFd StreamConnection::release() noexcept {
  PREFORK_CHECK(stage_ == Stage::open);
  leave();
  return std::move(fd_);
}

void StreamConnection::leave() noexcept {
  stage_ = Stage::closed;
  disarm();
  // Closing alone would not take it out of epoll while a child that the service has forked still holds it.
  if (attached_) host_.runtime().loop.remove(fd_.get());
  unlink();
  host_.runtime().connection_closed();
  host_.runtime().loop.dispose(std::unique_ptr<Disposable>(this));
}

StreamConnection::Received StreamConnection::receive() {
  PREFORK_CHECK(stage_ == Stage::open);
  if (!input_ready_) return Received::would_block;
  if (!block_) block_ = host_.runtime().blocks.lend();
  const std::size_t room = block_room();
  PREFORK_CHECK(room > 0);
  const ssize_t n = ipc::retry_eintr([&] { return ::recv(fd_.get(), block_.get() + used_, room, 0); });
  if (n > 0) {
    const auto count = static_cast<std::size_t>(n);
    used_ += static_cast<std::uint32_t>(count);
    if (count < room && !peer_ended_) input_ready_ = false;
    host_.runtime().slot.add(ipc::Counter::bytes_in, count);
    return Received::data;
  }
  if (n == -1 && errno == EAGAIN) {
    input_ready_ = false;
    if (used_ == 0) release_block();
    return Received::would_block;
  }
  input_finished_ = true;
  return Received::end;
}

std::uint32_t StreamConnection::waited_ms() const noexcept {
  tcp_info info{};
  socklen_t length = offsetof(tcp_info, tcpi_last_ack_recv);  // no more than is asked for is copied
  return ::getsockopt(fd_.get(), IPPROTO_TCP, TCP_INFO, &info, &length) == 0 ? info.tcpi_last_data_recv : 0;
}

std::size_t StreamConnection::unread_bytes() const noexcept {
  int bytes = 0;
  return ::ioctl(fd_.get(), FIONREAD, &bytes) == 0 && bytes > 0 ? static_cast<std::size_t>(bytes) : 0;
}

std::size_t StreamConnection::peek(std::span<char> room) noexcept {
  const ssize_t n = ipc::retry_eintr([&] { return ::recv(fd_.get(), room.data(), room.size(), MSG_PEEK); });
  if (n == 0 || (n == -1 && errno != EAGAIN)) peer_ended_ = true;
  return n > 0 ? static_cast<std::size_t>(n) : 0;
}

void StreamConnection::skip(std::size_t bytes) noexcept {
  std::array<char, 512> away;
  while (bytes > 0) {
    const ssize_t n = ::recv(fd_.get(), away.data(), std::min(bytes, away.size()), 0);
    PREFORK_CHECK(n > 0);  // they are there
    bytes -= static_cast<std::size_t>(n);
  }
}

void StreamConnection::consume(std::size_t bytes) noexcept {
  PREFORK_CHECK(bytes <= used_);
  used_ -= static_cast<std::uint32_t>(bytes);
  if (used_ == 0) {
    release_block();
  } else if (bytes > 0) {
    std::memmove(block_.get(), block_.get() + bytes, used_);
  }
}

void StreamConnection::release_block() noexcept {
  used_ = 0;
  if (block_) host_.runtime().blocks.give_back(std::move(block_));
}

std::optional<std::size_t> StreamConnection::send_some(std::string_view bytes, bool more_follows) {
  if (stage_ != Stage::open) return std::nullopt;
  const int flags = more_follows ? MSG_NOSIGNAL | MSG_MORE : MSG_NOSIGNAL;
  const ssize_t n = ipc::retry_eintr([&] { return ::send(fd_.get(), bytes.data(), bytes.size(), flags); });
  if (n == -1 && errno != EAGAIN) return std::nullopt;
  return note_sent(n, bytes.size());
}

std::optional<std::size_t> StreamConnection::send_file(int file, std::uint64_t offset, std::uint64_t bytes) {
  if (stage_ != Stage::open) return std::nullopt;
  constexpr std::uint64_t kMostAtOnce = std::uint64_t{1} << 20;
  const auto wanted = static_cast<std::size_t>(std::min(bytes, kMostAtOnce));
  auto from = static_cast<off_t>(offset);
  const ssize_t n = ipc::retry_eintr([&] { return ::sendfile(fd_.get(), file, &from, wanted); });
  if (n == 0 || (n == -1 && errno != EAGAIN)) return std::nullopt;
  return note_sent(n, wanted);
}

std::size_t StreamConnection::note_sent(ssize_t n, std::size_t wanted) {
  const std::size_t sent = n > 0 ? static_cast<std::size_t>(n) : 0;
  host_.runtime().slot.add(ipc::Counter::bytes_out, sent);
  if (sent < wanted) {
    wants_writable_ = true;
    if (!std::exchange(watches_writable_, true) && attached_) {
      host_.runtime().loop.modify(fd_.get(), kReadEvents | EPOLLOUT, *this);
    }
  }
  return sent;
}

// The entry stays where it is in the wheel while deadlines only move later: on_timer() then arms it anew.
void StreamConnection::set_deadline(std::chrono::milliseconds limit) {
  if (limit.count() <= 0) return clear_deadline();
  auto& loop = host_.runtime().loop;
  deadline_ms_ = loop.ran_after(static_cast<std::uint64_t>(limit.count()));
  const std::uint64_t tick = loop.tick_at(deadline_ms_);
  if (!armed() || expires() > tick) loop.timers().arm(*this, tick);
}

void StreamConnection::await_first_bytes(std::chrono::milliseconds limit) {
  const bool stops = host_.runtime().drain == DrainMode::closing;
  set_deadline(stops && (limit.count() <= 0 || limit > kLastMoment) ? kLastMoment : limit);
}

void StreamConnection::hurry_first_bytes() {
  const auto left = deadline_left();
  await_first_bytes(left ? std::max(*left, std::chrono::milliseconds(1)) : std::chrono::milliseconds(0));
}

std::optional<std::chrono::milliseconds> StreamConnection::deadline_left() const noexcept {
  if (deadline_ms_ == 0) return std::nullopt;
  const std::uint64_t now = host_.runtime().loop.ran_ms();
  return std::chrono::milliseconds(deadline_ms_ > now ? deadline_ms_ - now : 0);
}

void StreamConnection::close_gracefully() noexcept {
  if (stage_ != Stage::open) return;
  if (input_finished_) return close();
  leave();
  host_.runtime().lingering.take(std::move(fd_));
}

void StreamConnection::shut_down() noexcept { ::shutdown(fd_.get(), SHUT_RDWR); }

void StreamConnection::finish_sending() noexcept { ::shutdown(fd_.get(), SHUT_WR); }

void StreamConnection::resume_later() { host_.runtime().loop.defer(*this); }

void StreamConnection::on_events(std::uint32_t events) {
  if (events & (EPOLLIN | kEndEvents)) input_ready_ = true;
  if (events & kEndEvents) peer_ended_ = true;
  if (stage_ == Stage::open && (events & (EPOLLOUT | EPOLLHUP | EPOLLERR)) && std::exchange(wants_writable_, false)) {
    on_writable();
  }
  if (stage_ == Stage::open && input_ready_) on_input();
}

void StreamConnection::run_deferred() {
  if (stage_ == Stage::open) on_input();
}

void StreamConnection::on_timer() {
  if (deadline_ms_ == 0) return;
  auto& loop = host_.runtime().loop;
  if (deadline_ms_ > loop.ran_ms()) return loop.timers().arm(*this, loop.tick_at(deadline_ms_));
  deadline_ms_ = 0;
  host_.runtime().slot.add(ipc::Counter::timeouts);
  on_timeout();
}

void Runtime::connection_opened(StreamConnection& connection) {
  connections.push_back(connection);
  count_connection(+1);
  slot.add(ipc::Counter::accepted);
}

void Runtime::connection_closed() noexcept { count_connection(-1); }

}  // namespace prefork::worker
