#pragma once

#include <set>

#include "tests/system/support/harness.hpp"

namespace prefork::system_test {

/// systemd's end of NOTIFY_SOCKET.
class Manager {
 public:
  explicit Manager(const std::string& path);
  Manager(const Manager&) = delete;
  Manager& operator=(const Manager&) = delete;
  ~Manager();

  /// Everything said so far, in order.
  const std::vector<std::string>& heard();
  /// Waits until a message with this beginning has come this many times.
  testing::AssertionResult hears(const std::string& start, std::size_t times = 1);
  /// How often a message with this beginning has come so far.
  std::size_t times(const std::string& start);
  /// The messages about states, without those for people and the watchdog's.
  std::vector<std::string> states();
  /// Who has sent something so far.
  const std::set<pid_t>& speakers() const noexcept { return speakers_; }

 private:
  int fd_;
  std::vector<std::string> heard_;
  std::set<pid_t> speakers_;
};

/// A server that finds a manager's socket in its environment.
struct Managed {
  explicit Managed(const std::string& sections, std::vector<std::string> environment = {})
      : server(sections, {.environment = with_socket(std::move(environment))}) {}
  std::vector<std::string> with_socket(std::vector<std::string> environment) const {
    environment.push_back("NOTIFY_SOCKET=" + (own / "notify"));
    return environment;
  }

  TempDir own;
  Manager manager{own / "notify"};
  Server server;
};

}  // namespace prefork::system_test
