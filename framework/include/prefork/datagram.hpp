#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include <prefork/api.hpp>

namespace prefork {

class Context;

/// Where a datagram came from, kept for a later answer.
class PREFORK_API DatagramPeer {
 public:
  class Impl;
  explicit DatagramPeer(std::shared_ptr<const Impl> impl) noexcept : impl_(std::move(impl)) {}

  /// As Datagram::reply.
  void send(std::string_view bytes) const;
  std::string address() const;

 private:
  std::shared_ptr<const Impl> impl_;
};

/// A received datagram (UDP or unix), given to `Service::on_datagram`. Valid only during that call.
class PREFORK_API Datagram {
 public:
  Datagram(const Datagram&) = delete;
  Datagram& operator=(const Datagram&) = delete;

  std::string_view bytes() const noexcept { return bytes_; }
  /// Whether the datagram was larger than the receive buffer (64 KiB), so that its end is lost.
  bool truncated() const noexcept { return truncated_; }

  /// Answers the sender. The answers of a batch are sent together after it. One that the kernel can't take is dropped
  /// and counted, as the network might drop it. An unnamed unix socket can't be answered.
  void reply(std::string_view bytes);

  /// "192.0.2.7:51234", "[2001:db8::1]:51234", "unix:/path", "unix"
  std::string peer_address() const;
  /// The sender, for an answer after this call, from a coroutine or a timer.
  DatagramPeer peer() const;

 protected:
  Datagram() = default;
  ~Datagram() = default;

  std::string_view bytes_;
  bool truncated_ = false;
};

}  // namespace prefork
