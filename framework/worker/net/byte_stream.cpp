#include "framework/worker/net/byte_stream.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
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

}  // namespace

ByteStream::ByteStream(Runtime& runtime, Transport transport, ipc::WorkerSlot* counters)
    : runtime_(runtime),
      counters_(counters),
      transport_(std::move(transport)),
      watches_writable_(transport_.has_layer()) {}  // a layer may have to write whatever its stream does

ByteStream::~ByteStream() {
  runtime_.loop.forget(*this);
  release_block();
}

void ByteStream::attach() {
  if (stage_ == Stage::closed) return;
  attached_ = true;
  try {
    runtime_.loop.add(transport_.descriptor(), watches_writable_ ? kReadEvents | EPOLLOUT : kReadEvents, *this);
  } catch (const std::system_error& error) {
    runtime_.log.log(LogLevel::error, std::string("a connection is closed: ") + error.what());
    on_broken();
  }
}

void ByteStream::close() noexcept {
  if (stage_ == Stage::closed) return;
  leave();
  transport_.close();
}

Transport ByteStream::release() noexcept {
  PREFORK_CHECK(stage_ == Stage::open);
  leave();
  return std::move(transport_);
}

void ByteStream::leave() noexcept {
  stage_ = Stage::closed;
  disarm();
  // Closing alone would not remove it from epoll while a child that the service has forked still holds it.
  if (attached_) runtime_.loop.remove(transport_.descriptor());
  on_left();
  runtime_.loop.dispose(std::unique_ptr<Disposable>(this));
}

ByteStream::Received ByteStream::receive() {
  PREFORK_CHECK(stage_ == Stage::open);
  if (!input_ready_) return Received::would_block;
  if (!block_) block_ = runtime_.blocks.lend();
  const std::size_t room = block_room();
  PREFORK_CHECK(room > 0);
  const ssize_t n = transport_.recv({block_.get() + used_, room});
  if (n > 0) {
    const auto count = static_cast<std::size_t>(n);
    used_ += static_cast<std::uint32_t>(count);
    if (count < room && !peer_ended_) input_ready_ = transport_.has_layer();
    if (counters_ != nullptr) counters_->add(ipc::Counter::bytes_in, count);
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

std::uint32_t ByteStream::waited_ms() const noexcept {
  tcp_info info{};
  socklen_t length = offsetof(tcp_info, tcpi_last_ack_recv);  // no more is copied than was asked for
  return ::getsockopt(transport_.descriptor(), IPPROTO_TCP, TCP_INFO, &info, &length) == 0 ? info.tcpi_last_data_recv
                                                                                           : 0;
}

std::size_t ByteStream::unread_bytes() const noexcept { return transport_.unread(); }

std::size_t ByteStream::peek(std::span<char> room) noexcept {
  const ssize_t n = transport_.peek(room);
  if (n == 0 || (n == -1 && errno != EAGAIN)) peer_ended_ = true;
  return n > 0 ? static_cast<std::size_t>(n) : 0;
}

void ByteStream::skip(std::size_t bytes) noexcept {
  std::array<char, 512> away;
  while (bytes > 0) {
    const ssize_t n = transport_.recv({away.data(), std::min(bytes, away.size())});
    PREFORK_CHECK(n > 0);  // they are there
    bytes -= static_cast<std::size_t>(n);
  }
}

void ByteStream::consume(std::size_t bytes) noexcept {
  PREFORK_CHECK(bytes <= used_);
  used_ -= static_cast<std::uint32_t>(bytes);
  if (used_ == 0) {
    release_block();
  } else if (bytes > 0) {
    std::memmove(block_.get(), block_.get() + bytes, used_);
  }
}

void ByteStream::release_block() noexcept {
  used_ = 0;
  if (block_) runtime_.blocks.give_back(std::move(block_));
}

std::optional<std::size_t> ByteStream::send_some(std::string_view bytes, bool more_follows) {
  if (stage_ != Stage::open) return std::nullopt;
  const ssize_t n = transport_.send(bytes, more_follows);
  if (n == -1 && errno != EAGAIN) return std::nullopt;
  return note_sent(n, bytes.size());
}

std::optional<std::size_t> ByteStream::send_file(int file, std::uint64_t offset, std::uint64_t bytes) {
  if (stage_ != Stage::open) return std::nullopt;
  constexpr std::uint64_t kMostAtOnce = std::uint64_t{1} << 20;
  const auto wanted = static_cast<std::size_t>(std::min(bytes, kMostAtOnce));
  const ssize_t n = transport_.send_file(file, offset, wanted);
  if (n == 0 || (n == -1 && errno != EAGAIN)) return std::nullopt;
  return note_sent(n, wanted);
}

std::size_t ByteStream::note_sent(ssize_t n, std::size_t wanted) {
  const std::size_t sent = n > 0 ? static_cast<std::size_t>(n) : 0;
  if (counters_ != nullptr) counters_->add(ipc::Counter::bytes_out, sent);
  if (sent < wanted) {
    wants_writable_ = true;
    if (!std::exchange(watches_writable_, true) && attached_) {
      runtime_.loop.modify(transport_.descriptor(), kReadEvents | EPOLLOUT, *this);
    }
  }
  return sent;
}

// While deadlines only move later, the entry stays where it is in the wheel: on_timer() then rearms it.
void ByteStream::set_deadline(std::chrono::milliseconds limit) {
  if (limit.count() <= 0) return clear_deadline();
  auto& loop = runtime_.loop;
  deadline_ms_ = loop.ran_after(static_cast<std::uint64_t>(limit.count()));
  const std::uint64_t tick = loop.tick_at(deadline_ms_);
  if (!armed() || expires() > tick) loop.timers().arm(*this, tick);
}

std::optional<std::chrono::milliseconds> ByteStream::deadline_left() const noexcept {
  if (deadline_ms_ == 0) return std::nullopt;
  const std::uint64_t now = runtime_.loop.ran_ms();
  return std::chrono::milliseconds(deadline_ms_ > now ? deadline_ms_ - now : 0);
}

void ByteStream::close_gracefully() noexcept {
  if (stage_ != Stage::open) return;
  if (input_finished_ && !transport_.has_layer()) return close();
  leave();
  auto [socket, unsent] = std::move(transport_).finish();
  runtime_.lingering.take(std::move(socket), std::move(unsent));
}

void ByteStream::shut_down() noexcept { transport_.shut_down(); }

void ByteStream::finish_sending() noexcept { transport_.finish_sending(); }

void ByteStream::resume_later() { runtime_.loop.defer(*this); }

void ByteStream::on_events(std::uint32_t events) {
  if (events & (EPOLLIN | kEndEvents)) input_ready_ = true;
  if (events & kEndEvents) peer_ended_ = true;
  transport_.has_layer() ? on_layer_events(events) : go_on(events);
}

// The layer knows which direction waits for which readiness.
void ByteStream::on_layer_events(std::uint32_t events) {
  transport_.flush();
  input_ready_ = true;
  go_on(events | EPOLLOUT);
}

void ByteStream::go_on(std::uint32_t events) {
  if (stage_ == Stage::open && (events & (EPOLLOUT | EPOLLHUP | EPOLLERR)) && std::exchange(wants_writable_, false)) {
    on_writable();
  }
  if (stage_ == Stage::open && input_ready_) on_input();
}

void ByteStream::run_deferred() {
  if (stage_ == Stage::open) on_input();
}

void ByteStream::on_timer() {
  if (deadline_ms_ == 0) return;
  auto& loop = runtime_.loop;
  if (deadline_ms_ > loop.ran_ms()) return loop.timers().arm(*this, loop.tick_at(deadline_ms_));
  deadline_ms_ = 0;
  if (counters_ != nullptr) counters_->add(ipc::Counter::timeouts);
  on_timeout();
}

}  // namespace prefork::worker
