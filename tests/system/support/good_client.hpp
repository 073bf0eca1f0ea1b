#pragma once

#include <atomic>
#include <thread>

#include "tests/system/support/harness.hpp"

namespace prefork::system_test {

/// Two workers of a service `hello` that its clients can tell apart.
inline constexpr const char* kWho = R"([pool main]
workers = 2
[service hello]
plugin = {plugins}/who.so
answer = Hello, World!
listen = tcp://127.0.0.1:0
)";

/// Asks the service `hello` repeatedly, over a new connection each time, while others misbehave. At the end it expects
/// that every request was answered, and that none waited for long.
class GoodClient {
 public:
  explicit GoodClient(const Server& server) : address_(server.address("hello")), thread_([this] { work(); }) {}
  ~GoodClient();
  GoodClient(const GoodClient&) = delete;
  GoodClient& operator=(const GoodClient&) = delete;

  int answers() const noexcept { return answers_; }

 private:
  void work();

  Address address_;
  std::atomic<bool> over_ = false;
  std::atomic<int> answers_ = 0, failures_ = 0;
  milliseconds slowest_{0};
  std::thread thread_;
};

/// What the service `hello` answers to a new client.
std::string greeting(const Server& server);
/// @return what a service of lines answers to the line, without its line end; empty: nothing
std::string say(Client& client, const std::string& line);
/// The most memory that a worker has had, in KiB.
long most_rss_kib(const Server& server);
/// How much more memory a server may take than intended: sanitizers keep notes about each byte.
#if defined(__SANITIZE_ADDRESS__)
inline constexpr long kMemoryFactor = 4;
#else
inline constexpr long kMemoryFactor = 1;
#endif

}  // namespace prefork::system_test
