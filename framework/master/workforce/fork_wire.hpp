#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "ipc/memory/patience.hpp"
#include "ipc/posix/unique_fd.hpp"

/// Sends orders over a SOCK_SEQPACKET socket, in as many packets as they need: a byte that says whether more follow, a
/// part of the text, and some of the descriptors (unix(7), SCM_RIGHTS).
namespace prefork::master {

/// @throws std::system_error: the socket fails, or ETIMEDOUT
void send_order(int socket, std::string_view text, std::span<const int> descriptors, ipc::Patience& patience);

/// Tells the server to withhold a variable of its environment from its children. It answers as to an order.
/// @throws std::system_error
void send_withheld(int socket, std::string_view variable, ipc::Patience& patience);

/// A text that the destructor wipes from memory: a later child must not find it in its copy.
class OrderText {
 public:
  OrderText();  ///< @throws std::system_error
  OrderText(OrderText&& other) noexcept;
  OrderText& operator=(OrderText&&) = delete;
  ~OrderText();

  std::string_view view() const noexcept { return {bytes_, length_}; }
  /// Room for more bytes after the text; grow() says how many of the bytes written there count.
  char* end() noexcept { return bytes_ + length_; }
  void grow(std::size_t bytes) noexcept { length_ += bytes; }

 private:
  char* bytes_;
  std::size_t length_ = 0;
};

struct ReceivedOrder {
  OrderText text;
  std::vector<ipc::UniqueFd> descriptors;
  int error = 0;          ///< it is incomplete: EMFILE, EMSGSIZE
  bool withheld = false;  ///< it is not an order: the text names a variable
};
/// Blocks until an order has come. @return nullopt: the other end is closed, even if answers are unread. @throws
/// std::system_error
std::optional<ReceivedOrder> receive_order(int socket);

/// Receives one packet. @return nullopt: the other end is closed. @throws std::system_error: ETIMEDOUT
std::optional<std::string> receive_packet(int socket, ipc::Patience& patience);

}  // namespace prefork::master
