#include "framework/worker/net/datagram_socket.hpp"

#include <sys/epoll.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "ipc/memory/scoreboard.hpp"
#include "ipc/posix/socket_address.hpp"
#include "ipc/posix/syscall.hpp"

namespace prefork::worker {

namespace {
constexpr std::uint64_t kTellForgedEveryMs = 60'000;
}

DatagramBatch::DatagramBatch(OwnAddresses own) : received_(new char[kDatagrams * kMaxBytes]), own_(std::move(own)) {
  for (std::size_t i = 0; i < kDatagrams; ++i) {
    vectors_[i] = {received_.get() + i * kMaxBytes, kMaxBytes};
    messages_[i].msg_hdr.msg_iov = &vectors_[i];
    messages_[i].msg_hdr.msg_iovlen = 1;
    messages_[i].msg_hdr.msg_name = &senders_[i];
  }
}

std::size_t DatagramBatch::receive(int fd, bool destinations) {
  for (std::size_t i = 0; i < kDatagrams; ++i) {
    msghdr& header = messages_[i].msg_hdr;
    header.msg_namelen = sizeof(sockaddr_storage);
    header.msg_control = destinations ? controls_[i].bytes.data() : nullptr;
    header.msg_controllen = destinations ? controls_[i].bytes.size() : 0;
  }
  const int n = ipc::retry_eintr([&] { return ::recvmmsg(fd, messages_.data(), kDatagrams, MSG_DONTWAIT, nullptr); });
  return n > 0 ? static_cast<std::size_t>(n) : 0;
}

std::string_view DatagramBatch::bytes(std::size_t i) const noexcept {
  return {received_.get() + i * kMaxBytes, messages_[i].msg_len};
}

bool DatagramBatch::truncated(std::size_t i) const noexcept {
  return (messages_[i].msg_hdr.msg_flags & MSG_TRUNC) != 0;
}

bool DatagramBatch::reply(std::size_t i, std::string_view bytes) {
  const socklen_t length = sender_length(i);
  if (length <= sizeof(sa_family_t)) return false;  // an unnamed unix socket
  if (bytes.size() > kMaxBytes || reply_bytes_.size() + bytes.size() > kMaxReplyBytes) return false;
  replies_.push_back({senders_[i], length, source(i), reply_bytes_.size(), bytes.size()});
  reply_bytes_.append(bytes);
  return true;
}

DatagramBatch::Sent DatagramBatch::send(int fd) {
  Sent result;
  std::array<mmsghdr, kDatagrams> messages;
  std::array<iovec, kDatagrams> vectors;
  for (std::size_t first = 0; first < replies_.size();) {
    std::size_t count = 0;
    for (; count < kDatagrams && first + count < replies_.size(); ++count) {
      Reply& reply = replies_[first + count];
      vectors[count] = {reply_bytes_.data() + reply.offset, reply.length};
      messages[count] = {};
      messages[count].msg_hdr.msg_name = &reply.to;
      messages[count].msg_hdr.msg_namelen = reply.to_length;
      messages[count].msg_hdr.msg_iov = &vectors[count];
      messages[count].msg_hdr.msg_iovlen = 1;
      reply.from.put_into(messages[count].msg_hdr);
    }
    const int n = ipc::retry_eintr(
        [&] { return ::sendmmsg(fd, messages.data(), static_cast<unsigned>(count), MSG_DONTWAIT | MSG_NOSIGNAL); });
    const std::size_t sent = n > 0 ? static_cast<std::size_t>(n) : 0;
    for (std::size_t i = 0; i < sent; ++i) result.bytes += replies_[first + i].length;
    result.datagrams += sent;
    first += sent;
    // The failed one (no room, a peer that is gone, too long) is dropped; the next one may be sent.
    if (sent < count) {
      ++result.dropped;
      ++first;
    }
  }
  replies_.clear();
  reply_bytes_.clear();
  return result;
}

namespace {

/// One datagram of a batch, as the author sees it.
class ReceivedDatagram final : public Datagram {
 public:
  ReceivedDatagram(DatagramSocket& socket, DatagramBatch& batch, std::size_t index) noexcept
      : socket_(socket), batch_(batch), index_(index) {
    bytes_ = batch.bytes(index);
    truncated_ = batch.truncated(index);
  }
  DatagramSocket& socket() const noexcept { return socket_; }
  DatagramBatch& batch() const noexcept { return batch_; }
  std::size_t index() const noexcept { return index_; }
  const sockaddr_storage& sender() const noexcept { return batch_.sender(index_); }
  socklen_t sender_length() const noexcept { return batch_.sender_length(index_); }

 private:
  DatagramSocket& socket_;
  DatagramBatch& batch_;
  std::size_t index_;
};

const ReceivedDatagram& self(const Datagram& packet) noexcept { return static_cast<const ReceivedDatagram&>(packet); }

}  // namespace

DatagramSocket::DatagramSocket(ServiceHost& host, int fd, std::unique_ptr<Protocol> protocol,
                               std::shared_ptr<DatagramBatch> batch)
    : host_(host),
      fd_(fd),
      tells_destinations_(ipc::tell_destinations(fd)),
      protocol_(std::move(protocol)),
      batch_(std::move(batch)) {}

void DatagramSocket::arm() { host_.runtime().loop.add(fd_, EPOLLIN | EPOLLEXCLUSIVE, *this); }

void DatagramSocket::stop() noexcept { host_.runtime().loop.remove(fd_); }

// One batch per turn: level-triggered, so the rest comes again after the other events.
void DatagramSocket::on_events(std::uint32_t) {
  const std::size_t count = batch_->receive(fd_, tells_destinations_);
  auto& slot = host_.runtime().slot;
  for (std::size_t i = 0; i < count; ++i) {
    slot.add(ipc::Counter::bytes_in, batch_->bytes(i).size());
    batch_->own().has(batch_->sender(i), host_.runtime().loop.now_ms()) ? drop_forged(i) : serve(i);
  }
  slot.add(ipc::Counter::datagrams, count);
  const auto sent = batch_->send(fd_);
  slot.add(ipc::Counter::bytes_out, sent.bytes);
  if (sent.dropped > 0) slot.add(ipc::Counter::replies_dropped, sent.dropped);
}

void DatagramSocket::serve(std::size_t i) {
  const std::size_t length = batch_->sender_length(i);
  host_.begin_activity(ipc::ActivityKind::datagram,
                       {reinterpret_cast<const char*>(&batch_->sender(i)), std::min<std::size_t>(length, 28)});
  ReceivedDatagram packet(*this, *batch_, i);
  protocol_->on_datagram(packet);
}

void DatagramSocket::drop_forged(std::size_t i) {
  ++forged_;
  const std::uint64_t now = host_.runtime().loop.now_ms();
  if (now < tell_forged_at_ms_) return;
  tell_forged_at_ms_ = now + kTellForgedEveryMs;
  const std::string sender = ipc::format_socket_address(&batch_->sender(i), batch_->sender_length(i));
  host_.runtime().log.log_of(host_, LogLevel::warning,
                             "dropped datagrams that claim to come from this server's own sockets: " +
                                 std::to_string(std::exchange(forged_, 0)) + ", the last one from " + sender);
}

}  // namespace prefork::worker

namespace prefork {

class DatagramPeer::Impl {
 public:
  Impl(worker::DatagramSocket& socket, const sockaddr_storage& to, socklen_t length,
       const ipc::DatagramSource& from) noexcept
      : socket_(socket), to_(to), length_(length), from_(from) {}

  void send(std::string_view bytes) const {
    auto& slot = socket_.host().runtime().slot;
    iovec vector{const_cast<char*>(bytes.data()), bytes.size()};  // sendmsg(2) only reads it
    msghdr message{};
    message.msg_name = const_cast<sockaddr_storage*>(&to_);
    message.msg_namelen = length_;
    message.msg_iov = &vector;
    message.msg_iovlen = 1;
    from_.put_into(message);
    const ssize_t n = ipc::retry_eintr([&] { return ::sendmsg(socket_.fd(), &message, MSG_DONTWAIT | MSG_NOSIGNAL); });
    if (n == -1) return slot.add(ipc::Counter::replies_dropped);
    slot.add(ipc::Counter::bytes_out, static_cast<std::uint64_t>(n));
  }
  std::string address() const { return ipc::format_socket_address(&to_, length_); }

 private:
  worker::DatagramSocket& socket_;
  sockaddr_storage to_;
  socklen_t length_;
  ipc::DatagramSource from_;
};

void DatagramPeer::send(std::string_view bytes) const { impl_->send(bytes); }
std::string DatagramPeer::address() const { return impl_->address(); }

void Datagram::reply(std::string_view bytes) {
  const auto& packet = worker::self(*this);
  if (!packet.batch().reply(packet.index(), bytes)) {
    packet.socket().host().runtime().slot.add(ipc::Counter::replies_dropped);
  }
}

std::string Datagram::peer_address() const {
  const auto& packet = worker::self(*this);
  return ipc::format_socket_address(&packet.sender(), packet.sender_length());
}

DatagramPeer Datagram::peer() const {
  const auto& packet = worker::self(*this);
  return DatagramPeer(std::make_shared<DatagramPeer::Impl>(packet.socket(), packet.sender(), packet.sender_length(),
                                                           packet.batch().source(packet.index())));
}

}  // namespace prefork
