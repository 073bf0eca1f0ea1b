#include "tests/bench/echo_client.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <utility>

namespace prefork::bench {

std::uint64_t now_ns() noexcept {
  return static_cast<std::uint64_t>(std::chrono::steady_clock::now().time_since_epoch().count());
}

EchoClient::EchoClient(ipc::UniqueFd fd, Load& load, bool datagrams)
    : fd_(std::move(fd)),
      load_(load),
      datagrams_(datagrams),
      message_(load.answer_head + std::string(load.message_bytes, '\0')),
      slots_(load.pipeline) {
  // Different bytes in each connection, so that an answer to another one is seen.
  for (std::size_t i = load.answer_head.size(); i < message_.size(); ++i) {
    message_[i] = static_cast<char>('!' + (i + static_cast<std::size_t>(fd_.get()) * 7) % 90);
  }
}

void EchoClient::stamp(std::uint64_t number) noexcept {
  std::memcpy(message_.data() + load_.answer_head.size(), &number, kStampBytes);
}

void EchoClient::start(std::uint64_t now_ns) {
  if (!datagrams_) return send_stream(load_.pipeline, now_ns);
  for (std::size_t i = 0; i < load_.pipeline; ++i) send_datagram(next_++, now_ns);
}

void EchoClient::send_stream(std::size_t messages, std::uint64_t now_ns) {
  for (std::size_t i = 0; i < messages; ++i, ++next_, ++under_way_) {
    slots_[next_ % slots_.size()] = {next_, now_ns};
    stamp(next_);
    unsent_.append(load_.question_head).append(message_, load_.answer_head.size());
  }
  flush();
}

void EchoClient::flush() {
  while (is_open() && !unsent_.empty()) {
    const ssize_t sent = ::send(fd(), unsent_.data(), unsent_.size(), MSG_NOSIGNAL);
    if (sent == -1 && errno == EINTR) continue;
    if (sent == -1 && errno == EAGAIN) return;
    if (sent == -1) return fail();
    unsent_.erase(0, static_cast<std::size_t>(sent));
  }
}

void EchoClient::send_datagram(std::uint64_t number, std::uint64_t now_ns) {
  stamp(number);
  slots_[number % slots_.size()] = {number, now_ns};
  ++under_way_;
  // One that can't be sent now is given up and counted like one that was lost on its way.
  while (::send(fd(), message_.data(), message_.size(), MSG_NOSIGNAL) == -1 && errno == EINTR) {
  }
}

void EchoClient::on_readable() {
  while (is_open()) {
    const ssize_t got = ::recv(fd(), load_.scratch.data(), load_.scratch.size(), 0);
    if (got == -1 && errno == EINTR) continue;
    if (got == -1 && errno == EAGAIN) return;
    if (datagrams_ && got == -1) return;  // ECONNREFUSED: nobody listens, what was sent is lost
    if (got == -1 || (got == 0 && !datagrams_)) return fail();
    const auto count = static_cast<std::size_t>(got);
    if (datagrams_) {
      take_datagram(load_.scratch.data(), count, now_ns());
      continue;
    }
    take_stream(load_.scratch.data(), count, now_ns());
    if (count < load_.scratch.size()) return;
  }
}

void EchoClient::on_writable() { flush(); }

void EchoClient::arrived(std::uint64_t number, std::uint64_t now_ns) {
  Slot& slot = slots_[number % slots_.size()];
  load_.latency.add(now_ns - slot.sent_ns);
  slot.sent_ns = 0;
  --under_way_;
  ++load_.messages;
}

void EchoClient::take_stream(const char* bytes, std::size_t count, std::uint64_t now_ns) {
  std::size_t complete = 0;
  while (count > 0) {
    if (under_way_ == 0) {  // more than was sent
      ++load_.wrong;
      return fd_.reset();
    }
    const std::size_t part = std::min(count, message_.size() - arrived_bytes_);
    stamp(expected_);
    if (std::memcmp(message_.data() + arrived_bytes_, bytes, part) != 0) {
      ++load_.wrong;
      return fd_.reset();
    }
    bytes += part;
    count -= part;
    arrived_bytes_ += part;
    if (arrived_bytes_ < message_.size()) break;
    arrived_bytes_ = 0;
    arrived(expected_++, now_ns);
    ++complete;
  }
  if (complete > 0 && !load_.stopping) send_stream(complete, now_ns);
}

void EchoClient::take_datagram(const char* bytes, std::size_t count, std::uint64_t now_ns) {
  std::uint64_t number = 0;
  if (count >= kStampBytes) std::memcpy(&number, bytes, kStampBytes);
  const Slot& slot = slots_[number % slots_.size()];
  if (count == message_.size() && number < next_ && (slot.sent_ns == 0 || slot.number != number))
    return;  // was given up
  stamp(number);
  if (count != message_.size() || number >= next_ || std::memcmp(message_.data(), bytes, count) != 0) {
    ++load_.wrong;
    return;
  }
  arrived(number, now_ns);
  // The same slot again: another number would meet one that is still under way.
  if (!load_.stopping) {
    send_datagram(number + slots_.size(), now_ns);
    next_ = std::max(next_, number + slots_.size() + 1);
  }
}

void EchoClient::give_up(std::uint64_t sent_before_ns, std::uint64_t now_ns) {
  if (!datagrams_ || !is_open()) return;
  for (Slot& slot : slots_) {
    if (slot.sent_ns == 0 || slot.sent_ns >= sent_before_ns) continue;
    ++load_.lost;
    slot.sent_ns = 0;
    --under_way_;
    if (load_.stopping) continue;
    const std::uint64_t number = slot.number + slots_.size();
    send_datagram(number, now_ns);
    next_ = std::max(next_, number + 1);
  }
}

void EchoClient::fail() noexcept {
  ++load_.closed;
  fd_.reset();
}

}  // namespace prefork::bench
