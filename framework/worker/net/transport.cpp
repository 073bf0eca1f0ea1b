#include "framework/worker/net/transport.hpp"

#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <unistd.h>

#include <algorithm>
#include <array>

namespace prefork::worker {

ssize_t Transport::peek(std::span<char> room) noexcept {
  if (has_layer()) return layer_->peek(descriptor(), room);
  return ipc::retry_eintr([&] { return ::recv(descriptor(), room.data(), room.size(), MSG_PEEK); });
}

ssize_t Transport::send_file(int file, std::uint64_t offset, std::size_t bytes) noexcept {
  auto from = static_cast<off_t>(offset);
  if (!has_layer()) return ipc::retry_eintr([&] { return ::sendfile(descriptor(), file, &from, bytes); });
  std::array<char, 16384> piece;  // the most that one TLS record holds
  const std::size_t wanted = std::min(bytes, piece.size());
  const ssize_t n = ipc::retry_eintr([&] { return ::pread(file, piece.data(), wanted, from); });
  return n <= 0 ? n : send({piece.data(), static_cast<std::size_t>(n)}, bytes > wanted);
}

std::size_t Transport::unread() const noexcept {
  int bytes = 0;
  const bool known = ::ioctl(descriptor(), FIONREAD, &bytes) == 0 && bytes > 0;
  return (known ? static_cast<std::size_t>(bytes) : 0) + (has_layer() ? layer_->pending() : 0);
}

bool Transport::flush() noexcept {
  if (!has_layer() || !is_open()) return true;
  if (!layer_->flush(descriptor())) return false;
  if (shut_when_flushed_ && !layer_->has_unsent()) {
    shut_when_flushed_ = false;
    ::shutdown(descriptor(), SHUT_WR);
  }
  return true;
}

void Transport::finish_sending() noexcept {
  if (!has_layer()) {
    ::shutdown(descriptor(), SHUT_WR);
    return;
  }
  layer_->finish(descriptor());
  shut_when_flushed_ = true;
  flush();
}

void Transport::close() noexcept {
  layer_.reset();
  socket_.reset();
}

Transport::Remains Transport::finish() && noexcept {
  Remains remains;
  if (has_layer()) {
    layer_->finish(descriptor());
    remains.unsent = layer_->take_unsent();
    layer_.reset();
  }
  remains.socket = std::move(socket_);
  return remains;
}

}  // namespace prefork::worker
