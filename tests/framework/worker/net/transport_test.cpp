// Goal: streams work the same over a transport that is not a plain socket: one that has records and buffers of its own,
// that must write before it reads, and whose short reads mean nothing. Nothing that it has taken is lost in a close.
#include "framework/worker/net/transport.hpp"

#include <gtest/gtest.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cstdlib>
#include <functional>
#include <thread>

#include "framework/worker/net/blocking_stream.hpp"
#include "framework/worker/net/proxy_gate.hpp"
#include "tests/framework/worker/harness.hpp"
#include "tests/framework/worker/record_layer.hpp"

namespace prefork::worker::test {
namespace {

ipc::UniqueFd file_of(std::string_view bytes) {
  char name[] = "/tmp/transport-XXXXXX";
  ipc::UniqueFd file(ipc::check_syscall(::mkstemp(name), "mkstemp"));
  ::unlink(name);
  EXPECT_EQ(::write(file.get(), bytes.data(), bytes.size()), static_cast<ssize_t>(bytes.size()));
  return file;
}

std::string recv_all(int fd) {
  std::string all;
  char chunk[65536];
  for (ssize_t n = 0; (n = ::recv(fd, chunk, sizeof chunk, 0)) > 0;) all.append(chunk, static_cast<std::size_t>(n));
  return all;
}

TEST(Transport, ASocketByItselfIsOne) {
  Connected ends = stream_pair();
  Transport transport = std::move(ends.server);
  std::array<char, 16> room;
  EXPECT_FALSE(transport.has_layer());
  EXPECT_EQ(transport.recv(room), -1);
  EXPECT_EQ(errno, EAGAIN);
  EXPECT_EQ(transport.awaited(POLLIN), POLLIN);
  ASSERT_EQ(::send(ends.client.get(), "hello", 5, 0), 5);
  EXPECT_EQ(transport.unread(), 5U);
  EXPECT_EQ(transport.peek(room), 5);
  EXPECT_EQ(transport.recv({room.data(), 2}), 2);
  EXPECT_EQ(transport.unread(), 3U);
  const ipc::UniqueFd file = file_of("0123456789");
  EXPECT_EQ(transport.send_file(file.get(), 4, 100), 6);
  EXPECT_EQ(transport.send_file(file.get(), 10, 100), 0) << "the file ends there";
  EXPECT_EQ(transport.send("!"), 1);
  transport.finish_sending();
  EXPECT_EQ(recv_all(ends.client.get()), "456789!");
  const Transport::Remains remains = std::move(transport).finish();
  EXPECT_TRUE(remains.socket.is_open());
  EXPECT_EQ(remains.unsent, "");
}

TEST(Transport, ALayerChangesTheBytes) {
  Connected ends = stream_pair();
  Transport transport(std::move(ends.server), std::make_unique<RecordLayer>());
  std::array<char, 16> room;
  EXPECT_EQ(transport.recv(room), -1);
  EXPECT_EQ(errno, EAGAIN);
  EXPECT_EQ(transport.awaited(POLLIN), POLLOUT) << "it must write first";
  EXPECT_EQ(transport.recv(room), -1);
  EXPECT_EQ(transport.awaited(POLLIN), POLLIN);
  const std::string input = records::records("hello, you");
  ASSERT_EQ(::send(ends.client.get(), input.data(), 4, 0), 4);
  EXPECT_EQ(transport.recv(room), -1) << "a part of a record gives nothing";
  ASSERT_GT(::send(ends.client.get(), input.data() + 4, input.size() - 4, 0), 0);
  EXPECT_EQ(transport.peek(room), 10);
  EXPECT_EQ(transport.recv({room.data(), 5}), 5);
  EXPECT_EQ(std::string_view(room.data(), 5), "hello");
  EXPECT_EQ(transport.unread(), 5U) << "nothing of it is on the socket";
  const ipc::UniqueFd file = file_of("0123456789");
  EXPECT_EQ(transport.send_file(file.get(), 4, 100), 6);
  EXPECT_EQ(transport.send_file(file.get(), 10, 100), 0);
  transport.finish_sending();
  const auto got = records::received(recv_all(ends.client.get()));
  EXPECT_TRUE(got.greeted);
  EXPECT_EQ(got.bytes, "456789");
  EXPECT_TRUE(got.ended);
}

TEST(Transport, WhatALayerKeepsGoesWithTheSocket) {
  Connected ends = stream_pair();
  Transport transport(std::move(ends.server), std::make_unique<RecordLayer>());
  const std::string piece(records::kMostBytes, 'p');
  std::size_t taken = 0;
  transport.send(piece);  // says that there is no room for the greeting
  while (!transport.has_unsent()) taken += static_cast<std::size_t>(std::max<ssize_t>(transport.send(piece), 0));
  EXPECT_EQ(transport.send(piece), -1) << "it takes nothing while it keeps something";
  EXPECT_EQ(errno, EAGAIN);
  EXPECT_EQ(transport.awaited(POLLOUT), POLLOUT);
  const Transport::Remains remains = std::move(transport).finish();
  const auto got = records::received(recv_all(ends.client.get()) + remains.unsent);
  EXPECT_EQ(got.bytes.size(), taken);
  EXPECT_TRUE(got.ended);
  EXPECT_EQ(got.left, 0U);
}

/// Connections of a coroutine service through RecordLayer.
struct Layered : Served {
  using Served::Served;
  ipc::UniqueFd open(Connected ends = stream_pair()) {
    return Served::open(std::move(ends), std::make_unique<RecordLayer>());
  }
  records::Received talk(int client, std::size_t raw_bytes = SIZE_MAX) {
    return records::received(receive(client, raw_bytes));
  }
};
const std::size_t kGreetingBytes = records::record(records::kGreeting).size();

Task<void> echo(Connection& peer) {
  while (auto bytes = co_await peer.read_some()) co_await peer.write(*bytes);
}

TEST(LayeredStream, BytesInPieces) {
  Layered served;
  served.service.connection = echo;
  ipc::UniqueFd client = served.open(tcp_pair());
  for (const char c : records::records("hello, you", 4)) {
    served.send(client.get(), std::string(1, c));
    served.turn();
  }
  served.send(client.get(), records::record({}));
  const auto got = served.talk(client.get());
  EXPECT_TRUE(got.greeted);
  EXPECT_EQ(got.bytes, "hello, you");
  EXPECT_TRUE(got.ended);
  EXPECT_EQ(served.broken, 0);
  EXPECT_EQ(served.counter(ipc::Counter::bytes_in), 10U);
  EXPECT_EQ(served.counter(ipc::Counter::bytes_out), 10U);
  served.hang_up(client);
}

// Goal: what the layer has read ahead is served although no event reports it.
TEST(LayeredStream, OneRecordIsManyReads) {
  Layered served;
  unsigned lines = 0;
  served.service.connection = [&](Connection& peer) -> Task<void> {
    while (co_await peer.read_line()) ++lines;
  };
  std::string text;
  while (text.size() + 8 < records::kMostBytes) text += "a line\n";
  const auto wanted = static_cast<unsigned>(text.size() / 7);
  ipc::UniqueFd client = served.open(tcp_pair());
  served.send(client.get(), records::record(text));
  EXPECT_TRUE(served.turn_until([&] { return lines == wanted; })) << lines << " of " << wanted;
  served.hang_up(client);
}

TEST(LayeredStream, BackPressureAndACloseThatLosesNothing) {
  const std::string answer(1'000'000, 'a');
  for (const bool half_closed : {false, true}) {
    Layered served;
    served.service.connection = [&](Connection& peer) -> Task<void> {
      co_await peer.read_line();
      co_await peer.write(answer);
    };
    ipc::UniqueFd client = served.open(tcp_pair(4096));
    served.send(client.get(), records::records("go\nwhat nobody reads"));
    if (half_closed) ::shutdown(client.get(), SHUT_WR);
    const auto got = served.talk(client.get());
    EXPECT_EQ(got.bytes.size(), answer.size());
    EXPECT_TRUE(got.ended);
    EXPECT_EQ(got.left, 0U);
    EXPECT_EQ(served.broken, 0);
    served.hang_up(client);
  }
}

// Goal: the connection is over for its service while the layer still keeps a record, which the client gets.
TEST(LayeredStream, TheLastRecordArrivesAlthoughTheSocketWasFull) {
  for (const bool half_closed : {false, true}) {
    Layered served;
    served.service.connection = [](Connection& peer) -> Task<void> {
      for (int i = 0; i < 5; ++i) co_await peer.write(std::string(records::kMostBytes, 'x'));
    };
    Connected ends = stream_pair();
    const int room = 1;  // the kernel's minimum
    ::setsockopt(ends.server.get(), SOL_SOCKET, SO_SNDBUF, &room, sizeof room);
    ipc::UniqueFd client = served.open(std::move(ends));
    if (half_closed) ::shutdown(client.get(), SHUT_WR);
    std::string raw = served.receive(client.get(), kGreetingBytes + 4 * (records::kMostBytes + 2));
    EXPECT_TRUE(served.turn_until([&] { return served.quiet(); }));
    EXPECT_FALSE(served.runtime.idle());
    raw += served.receive(client.get());
    const auto got = records::received(raw);
    EXPECT_EQ(got.bytes.size(), 5 * records::kMostBytes) << "half closed: " << half_closed;
    EXPECT_TRUE(got.ended);
    client.reset();
    EXPECT_TRUE(served.turn_until([&] { return served.runtime.idle(); }));
  }
}

TEST(LayeredStream, AWriterWhoseClientStaysSilentTimesOut) {
  Layered served(ServiceLimits{0ms, 20ms, 0ms});
  bool written = true;
  served.service.connection = [&](Connection& peer) -> Task<void> {
    written = co_await peer.write(std::string(5'000'000, 'a'));
  };
  ipc::UniqueFd client = served.open(tcp_pair(4096));
  EXPECT_TRUE(served.turn_until([&] { return served.quiet(); }));
  EXPECT_FALSE(written);
  EXPECT_EQ(served.counter(ipc::Counter::timeouts), 1U);
}

TEST(LayeredProxyGate, TakesTheHeaderOffTheRecords) {
  Layered served;
  std::string seen;
  served.service.connection = [&](Connection& peer) -> Task<void> {
    seen = peer.peer_address();
    co_await echo(peer);
  };
  served.protocol = behind_proxy(served.host, served.protocol_of(served.service));
  ipc::UniqueFd client = served.open(tcp_pair());
  for (const char c : records::records("PROXY TCP4 192.0.2.7 10.0.0.1 51251 80\r\nhello", 7)) {
    served.send(client.get(), std::string(1, c));
    served.turn();
  }
  served.send(client.get(), records::record({}));
  EXPECT_EQ(served.talk(client.get()).bytes, "hello");
  EXPECT_EQ(seen, "192.0.2.7:51251");
  served.hang_up(client);
}

struct NoDuties final : BlockingDuties {
  ipc::UniqueFd bell{::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)};
  int duty_fd() const noexcept override { return bell.get(); }
  void attend() override {}
};

struct Handler final : BlockingService {
  std::function<void(Stream&)> call;
  void handle(Stream& peer) override { call(peer); }
};

/// Serves one blocking connection through RecordLayer to its end. @return what a client gets that has sent `input`
records::Received serve_blocking(std::string_view input, std::function<void(Stream&)> call) {
  Harness h(ServiceLimits{5000ms, 5000ms, 0ms});
  NoDuties duties;
  h.runtime.duties = &duties;
  Handler service;
  service.call = std::move(call);
  Connected ends = stream_pair();
  ::fcntl(ends.client.get(), F_SETFL, 0);
  std::string raw;
  std::thread client([&] {
    for (const char c : records::records(input, 1000) + records::record({})) {
      ASSERT_EQ(::send(ends.client.get(), &c, 1, MSG_NOSIGNAL), 1);
    }
    ::shutdown(ends.client.get(), SHUT_WR);
    raw = recv_all(ends.client.get());
  });
  h.protocol_of(service)->open(Transport(std::move(ends.server), std::make_unique<RecordLayer>()), PeerAddress());
  EXPECT_TRUE(h.turn_until([&] { return h.runtime.idle(); }));
  client.join();
  return records::received(std::move(raw));
}

TEST(LayeredBlockingStream, ReadsAndWrites) {
  const auto got = serve_blocking("one\ntwo\n" + std::string(5000, 'x') + "\nlast", [](Stream& peer) {
    while (const auto line = peer.read_line()) {
      EXPECT_TRUE(peer.write("[" + std::to_string(line->size()) + "]"));
    }
  });
  EXPECT_TRUE(got.greeted);
  EXPECT_EQ(got.bytes, "[3][3][5000][4]");
  EXPECT_TRUE(got.ended);
}

TEST(LayeredBlockingStream, AWriteLeavesNothingBehind) {
  const std::string large(3'000'000, 'l');
  const auto got = serve_blocking("", [&](Stream& peer) { EXPECT_TRUE(peer.write(large)); });
  EXPECT_EQ(got.bytes.size(), large.size());
  EXPECT_TRUE(got.ended);
}

}  // namespace
}  // namespace prefork::worker::test
