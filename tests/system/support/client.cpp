#include "tests/system/support/client.hpp"

#include <netdb.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <stdexcept>
#include <system_error>

namespace prefork::system_test {

namespace {

[[noreturn]] void fail(const std::string& call) { throw std::system_error(errno, std::generic_category(), call); }

bool ready(int fd, short events, milliseconds patience) {
  pollfd wanted{fd, events, 0};
  return ::poll(&wanted, 1, static_cast<int>(patience.count())) == 1;
}

}  // namespace

Address::Address(const std::string& address) : text(address) {
  const bool datagram = text.starts_with("udp:") || text.starts_with("unix-dgram:");
  type = datagram ? SOCK_DGRAM : SOCK_STREAM;
  if (text.starts_with("unix")) {
    sockaddr_un name{};
    name.sun_family = AF_UNIX;
    text.copy(name.sun_path, sizeof name.sun_path - 1, text.find(':') + 1);
    std::memcpy(&storage, &name, length = sizeof name);
    return;
  }
  std::string name = host();
  if (name.starts_with("[")) name = name.substr(1, name.size() - 2);
  addrinfo hints{}, *found = nullptr;
  hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV;
  if (::getaddrinfo(name.c_str(), port().c_str(), &hints, &found) != 0) throw std::runtime_error("no address: " + text);
  std::memcpy(&storage, found->ai_addr, length = found->ai_addrlen);
  ::freeaddrinfo(found);
}

std::string Address::host() const {
  const auto from = text.find("//") + 2;
  return text.substr(from, text.rfind(':') - from);
}

std::string Address::port() const { return text.substr(text.rfind(':') + 1); }

Client::Client(const Address& address, Lag lag)
    : fd_(::socket(address.storage.ss_family, address.type | SOCK_CLOEXEC, 0)) {
  if (fd_ == -1) fail("socket");
  if (lag == Lag::small_window) {
    const int bytes = 4096;
    ::setsockopt(fd_, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
  }
  if (address.storage.ss_family == AF_UNIX && address.type == SOCK_DGRAM) {  // to be answered, it needs a name
    static std::atomic<int> number{0};
    sockaddr_un own{};
    own.sun_family = AF_UNIX;
    const std::string folder = address.text.substr(address.text.find(':') + 1);
    own_path_ = folder + ".client" + std::to_string(++number);
    own_path_.copy(own.sun_path, sizeof own.sun_path - 1);
    if (::bind(fd_, reinterpret_cast<const sockaddr*>(&own), sizeof own) == -1) fail("bind " + own_path_);
    ::chmod(own_path_.c_str(), 0777);  // workers that are nobody answer there
  }
  if (::connect(fd_, reinterpret_cast<const sockaddr*>(&address.storage), address.length) == -1) {
    const int error = errno;
    ::close(fd_);
    errno = error;
    fail("connect " + address.text);
  }
}

Client::~Client() {
  if (fd_ != -1) ::close(fd_);
  if (!own_path_.empty()) ::unlink(own_path_.c_str());
}

Client& Client::send(std::string_view bytes) {
  while (!bytes.empty()) {
    if (!ready(fd_, POLLOUT, kPatience)) throw std::runtime_error("the server does not read");
    const ssize_t n = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (n == -1) fail("send");
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
  return *this;
}

bool Client::push(std::string_view bytes, std::size_t& sent) {
  const ssize_t n = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  if (n > 0) sent += static_cast<std::size_t>(n);
  return n >= 0 || errno == EAGAIN;
}

std::string Client::receive(milliseconds patience) {
  char chunk[65536];
  if (!ready(fd_, POLLIN, patience)) throw std::runtime_error("no answer in time");
  const ssize_t n = ::recv(fd_, chunk, sizeof chunk, 0);
  if (n == -1 && errno != ECONNRESET && errno != EPIPE) fail("recv");
  return n > 0 ? std::string(chunk, static_cast<std::size_t>(n)) : std::string();
}

std::string Client::receive_exactly(std::size_t bytes) {
  std::string all;
  while (all.size() < bytes) {
    std::string chunk(bytes - all.size(), '\0');
    if (!ready(fd_, POLLIN, kPatience)) throw std::runtime_error("no answer in time, only: " + all.substr(0, 200));
    const ssize_t n = ::recv(fd_, chunk.data(), chunk.size(), 0);
    if (n <= 0) throw std::runtime_error("the server closed; it had sent: " + all.substr(0, 200));
    all.append(chunk, 0, static_cast<std::size_t>(n));
  }
  return all;
}

std::string Client::receive_to_end() {
  std::string all;
  for (std::string chunk; !(chunk = receive()).empty();) all += chunk;
  return all;
}

std::string Client::receive_until(std::string_view end) {
  std::string all;
  while (!all.ends_with(end)) all += receive_exactly(1);
  return all;
}

bool Client::silent() const { return !ready(fd_, POLLIN, 0ms); }

bool Client::closed(milliseconds patience) {
  const auto deadline = std::chrono::steady_clock::now() + patience;
  for (;;) {
    const auto left = std::chrono::ceil<milliseconds>(deadline - std::chrono::steady_clock::now());
    if (left <= 0ms || !ready(fd_, POLLIN, left)) return false;
    char chunk[65536];
    if (::recv(fd_, chunk, sizeof chunk, 0) <= 0) return true;
  }
}

void Client::finish_sending() { ::shutdown(fd_, SHUT_WR); }

void Client::reset() {
  const linger now{1, 0};
  ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &now, sizeof now);
  ::close(std::exchange(fd_, -1));
}

std::string ask(const Address& address, std::string_view request) {
  Client client(address);
  client.send(request).finish_sending();
  return client.receive_to_end();
}

std::string get(Client& client, const std::string& path) {
  client.send("GET " + path + " HTTP/1.1\r\nHost: test\r\n\r\n");
  std::string head = client.receive_until("\r\n\r\n");
  const auto at = head.find("Content-Length: ");
  if (at == std::string::npos) throw std::runtime_error("no Content-Length in: " + head);
  return head + client.receive_exactly(std::stoul(head.substr(at + 16)));
}

}  // namespace prefork::system_test
