#pragma once

#include <sys/socket.h>

#include <string>
#include <string_view>
#include <utility>

#include "tests/system/support/process.hpp"

/// Plain sockets that talk to the server.
namespace prefork::system_test {

/// A listener's address as `preforkctl status` shows it: "tcp://127.0.0.1:4711", "unix:/tmp/x".
struct Address {
  explicit Address(const std::string& text);
  std::string host() const;  ///< "127.0.0.1", "[::1]"
  std::string port() const;
  std::string http(const std::string& path) const { return "http://" + host() + ":" + port() + path; }

  std::string text;
  int type;
  sockaddr_storage storage{};
  socklen_t length = 0;
};

/// One connection, or one datagram socket, with a test's patience: each wait that takes longer throws.
class Client {
 public:
  enum class Lag { none, small_window };
  explicit Client(const Address& address, Lag lag = Lag::none);
  Client(Client&& other) noexcept : fd_(std::exchange(other.fd_, -1)), own_path_(std::exchange(other.own_path_, {})) {}
  Client& operator=(Client&&) = delete;
  ~Client();

  int fd() const noexcept { return fd_; }
  Client& send(std::string_view bytes);
  /// Sends what fits without waiting. @return false: the connection is broken
  bool push(std::string_view bytes, std::size_t& sent);
  /// What comes next; empty: the server has closed or reset the connection.
  std::string receive(milliseconds patience = kPatience);
  std::string receive_exactly(std::size_t bytes);
  std::string receive_to_end();
  /// Everything up to and including `end`.
  std::string receive_until(std::string_view end);
  /// Whether nothing has come by now.
  bool silent() const;
  bool closed(milliseconds patience = kPatience);
  void finish_sending();
  void reset();  ///< breaks the connection with a RST

 private:
  int fd_;
  std::string own_path_;
};

/// Connects, sends, and reads to the end.
std::string ask(const Address& address, std::string_view request);
/// Sends an HTTP GET and reads the answer by its Content-Length; the connection stays open.
std::string get(Client& client, const std::string& path = "/");
inline std::string body_of(const std::string& response) { return response.substr(response.find("\r\n\r\n") + 4); }

}  // namespace prefork::system_test
