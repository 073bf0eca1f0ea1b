#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "framework/worker/net/stream_connection.hpp"
#include "framework/worker/service_runtime.hpp"
#include "ipc/memory/scoreboard.hpp"
#include "tests/ipc/support.hpp"

#include <prefork/blocking_service.hpp>
#include <prefork/service.hpp>

/// A worker's runtime without the worker: the test turns the loop by itself.
namespace prefork::worker::test {

using namespace std::chrono_literals;

struct Lines final : LogSink {
  std::vector<std::string> lines;
  void log(LogLevel, std::string_view line) override { lines.emplace_back(line); }
};

struct Connected {
  ipc::UniqueFd client, server;
};
/// Two ends of a unix stream, both non-blocking.
inline Connected stream_pair() {
  int ends[2];
  ipc::check_syscall(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends), "socketpair");
  return {ipc::UniqueFd(ends[0]), ipc::UniqueFd(ends[1])};
}
/// Two ends of a TCP connection over loopback, both non-blocking.
/// @param window  roughly how many bytes the client's kernel holds for it; 0: the system's choice
inline Connected tcp_pair(int window = 0) {
  ipc::UniqueFd listener(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof address;
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  ipc::check_syscall(::bind(listener.get(), generic, length), "bind");
  ipc::check_syscall(::listen(listener.get(), 1), "listen");
  ipc::check_syscall(::getsockname(listener.get(), generic, &length), "getsockname");
  Connected ends;
  ends.client.reset(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (window > 0) ::setsockopt(ends.client.get(), SOL_SOCKET, SO_RCVBUF, &window, sizeof window);
  ipc::check_syscall(::connect(ends.client.get(), generic, length), "connect");
  ends.server.reset(
      ipc::check_syscall(::accept4(listener.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC), "accept"));
  ::fcntl(ends.client.get(), F_SETFL, O_NONBLOCK);
  return ends;
}
/// The same, but the server's kernel takes 200 KB for which the client has no room: they are on their way for as long
/// as the client does not read.
inline Connected slow_pair() {
  Connected ends = tcp_pair(4096);
  const int room = 1 << 20;
  ::setsockopt(ends.server.get(), SOL_SOCKET, SO_SNDBUF, &room, sizeof room);
  return ends;
}
inline constexpr std::size_t kSlowBytes = 200'000;

inline ipc::Scoreboard with_workers(std::size_t count) {
  ipc::Scoreboard board = ipc::Scoreboard::create(count);
  for (std::size_t i = 0; i < count; ++i) board.assign(i);
  return board;
}

class Harness {
 public:
  using Options = std::map<std::string, std::string, std::less<>>;

  explicit Harness(ServiceLimits limits = {}, Options options = {{"size", "42"}, {"name", "x"}})
      : Harness(WorkerIdentity{"main", 3, 7}, {}, limits, std::move(options)) {}
  Harness(WorkerIdentity identity, ipc::Party self, ServiceLimits limits = {}, Options options = {})
      : board(with_workers(4)),
        services(std::move(identity), board.slot(0), log, self),
        host(services.add({"test", "test", -1, std::move(options), limits})) {}

  /// Turns the loop until `done`, which may be true without any event of the loop.
  template <class Done>
  [[nodiscard]] bool turn_until(Done done) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(prefork::test::kPatienceMs);
    while (!done()) {
      if (std::chrono::steady_clock::now() > end) return false;
      turn();
    }
    return true;
  }
  /// One turn, which waits only for a moment.
  void turn() {
    runtime.loop.timers().arm(moment_, runtime.loop.tick_after(1));
    runtime.loop.turn();
  }
  /// The worker begins to leave.
  void drain(DrainMode mode) { services.drain(mode); }
  std::unique_ptr<Protocol> protocol_of(ServiceBase& service) {
    host.host(service);
    return services.protocol_of({0});
  }
  std::uint64_t counter(ipc::Counter which) const { return board.counters(0)[static_cast<std::size_t>(which)]; }

  ipc::Scoreboard board;
  Lines log;
  ServiceRuntime services;
  Runtime& runtime = services.runtime();
  ServiceHost& host;

 private:
  struct Moment final : TimerWheel::Entry {
    void on_timer() override {}
  };
  Moment moment_;
};

/// A service made from functions.
struct Lambdas final : Service {
  std::function<Task<void>(Connection&)> connection = [](Connection&) { return Task<void>(); };
  std::function<void(Datagram&)> datagram = [](Datagram&) {};
  Task<void> on_connection(Connection& peer) override { return connection(peer); }
  void on_datagram(Datagram& packet) override { datagram(packet); }
};

/// A service behind connections whose other ends the test holds.
template <class S>
struct ServedBy : Harness {
  using Harness::Harness;
  /// Waiting coroutines are freed only by themselves.
  ~ServedBy() { EXPECT_TRUE(quiet()) << "the test did not end its connections"; }
  /// Hangs up and waits until the server has seen it.
  template <class... Clients>
  void hang_up(Clients&... clients) {
    (clients.reset(), ...);
    EXPECT_TRUE(turn_until([&] { return quiet(); }));
  }
  /// Opens a connection. @return the client's end
  ipc::UniqueFd open(Connected ends = stream_pair()) {
    if (!protocol) protocol = protocol_of(service);
    protocol->open(std::move(ends.server), PeerAddress());
    return std::move(ends.client);
  }
  void send(int client, std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t n = ::send(client, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (n > 0) bytes.remove_prefix(static_cast<std::size_t>(n));
      if (n == -1 && errno != EAGAIN) return;  // the server has closed, which receiving will show
      if (n <= 0) turn();
    }
  }
  /// Reads until the server ends the stream, or `bytes` have come.
  std::string receive(int client, std::size_t bytes = SIZE_MAX) {
    std::string all;
    ended = false;
    broken = 0;
    EXPECT_TRUE(turn_until([&] {
      char chunk[65536];
      const ssize_t n = ::recv(client, chunk, std::min(sizeof chunk, bytes - all.size()), 0);
      if (n > 0) all.append(chunk, static_cast<std::size_t>(n));
      if (n == -1 && errno != EAGAIN) broken = errno;
      ended = n == 0 || broken != 0;
      return ended || all.size() >= bytes;
    })) << "got "
        << all.size() << " bytes";
    return all;
  }
  bool quiet() const { return runtime.connection_count == 0 && runtime.tasks == 0; }

  S service;
  std::unique_ptr<Protocol> protocol;
  bool ended = false;  ///< whether the last receive() saw the end of the stream
  int broken = 0;      ///< the error that it ended with
};

using Served = ServedBy<Lambdas>;

}  // namespace prefork::worker::test
