#include "framework/master/workforce/fork_wire.hpp"

#include <poll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <span>
#include <utility>

#include "ipc/posix/passed_descriptors.hpp"
#include "ipc/posix/syscall.hpp"

namespace prefork::master {

namespace {

constexpr char kMore = 'M';
constexpr char kLast = 'L';
constexpr char kWithheld = 'W';
constexpr std::size_t kTextPerPacket = 32 * 1024;
constexpr std::size_t kMostText = 64U << 20;

void wait_for(int socket, short events, ipc::Patience& patience) {
  for (;;) {
    pollfd ready{socket, events, 0};
    const int n = ::poll(&ready, 1, patience.slice());
    if (n > 0) return;
    if (n == 0 && patience.is_over()) ipc::throw_errno(ETIMEDOUT, "fork server");
    if (n == -1 && errno != EINTR) ipc::throw_errno("poll fork server");
  }
}

void send_packet(int socket, char more, std::string_view text, std::span<const int> descriptors,
                 ipc::Patience& patience) {
  std::array<iovec, 2> parts{iovec{&more, 1}, iovec{const_cast<char*>(text.data()), text.size()}};
  ipc::PassedSpace space{};
  msghdr message{};
  message.msg_iov = parts.data();
  message.msg_iovlen = parts.size();
  ipc::pass_descriptors(message, space, descriptors);
  while (::sendmsg(socket, &message, MSG_DONTWAIT | MSG_NOSIGNAL) == -1) {
    if (errno == EINTR) continue;
    if (errno != EAGAIN) ipc::throw_errno("sendmsg fork server");
    wait_for(socket, POLLOUT, patience);
  }
}

}  // namespace

void send_order(int socket, std::string_view text, std::span<const int> descriptors, ipc::Patience& patience) {
  do {
    const std::string_view part = text.substr(0, kTextPerPacket);
    const auto some = descriptors.first(std::min(descriptors.size(), ipc::kMostPassed));
    text.remove_prefix(part.size());
    descriptors = descriptors.subspan(some.size());
    send_packet(socket, text.empty() && descriptors.empty() ? kLast : kMore, part, some, patience);
  } while (!text.empty() || !descriptors.empty());
}

void send_withheld(int socket, std::string_view variable, ipc::Patience& patience) {
  send_packet(socket, kWithheld, variable.substr(0, kTextPerPacket), {}, patience);
}

OrderText::OrderText() : bytes_(nullptr) {
  void* const room = ::mmap(nullptr, kMostText + kTextPerPacket, PROT_READ | PROT_WRITE,
                            MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (room == MAP_FAILED) ipc::throw_errno("mmap fork server");
  bytes_ = static_cast<char*>(room);
}

OrderText::OrderText(OrderText&& other) noexcept
    : bytes_(std::exchange(other.bytes_, nullptr)), length_(std::exchange(other.length_, 0)) {}

OrderText::~OrderText() {
  if (bytes_ != nullptr) ::munmap(bytes_, kMostText + kTextPerPacket);
}

std::optional<ReceivedOrder> receive_order(int socket) {
  ReceivedOrder order;
  for (;;) {
    char more = kLast;
    std::array<iovec, 2> parts{iovec{&more, 1}, iovec{order.text.end(), kTextPerPacket}};
    ipc::PassedSpace space{};
    msghdr message{};
    message.msg_iov = parts.data();
    message.msg_iovlen = parts.size();
    message.msg_control = space.bytes;
    message.msg_controllen = sizeof space.bytes;
    const ssize_t n = ipc::retry_eintr([&] { return ::recvmsg(socket, &message, MSG_CMSG_CLOEXEC); });
    if (n == 0 || (n == -1 && errno == ECONNRESET)) return std::nullopt;
    if (n == -1) ipc::throw_errno("recvmsg fork server");
    ipc::take_descriptors(message, order.descriptors);
    if ((message.msg_flags & MSG_CTRUNC) != 0) order.error = EMFILE;
    const std::size_t text = static_cast<std::size_t>(n) - 1;
    if (order.text.view().size() + text > kMostText) order.error = EMSGSIZE;
    if (order.error == 0) order.text.grow(text);
    order.withheld = more == kWithheld;
    if (more != kMore) return order;
  }
}

std::optional<std::string> receive_packet(int socket, ipc::Patience& patience) {
  std::array<char, 512> packet;
  for (;;) {
    wait_for(socket, POLLIN, patience);
    const ssize_t n = ::recv(socket, packet.data(), packet.size(), MSG_DONTWAIT);
    if (n > 0) return std::string(packet.data(), static_cast<std::size_t>(n));
    if (n == 0 || errno == ECONNRESET) return std::nullopt;
    if (errno != EAGAIN && errno != EINTR) ipc::throw_errno("recv fork server");
  }
}

}  // namespace prefork::master
