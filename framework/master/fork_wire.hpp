#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ipc/patience.hpp"
#include "ipc/unique_fd.hpp"

/// Orders on a SOCK_SEQPACKET socket, in as many packets as they need: a byte that says whether more follow, a part of
/// the text, some of the descriptors (unix(7), SCM_RIGHTS).
namespace prefork::master {

/// @throws std::system_error: the socket fails, or ETIMEDOUT
void send_order(int socket, std::string_view text, const std::vector<int>& descriptors, ipc::Patience& patience);

struct ReceivedOrder {
  std::string text;
  std::vector<ipc::UniqueFd> descriptors;
  int error = 0;  ///< it is not whole: EMFILE, EMSGSIZE
};
/// Blocks until an order has come. @return nullopt: the other end is closed. @throws std::system_error
std::optional<ReceivedOrder> receive_order(int socket);

/// One packet. @return nullopt: the other end is closed. @throws std::system_error: ETIMEDOUT
std::optional<std::string> receive_packet(int socket, ipc::Patience& patience);

}  // namespace prefork::master
