#pragma once

#include <sys/socket.h>
#include <sys/uio.h>

#include <array>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "framework/worker/loop/event_loop.hpp"
#include "framework/worker/net/own_addresses.hpp"
#include "framework/worker/net/protocol.hpp"
#include "framework/worker/service/service_host.hpp"
#include "ipc/posix/datagram_source.hpp"

#include <prefork/datagram.hpp>

namespace prefork::worker {

/// The buffers of one batch of datagrams, shared by all of a worker's datagram sockets: memory is touched only as far
/// as datagrams reach. Also knows which senders are forged.
class DatagramBatch {
 public:
  static constexpr std::size_t kDatagrams = 32;
  static constexpr std::size_t kMaxBytes = 65536;
  static constexpr std::size_t kMaxReplyBytes = 1U << 20;  // of one batch

  explicit DatagramBatch(OwnAddresses own = {});

  /// recvmmsg(2). @return how many; 0: none waits, or sending an earlier answer has failed. Blocks: never.
  /// @param destinations  as returned by ipc::tell_destinations()
  std::size_t receive(int fd, bool destinations);
  std::string_view bytes(std::size_t i) const noexcept;
  bool truncated(std::size_t i) const noexcept;
  const sockaddr_storage& sender(std::size_t i) const noexcept { return senders_[i]; }
  socklen_t sender_length(std::size_t i) const noexcept { return messages_[i].msg_hdr.msg_namelen; }

  /// Where an answer to it must come from.
  ipc::DatagramSource source(std::size_t i) const noexcept { return ipc::DatagramSource(messages_[i].msg_hdr); }
  OwnAddresses& own() noexcept { return own_; }

  /// Stores an answer to a datagram of this batch. @return false: there is no room, and it is dropped
  bool reply(std::size_t i, std::string_view bytes);
  /// sendmmsg(2). @return how many of the answers the kernel took
  struct Sent {
    std::size_t datagrams = 0;
    std::size_t dropped = 0;
    std::size_t bytes = 0;
  };
  Sent send(int fd);

 private:
  struct Reply {
    sockaddr_storage to;
    socklen_t to_length;
    ipc::DatagramSource from;
    std::size_t offset;
    std::size_t length;
  };

  std::unique_ptr<char[]> received_;
  std::array<mmsghdr, kDatagrams> messages_{};
  std::array<iovec, kDatagrams> vectors_{};
  std::array<sockaddr_storage, kDatagrams> senders_{};
  struct alignas(cmsghdr) Control {
    std::array<char, ipc::DatagramSource::kReceivedBytes> bytes;
  };
  std::array<Control, kDatagrams> controls_{};
  std::string reply_bytes_;
  std::vector<Reply> replies_;
  OwnAddresses own_;
};

/// A bound datagram socket of a worker, shared with the other workers of the pool.
class DatagramSocket final : public EventHandler {
 public:
  /// @param fd  non-blocking; it stays the caller's
  DatagramSocket(ServiceHost& host, int fd, std::unique_ptr<Protocol> protocol, std::shared_ptr<DatagramBatch> batch);

  void arm();
  void stop() noexcept;

  ServiceHost& host() const noexcept { return host_; }
  int fd() const noexcept { return fd_; }

 private:
  void on_events(std::uint32_t events) override;
  void serve(std::size_t i);
  void drop_forged(std::size_t i);

  ServiceHost& host_;
  int fd_;
  bool tells_destinations_;
  std::uint64_t forged_ = 0;  ///< since that was last logged
  std::uint64_t tell_forged_at_ms_ = 0;
  std::unique_ptr<Protocol> protocol_;
  std::shared_ptr<DatagramBatch> batch_;
};

}  // namespace prefork::worker
