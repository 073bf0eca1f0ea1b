// A closed-loop load generator for echo services: each connection keeps a number of messages under way,
// sends a new one for each answer, and checks every answer byte by byte. One thread.
#include <fcntl.h>
#include <getopt.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <exception>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include "ipc/posix/syscall.hpp"
#include "tests/bench/echo_client.hpp"

namespace {

using namespace prefork::bench;
using prefork::ipc::check_syscall;
using prefork::ipc::UniqueFd;

constexpr char kUsage[] =
    "Usage: prefork-loadgen [--proto tcp|udp|unix|ws] [OPTION]... ADDRESS\n"
    "Drives an echo service and checks every answer. ADDRESS: HOST:PORT, [HOST]:PORT, or a socket's path.\n\n"
    "  --proto P         tcp (the default), udp, unix, ws (a WebSocket at / over tcp)\n"
    "  --connections N   1 to 20000, default 64\n"
    "  --bytes N         of a message, 8 to 65536 (udp: to 65507), default 64\n"
    "  --seconds N       1 to 3600, default 3\n"
    "  --pipeline N      messages under way on a connection, 1 to 1024, default 1\n"
    "  --json            print one line of JSON\n\n"
    "Exit codes: 0 all answers came and were right; 1 some did not; 64 usage; 69 can't connect.\n";

struct UsageError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

enum class Proto { tcp, udp, unix_stream, ws };

struct Options {
  Proto proto = Proto::tcp;
  std::string address;
  std::size_t connections = 64, bytes = 64, seconds = 3, pipeline = 1;
  bool json = false;
};

std::size_t number(const char* name, std::string_view text, std::size_t least, std::size_t most) {
  std::size_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < least || value > most) {
    throw UsageError(std::string(name) + " is a number from " + std::to_string(least) + " to " + std::to_string(most));
  }
  return value;
}

Proto proto(std::string_view text) {
  if (text == "tcp") return Proto::tcp;
  if (text == "udp") return Proto::udp;
  if (text == "unix") return Proto::unix_stream;
  if (text == "ws") return Proto::ws;
  throw UsageError("--proto is tcp, udp, unix or ws");
}

Options read_options(int argc, char** argv) {
  static const std::array<option, 8> table{{{"proto", required_argument, nullptr, 'p'},
                                            {"connections", required_argument, nullptr, 'c'},
                                            {"bytes", required_argument, nullptr, 'b'},
                                            {"seconds", required_argument, nullptr, 's'},
                                            {"pipeline", required_argument, nullptr, 'n'},
                                            {"json", no_argument, nullptr, 'j'},
                                            {"help", no_argument, nullptr, 'h'},
                                            {nullptr, 0, nullptr, 0}}};
  Options options;
  for (int key; (key = ::getopt_long(argc, argv, "", table.data(), nullptr)) != -1;) {
    switch (key) {
      case 'p':
        options.proto = proto(optarg);
        break;
      case 'c':
        options.connections = number("--connections", optarg, 1, 20000);
        break;
      case 'b':
        options.bytes = number("--bytes", optarg, kStampBytes, 65536);
        break;
      case 's':
        options.seconds = number("--seconds", optarg, 1, 3600);
        break;
      case 'n':
        options.pipeline = number("--pipeline", optarg, 1, 1024);
        break;
      case 'j':
        options.json = true;
        break;
      case 'h':
        throw UsageError("");
      default:
        throw UsageError("see --help");
    }
  }
  if (optind != argc - 1) throw UsageError("one ADDRESS is needed");
  options.address = argv[optind];
  if (options.proto == Proto::udp && options.bytes > 65507) throw UsageError("a datagram has at most 65507 bytes");
  if (options.connections * options.bytes * options.pipeline > (std::size_t{256} << 20)) {
    throw UsageError("more than 256 MiB would be under way: fewer connections, bytes or messages");
  }
  return options;
}

struct Address {
  sockaddr_storage storage{};
  socklen_t length = 0;
};

Address unix_address(const std::string& path) {
  Address address;
  auto& un = reinterpret_cast<sockaddr_un&>(address.storage);
  if (path.size() >= sizeof un.sun_path) throw UsageError("the path of the socket is too long");
  un.sun_family = AF_UNIX;
  std::memcpy(un.sun_path, path.c_str(), path.size() + 1);
  address.length = sizeof un;
  return address;
}

Address inet_address(const std::string& text, int type) {
  const auto colon = text.rfind(':');
  if (colon == std::string::npos) throw UsageError("ADDRESS is HOST:PORT");
  std::string host = text.substr(0, colon);
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') host = host.substr(1, host.size() - 2);
  addrinfo hints{};
  hints.ai_socktype = type;
  addrinfo* found = nullptr;
  if (const int error = ::getaddrinfo(host.c_str(), text.c_str() + colon + 1, &hints, &found); error != 0) {
    throw UsageError(text + ": " + ::gai_strerror(error));
  }
  Address address;
  std::memcpy(&address.storage, found->ai_addr, found->ai_addrlen);
  address.length = found->ai_addrlen;
  ::freeaddrinfo(found);
  return address;
}

/// The header of a frame with a binary message. A client's has a mask: one of zeros, so that the payload stays as it
/// is.
std::string frame_head(std::size_t bytes, bool masked) {
  const unsigned mask_bit = masked ? 0x80 : 0;
  std::string head = "\x82";
  if (bytes < 126) {
    head += static_cast<char>(mask_bit | bytes);
  } else {
    const unsigned length_bytes = bytes < 65536 ? 2 : 8;
    head += static_cast<char>(mask_bit | (length_bytes == 2 ? 126U : 127U));
    for (unsigned i = length_bytes; i-- > 0;) head += static_cast<char>(bytes >> (8 * i) & 0xff);
  }
  return masked ? head + std::string(4, '\0') : head;
}

/// The opening handshake of a WebSocket, RFC 6455 4.1. Blocks.
void shake_hands(int fd, const Options& options) {
  const std::string request = "GET / HTTP/1.1\r\nHost: " + options.address +
                              "\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                              "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
  const ssize_t sent = ::send(fd, request.data(), request.size(), MSG_NOSIGNAL);
  std::string answer;
  for (char c; sent == static_cast<ssize_t>(request.size()) && !answer.ends_with("\r\n\r\n") && answer.size() < 4096;) {
    if (::recv(fd, &c, 1, 0) != 1) break;
    answer += c;
  }
  if (!answer.ends_with("\r\n\r\n") || answer.find("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=") == std::string::npos) {
    throw std::runtime_error(options.address + " does not answer a WebSocket handshake: " + answer);
  }
}

UniqueFd connect_to(const Options& options, const Address& address) {
  const int type = options.proto == Proto::udp ? SOCK_DGRAM : SOCK_STREAM;
  UniqueFd fd(check_syscall(::socket(address.storage.ss_family, type | SOCK_CLOEXEC, 0), "socket"));
  const timeval patience{5, 0};
  ::setsockopt(fd.get(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  ::setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  check_syscall(::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address.storage), address.length),
                "connect " + options.address);
  if (options.proto == Proto::tcp || options.proto == Proto::ws) {
    const int on = 1;
    ::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  }
  if (options.proto == Proto::ws) shake_hands(fd.get(), options);
  check_syscall(::fcntl(fd.get(), F_SETFL, O_NONBLOCK), "fcntl");
  return fd;
}

void raise_descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) == 0) {
    limit.rlim_cur = limit.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &limit);
  }
}

class Run {
 public:
  Run(const Options& options, const Address& address) : options_(options) {
    load_.message_bytes = options.bytes;
    load_.pipeline = options.pipeline;
    if (options.proto == Proto::ws) {
      load_.question_head = frame_head(options.bytes, true);
      load_.answer_head = frame_head(options.bytes, false);
    }
    for (std::size_t i = 0; i < options.connections; ++i) {
      clients_.push_back(
          std::make_unique<EchoClient>(connect_to(options, address), load_, options.proto == Proto::udp));
      epoll_event event{};
      event.events = EPOLLIN;
      event.data.u64 = i;
      check_syscall(::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, clients_[i]->fd(), &event), "epoll_ctl");
    }
    writing_.resize(options.connections);
  }

  /// @return the seconds that were measured.
  double drive() {
    const std::uint64_t start = now_ns();
    for (std::size_t i = 0; i < clients_.size(); ++i) {
      clients_[i]->start(now_ns());
      watch_writing(i);
    }
    const std::uint64_t end = start + options_.seconds * 1'000'000'000;
    std::uint64_t now = start;
    for (; now < end && any_open_; now = now_ns()) turn(now);
    const double seconds = static_cast<double>(now - start) / 1e9;
    measured_ = load_.messages;
    load_.stopping = true;
    while (!all_idle() && now_ns() < end + kPatienceNs) turn(now_ns());
    // A stream that still owes answers after that counts as broken.
    for (const auto& client : clients_) {
      if (!client->idle() && options_.proto != Proto::udp) ++load_.closed;
    }
    if (options_.proto == Proto::udp) give_up(now_ns(), now_ns());
    return seconds;
  }

  const Load& load() const noexcept { return load_; }
  std::uint64_t measured() const noexcept { return measured_; }

 private:
  static constexpr std::uint64_t kPatienceNs = 1'000'000'000;
  static constexpr std::uint64_t kLostNs = 500'000'000;

  bool all_idle() const {
    for (const auto& client : clients_) {
      if (!client->idle()) return false;
    }
    return true;
  }
  void give_up(std::uint64_t before, std::uint64_t now) {
    any_open_ = false;
    for (const auto& client : clients_) {
      client->give_up(before, now);
      any_open_ = any_open_ || client->is_open();
    }
  }

  void watch_writing(std::size_t i) {
    EchoClient& client = *clients_[i];
    if (!client.is_open() || client.wants_to_write() == writing_[i]) return;
    writing_[i] = client.wants_to_write();
    epoll_event event{};
    event.events = writing_[i] ? EPOLLIN | EPOLLOUT : EPOLLIN;
    event.data.u64 = i;
    check_syscall(::epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, client.fd(), &event), "epoll_ctl");
  }

  void turn(std::uint64_t now) {
    std::array<epoll_event, 256> events;
    const int count = ::epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), 50);
    for (int n = 0; n < count; ++n) {
      const std::size_t i = events[static_cast<std::size_t>(n)].data.u64;
      if (!clients_[i]->is_open()) continue;
      if ((events[static_cast<std::size_t>(n)].events & EPOLLOUT) != 0) clients_[i]->on_writable();
      if ((events[static_cast<std::size_t>(n)].events & ~EPOLLOUT) != 0) clients_[i]->on_readable();
      watch_writing(i);
    }
    if (now < next_check_ns_) return;
    next_check_ns_ = now + 100'000'000;
    give_up(now - kLostNs, now);
  }

  const Options& options_;
  Load load_;
  UniqueFd epoll_{check_syscall(::epoll_create1(EPOLL_CLOEXEC), "epoll_create1")};
  std::vector<std::unique_ptr<EchoClient>> clients_;
  std::vector<bool> writing_;
  std::uint64_t measured_ = 0;
  bool any_open_ = true;
  std::uint64_t next_check_ns_ = 0;
};

void report(const Options& options, const Run& run, double seconds) {
  const Load& load = run.load();
  const auto us = [](std::uint64_t ns) { return static_cast<double>(ns) / 1e3; };
  const double rate = static_cast<double>(run.measured()) / seconds;
  const auto count = [](std::uint64_t n) { return static_cast<unsigned long long>(n); };
  std::printf(options.json
                  ? "{\"messages\":%llu,\"messages_per_second\":%.1f,\"p50_us\":%.1f,\"p99_us\":%.1f,\"max_us\":%.1f,"
                    "\"wrong\":%llu,\"closed\":%llu,\"lost\":%llu}\n"
                  : "%llu messages, %.0f a second; round trip p50 %.1f us, p99 %.1f us, max %.1f us\n"
                    "errors: %llu wrong answers, %llu connections broken, %llu datagrams lost\n",
              count(load.messages), rate, us(load.latency.quantile(0.5)), us(load.latency.quantile(0.99)),
              us(load.latency.max()), count(load.wrong), count(load.closed), count(load.lost));
}

}  // namespace

int main(int argc, char** argv) {
  try {
    const Options options = read_options(argc, argv);
    raise_descriptor_limit();
    const Address address = options.proto == Proto::unix_stream
                                ? unix_address(options.address)
                                : inet_address(options.address, options.proto == Proto::udp ? SOCK_DGRAM : SOCK_STREAM);
    Run run(options, address);
    const double seconds = run.drive();
    report(options, run, seconds);
    return run.load().errors() == 0 && run.load().messages > 0 ? 0 : 1;
  } catch (const UsageError& error) {
    if (*error.what() == '\0') return std::fputs(kUsage, stdout) >= 0 ? 0 : 74;
    std::fprintf(stderr, "prefork-loadgen: %s\n", error.what());
    return 64;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "prefork-loadgen: %s\n", error.what());
    return 69;
  }
}
