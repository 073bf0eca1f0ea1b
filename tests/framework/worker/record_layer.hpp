#pragma once

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "framework/worker/net/transport.hpp"

namespace prefork::worker::test {

/// The bytes of a stream as RecordLayer puts them on the socket: two bytes of length, then that many bytes, each
/// changed. A record without bytes is the end of the stream.
namespace records {

inline constexpr std::size_t kMostBytes = 40'000;  // more than one of the worker's blocks
inline constexpr std::string_view kGreeting = "greeting";

inline std::string changed(std::string_view bytes) {
  std::string all(bytes);
  for (char& c : all) c = static_cast<char>(c ^ 0x5a);
  return all;
}

inline std::string record(std::string_view bytes) {
  const char length[2] = {static_cast<char>(bytes.size() >> 8), static_cast<char>(bytes.size() & 0xff)};
  return std::string(length, 2) + changed(bytes);
}

/// @param most  bytes in one record
inline std::string records(std::string_view bytes, std::size_t most = kMostBytes) {
  std::string all;
  for (; !bytes.empty(); bytes.remove_prefix(std::min(most, bytes.size()))) all += record(bytes.substr(0, most));
  return all;
}

/// Takes the first record off `bytes`; nullopt: it is incomplete.
inline std::optional<std::string> take(std::string& bytes) {
  if (bytes.size() < 2) return std::nullopt;
  const std::size_t length =
      static_cast<std::size_t>(static_cast<unsigned char>(bytes[0])) << 8 | static_cast<unsigned char>(bytes[1]);
  if (bytes.size() < 2 + length) return std::nullopt;
  std::string found = changed(std::string_view(bytes).substr(2, length));
  bytes.erase(0, 2 + length);
  return found;
}

/// What a client has received, decoded.
struct Received {
  std::string bytes;     ///< without the greeting
  bool greeted = false;  ///< the first record was the greeting
  bool ended = false;    ///< the last record was the end
  std::size_t left = 0;  ///< bytes that are not a record
};
inline Received received(std::string raw) {
  Received all;
  all.greeted = take(raw) == std::string(kGreeting);
  while (auto one = take(raw)) {
    all.ended = one->empty();
    all.bytes += *one;
  }
  all.left = raw.size();
  return all;
}

}  // namespace records

/// A transport layer like TLS, without the cryptography: records with buffers of their own, and a greeting that it
/// sends before anything is read or written, once the socket has room; the first time it says that there is none.
class RecordLayer final : public TransportLayer {
 public:
  ssize_t recv(int socket, std::span<char> room) noexcept override {
    if (!fill(socket, 1)) return -1;
    return copy(room, true);
  }
  ssize_t peek(int socket, std::span<char> room) noexcept override {
    if (!fill(socket, room.size()) && plain_.empty()) return -1;
    return copy(room, false);
  }

  ssize_t send(int socket, std::string_view bytes, bool) noexcept override {
    awaited_ = POLLOUT;
    if (!greet(socket)) return -1;
    std::size_t taken = 0;
    while (taken < bytes.size() && flush(socket) && output_.empty()) {
      const std::string_view piece = bytes.substr(taken, records::kMostBytes);
      output_ = records::record(piece);
      taken += piece.size();
    }
    if (!flush(socket)) return -1;
    if (taken > 0 || bytes.empty()) return static_cast<ssize_t>(taken);
    errno = EAGAIN;
    return -1;
  }

  void finish(int socket) noexcept override {
    if (!std::exchange(finished_, true)) output_ += records::record({});
    flush(socket);
  }
  bool has_unsent() const noexcept override { return !output_.empty(); }
  bool flush(int socket) noexcept override {
    while (!output_.empty()) {
      const ssize_t n = ::send(socket, output_.data(), output_.size(), MSG_NOSIGNAL);
      if (n == -1) return errno == EAGAIN;
      output_.erase(0, static_cast<std::size_t>(n));
    }
    return true;
  }
  std::string take_unsent() noexcept override { return std::move(output_); }
  std::size_t pending() const noexcept override { return plain_.size(); }
  short awaited() const noexcept override { return awaited_; }

 private:
  bool greet(int socket) {
    switch (greeting_) {
      case Greeting::none:
        greeting_ = Greeting::tried;
        break;
      case Greeting::tried:
        output_ = records::record(records::kGreeting);
        greeting_ = Greeting::sent;
        return flush(socket);
      case Greeting::sent:
        return true;
    }
    awaited_ = POLLOUT;
    errno = EAGAIN;
    return false;
  }

  /// Reads until `bytes` can be returned or the stream has ended. @return false: errno says why not
  bool fill(int socket, std::size_t bytes) {
    awaited_ = POLLIN;
    if (!greet(socket)) return false;
    while (plain_.size() < bytes && !ended_) {
      if (const auto one = records::take(input_)) {
        plain_ += *one;
        ended_ = one->empty();
        continue;
      }
      char chunk[1000];
      const ssize_t n = ::recv(socket, chunk, sizeof chunk, 0);
      if (n == -1) return false;
      if (n == 0) ended_ = true;
      input_.append(chunk, static_cast<std::size_t>(n));
    }
    return true;
  }

  ssize_t copy(std::span<char> room, bool take) {
    const std::size_t count = plain_.copy(room.data(), room.size());
    if (take) plain_.erase(0, count);
    return static_cast<ssize_t>(count);
  }

  enum class Greeting : std::uint8_t { none, tried, sent };
  Greeting greeting_ = Greeting::none;
  std::string input_;   // off the socket
  std::string plain_;   // for recv()
  std::string output_;  // for the socket
  short awaited_ = 0;
  bool ended_ = false;
  bool finished_ = false;
};

}  // namespace prefork::worker::test
