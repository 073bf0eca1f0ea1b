#pragma once

#include <sys/socket.h>

#include <cstddef>
#include <span>
#include <vector>

#include "ipc/posix/unique_fd.hpp"

/// Descriptors beside a message on a unix socket. Source: unix(7), SCM_RIGHTS.
namespace prefork::ipc {

/// How many descriptors one message has at most; the kernel takes 253 (SCM_MAX_FD).
inline constexpr std::size_t kMostPassed = 250;

/// Room for them.
union PassedSpace {
  cmsghdr alignment;
  char bytes[CMSG_SPACE(kMostPassed * sizeof(int))];
};

/// Attaches descriptors, which stay the caller's, to a message; none changes nothing. `space` must live until the
/// message is sent. There must be at most kMostPassed.
void pass_descriptors(msghdr& message, PassedSpace& space, std::span<const int> descriptors) noexcept;

/// Appends the descriptors that a received message has brought.
void take_descriptors(msghdr& message, std::vector<UniqueFd>& descriptors);

}  // namespace prefork::ipc
