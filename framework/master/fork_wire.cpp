#include "framework/master/fork_wire.hpp"

#include <poll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "ipc/syscall.hpp"

namespace prefork::master {

namespace {

constexpr char kMore = 'M';
constexpr char kLast = 'L';
constexpr char kWithheld = 'W';
constexpr std::size_t kTextPerPacket = 32 * 1024;
constexpr std::size_t kDescriptorsPerPacket = 250;  // SCM_MAX_FD is 253
constexpr std::size_t kMostText = 64U << 20;

union ControlSpace {
  cmsghdr alignment;
  char bytes[CMSG_SPACE(kDescriptorsPerPacket * sizeof(int))];
};

void wait_for(int socket, short events, ipc::Patience& patience) {
  for (;;) {
    pollfd ready{socket, events, 0};
    const int n = ::poll(&ready, 1, patience.slice());
    if (n > 0) return;
    if (n == 0 && patience.is_over()) ipc::throw_errno(ETIMEDOUT, "fork server");
    if (n == -1 && errno != EINTR) ipc::throw_errno("poll fork server");
  }
}

void send_packet(int socket, char more, std::string_view text, const int* descriptors, std::size_t count,
                 ipc::Patience& patience) {
  std::array<iovec, 2> parts{iovec{&more, 1}, iovec{const_cast<char*>(text.data()), text.size()}};
  ControlSpace control{};
  msghdr message{};
  message.msg_iov = parts.data();
  message.msg_iovlen = parts.size();
  if (count > 0) {
    message.msg_control = control.bytes;
    message.msg_controllen = CMSG_SPACE(count * sizeof(int));
    cmsghdr* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(count * sizeof(int));
    std::memcpy(CMSG_DATA(header), descriptors, count * sizeof(int));
  }
  while (::sendmsg(socket, &message, MSG_DONTWAIT | MSG_NOSIGNAL) == -1) {
    if (errno == EINTR) continue;
    if (errno != EAGAIN) ipc::throw_errno("sendmsg fork server");
    wait_for(socket, POLLOUT, patience);
  }
}

void take_descriptors(msghdr& message, std::vector<ipc::UniqueFd>& descriptors) {
  for (cmsghdr* header = CMSG_FIRSTHDR(&message); header != nullptr; header = CMSG_NXTHDR(&message, header)) {
    if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) continue;
    const std::size_t count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (std::size_t i = 0; i < count; ++i) {
      int fd = -1;
      std::memcpy(&fd, CMSG_DATA(header) + i * sizeof(int), sizeof fd);
      descriptors.emplace_back(fd);
    }
  }
}

}  // namespace

void send_order(int socket, std::string_view text, const std::vector<int>& descriptors, ipc::Patience& patience) {
  std::size_t sent = 0;
  do {
    const std::string_view part = text.substr(0, kTextPerPacket);
    text.remove_prefix(part.size());
    const std::size_t count = std::min(descriptors.size() - sent, kDescriptorsPerPacket);
    const bool last = text.empty() && sent + count == descriptors.size();
    send_packet(socket, last ? kLast : kMore, part, descriptors.data() + sent, count, patience);
    sent += count;
  } while (!text.empty() || sent < descriptors.size());
}

void send_withheld(int socket, std::string_view variable, ipc::Patience& patience) {
  send_packet(socket, kWithheld, variable.substr(0, kTextPerPacket), nullptr, 0, patience);
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
    ControlSpace control{};
    msghdr message{};
    message.msg_iov = parts.data();
    message.msg_iovlen = parts.size();
    message.msg_control = control.bytes;
    message.msg_controllen = sizeof control.bytes;
    const ssize_t n = ipc::retry_eintr([&] { return ::recvmsg(socket, &message, MSG_CMSG_CLOEXEC); });
    if (n == 0 || (n == -1 && errno == ECONNRESET)) return std::nullopt;
    if (n == -1) ipc::throw_errno("recvmsg fork server");
    take_descriptors(message, order.descriptors);
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
