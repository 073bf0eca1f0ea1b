#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "ipc/posix/unique_fd.hpp"
#include "tests/bench/latency.hpp"

namespace prefork::bench {

/// What all clients of a run share.
struct Load {
  std::size_t message_bytes = 64;  ///< at least kStampBytes
  std::string question_head;       ///< precedes each message
  std::string answer_head;         ///< precedes each answer
  std::size_t pipeline = 1;        ///< messages under way on each connection
  bool stopping = false;           ///< send no new messages: those under way may still be answered

  std::uint64_t messages = 0;
  std::uint64_t wrong = 0;   ///< answers that differ from what was sent
  std::uint64_t closed = 0;  ///< connections that the server closed
  std::uint64_t lost = 0;    ///< datagrams without an answer
  Latency latency;
  std::vector<char> scratch = std::vector<char>(std::size_t{256} * 1024);

  std::uint64_t errors() const noexcept { return wrong + closed + lost; }
};

constexpr std::size_t kStampBytes = 8;

/// One connection to an echo server: keeps `pipeline` messages under way and checks each answer byte by byte. The first
/// eight bytes of a message are its number.
class EchoClient {
 public:
  /// Takes a connected, non-blocking socket.
  EchoClient(ipc::UniqueFd fd, Load& load, bool datagrams);

  int fd() const noexcept { return fd_.get(); }
  bool is_open() const noexcept { return fd_.is_open(); }
  bool wants_to_write() const noexcept { return !unsent_.empty(); }
  bool idle() const noexcept { return !is_open() || under_way_ == 0; }

  /// Sends the first messages.
  void start(std::uint64_t now_ns);
  void on_readable();
  void on_writable();
  /// Gives up and replaces datagrams that have been under way since before `sent_before_ns`.
  void give_up(std::uint64_t sent_before_ns, std::uint64_t now_ns);

 private:
  void stamp(std::uint64_t number) noexcept;
  void send_stream(std::size_t messages, std::uint64_t now_ns);
  void send_datagram(std::uint64_t number, std::uint64_t now_ns);
  void take_stream(const char* bytes, std::size_t count, std::uint64_t now_ns);
  void take_datagram(const char* bytes, std::size_t count, std::uint64_t now_ns);
  void arrived(std::uint64_t number, std::uint64_t now_ns);
  void flush();
  void fail() noexcept;

  struct Slot {
    std::uint64_t number = 0;
    std::uint64_t sent_ns = 0;  ///< 0: not under way
  };

  ipc::UniqueFd fd_;
  Load& load_;
  bool datagrams_;
  std::string message_;  ///< the bytes of every answer, including its head, except for the stamp
  std::string unsent_;
  std::vector<Slot> slots_;     ///< by number modulo their count
  std::uint64_t next_ = 0;      ///< number of the next message
  std::uint64_t expected_ = 0;  ///< stream: number of the message being received
  std::size_t arrived_bytes_ = 0;
  std::size_t under_way_ = 0;
};

/// CLOCK_MONOTONIC
std::uint64_t now_ns() noexcept;

}  // namespace prefork::bench
