#include "framework/worker/net/blocking_stream.hpp"

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <string>
#include <utility>

#include "framework/worker/net/line_scan.hpp"
#include "framework/worker/net/protocol.hpp"
#include "ipc/posix/check.hpp"

namespace prefork::worker {

namespace {

using std::chrono::milliseconds;
constexpr milliseconds kDutyPeriod{500};

std::uint64_t now_ms() { return ipc::monotonic_ns() / 1'000'000; }

}  // namespace

BlockingStream::BlockingStream(ServiceHost& host, BlockingDuties& duties, ipc::UniqueFd fd, const PeerAddress& peer)
    : host_(host),
      duties_(duties),
      fd_(std::move(fd)),
      peer_(peer),
      block_(host.runtime().blocks.lend()),
      attended_ms_(now_ms()) {
  host_.runtime().count_connection(+1);
  host_.runtime().slot.add(ipc::Counter::accepted);
}

BlockingStream::~BlockingStream() {
  host_.runtime().blocks.give_back(std::move(block_));
  host_.runtime().connection_closed();
}

// True: one of `events`, or an error that the next call on the socket will tell. False: the time is over.
// A limit of zero is none.
bool BlockingStream::wait_for(short events, milliseconds limit) {
  auto& loop = host_.runtime().loop;
  loop.refresh_clock();
  const std::uint64_t end = loop.ran_after(static_cast<std::uint64_t>(limit.count()));
  for (;;) {
    milliseconds slice = kDutyPeriod;
    if (limit.count() > 0) {
      const std::uint64_t now = loop.ran_ms();
      if (now >= end) {
        host_.runtime().slot.add(ipc::Counter::timeouts);
        return false;
      }
      slice = std::min(slice, milliseconds(end - now));
    }
    pollfd fds[2] = {{fd_.get(), events, 0}, {duties_.duty_fd(), POLLIN, 0}};
    loop.begin_wait();
    const int n = ::poll(fds, 2, static_cast<int>(slice.count()));
    loop.refresh_clock(static_cast<std::uint64_t>(slice.count()));
    loop.begin_work();
    const bool ready = n > 0 && fds[0].revents != 0;
    if (!ready || fds[1].revents != 0) attend();
    if (ready) return true;
    if ((events & POLLIN) != 0 && host_.runtime().drain == DrainMode::closing) return false;
  }
}

void BlockingStream::attend() {
  attended_ms_ = now_ms();
  duties_.attend();
}

// A client that keeps the socket ready all the time must not keep the worker from its duties.
void BlockingStream::attend_if_due() {
  if (now_ms() - attended_ms_ >= static_cast<std::uint64_t>(kDutyPeriod.count())) attend();
}

BlockingStream::Fill BlockingStream::fill() {
  attend_if_due();
  for (;;) {
    const ssize_t n = ::recv(fd_.get(), block_.get() + used_, BlockPool::kBlockBytes - used_, 0);
    if (n > 0) {
      used_ += static_cast<std::size_t>(n);
      host_.runtime().slot.add(ipc::Counter::bytes_in, static_cast<std::uint64_t>(n));
      return Fill::data;
    }
    if (n == -1 && errno == EINTR) continue;
    if (n == -1 && errno == EAGAIN) {
      if (wait_for(POLLIN, host_.limits().idle_timeout)) continue;
      why_ = host_.runtime().drain == DrainMode::closing ? Reason::draining : Reason::timed_out;
      used_ = 0;  // the client has not ended: what it began is no last line
    }
    ended_ = true;
    return Fill::end;
  }
}

Outcome<std::string_view> BlockingStream::give(std::size_t length, std::size_t with_line_end) noexcept {
  given_ = length + with_line_end;
  return std::string_view(block_.get(), length);
}

Outcome<std::string_view> BlockingStream::read(std::size_t max_line) {
  if (const std::size_t given = std::exchange(given_, 0); given > 0) {
    used_ -= given;
    std::memmove(block_.get(), block_.get() + given, used_);
  }
  for (;;) {
    if (max_line == 0 && used_ > 0) return give(used_, 0);
    if (max_line > 0) {
      const LineScan line = scan_line({block_.get(), used_}, max_line, used_ == BlockPool::kBlockBytes);
      if (line.found) return give(line.length, line.line_end);
      if (line.overlong) overlong_ = true;
    }
    if (overlong_) return Reason::too_long;
    if (!ended_) fill();
    if (ended_ && max_line > 0 && used_ > max_line) overlong_ = true;
    if (!ended_) continue;
    if (overlong_) return Reason::too_long;
    if (used_ == 0) return why_;
    return give(used_, 0);
  }
}

bool BlockingStream::write(std::string_view bytes) {
  while (!bytes.empty()) {
    attend_if_due();
    const ssize_t n = ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (n > 0) {
      bytes.remove_prefix(static_cast<std::size_t>(n));
      host_.runtime().slot.add(ipc::Counter::bytes_out, static_cast<std::uint64_t>(n));
      continue;
    }
    if (n == -1 && errno == EINTR) continue;
    if (n == -1 && errno == EAGAIN && wait_for(POLLOUT, host_.limits().write_timeout)) continue;
    return false;
  }
  return true;
}

void BlockingStream::finish() noexcept { host_.runtime().lingering.take(std::move(fd_)); }

}  // namespace prefork::worker

namespace prefork {

namespace {
worker::BlockingStream& self(Stream& peer) noexcept { return static_cast<worker::BlockingStream&>(peer); }
const worker::BlockingStream& self(const Stream& peer) noexcept {
  return static_cast<const worker::BlockingStream&>(peer);
}
}  // namespace

Outcome<std::string_view> Stream::read_some() { return self(*this).read(0); }
Outcome<std::string_view> Stream::read_line(std::size_t max_bytes) {
  return self(*this).read(std::max<std::size_t>(max_bytes, 1));
}
bool Stream::write(std::string_view bytes) { return self(*this).write(bytes); }
int Stream::fd() const noexcept { return self(*this).fd(); }
std::string Stream::peer_address() const { return self(*this).peer().to_string(); }
Context& Stream::context() const noexcept { return self(*this).host(); }

namespace worker {
namespace {

/// Drives a blocking service: open() returns when the connection has ended.
class BlockingProtocol final : public Protocol {
 public:
  BlockingProtocol(ServiceHost& host, BlockingService& service) : host_(host), service_(service) {}

  void open(ipc::UniqueFd fd, const PeerAddress& peer) override {
    BlockingStream stream(host_, *host_.runtime().duties, std::move(fd), peer);
    host_.begin_activity(ipc::ActivityKind::connection, peer.raw());
    std::atomic<bool>& full = host_.runtime().slot.full;
    full.store(true, std::memory_order_relaxed);
    try {
      service_.handle(stream);
    } catch (...) {
      host_.log_exception("connection of " + peer.to_string());
    }
    stream.finish();
    full.store(false, std::memory_order_relaxed);
    host_.runtime().loop.refresh_clock();
  }
  void receive(Datagram&) override {}

 private:
  ServiceHost& host_;
  BlockingService& service_;
};

}  // namespace
}  // namespace worker

void BlockingService::describe_base(Manifest&) {}

std::unique_ptr<worker::Protocol> BlockingService::make_protocol(std::span<worker::ServiceHost* const> sharing) {
  PREFORK_CHECK(sharing.size() == 1);
  return std::make_unique<worker::BlockingProtocol>(*sharing.front(), *this);
}

}  // namespace prefork
