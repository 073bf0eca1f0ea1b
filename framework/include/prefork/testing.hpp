#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <prefork/manifest.hpp>
#include <prefork/plugin.hpp>
#include <prefork/service.hpp>

/// For a service author's tests: runs a service in the test's own process, with the runtime that a worker has, and
/// talks to it. Link to prefork::testing, and compile the service's source into the test. One thread; every wait ends
/// after ten seconds with a std::runtime_error that says what it waited for. WebSockets and event streams are ordinary
/// connections: docs/http.md, "Testing a service".
namespace prefork::testkit {

using Options = std::map<std::string, std::string, std::less<>>;

/// A parsed HTTP response.
struct Answer {
  unsigned status = 0;
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;  ///< without chunk framing

  /// The first field with that name, in any case.
  std::optional<std::string_view> header(std::string_view name) const noexcept;
};

class ServiceTester;

/// One connection to the service, held by the test. It must not outlive its ServiceTester.
class Client {
 public:
  Client(Client&& other) noexcept : tester_(other.tester_), fd_(std::exchange(other.fd_, -1)) {}
  Client& operator=(Client&&) = delete;
  ~Client();

  Client& send(std::string_view bytes);
  /// Everything up to and including `end`; what comes after it is kept for the next call.
  std::string receive_until(std::string_view end);
  std::string receive(std::size_t bytes);
  /// Everything until the service closes.
  std::string receive_to_end();
  /// The next HTTP response. @throws std::runtime_error if something else arrives
  Answer receive_answer(bool head_only = false);
  /// Ends the sending side: the service sees the end of the input; the client can still receive.
  void finish_sending();

 private:
  friend class ServiceTester;
  Client(ServiceTester& tester, int fd) noexcept : tester_(tester), fd_(fd) {}
  bool fill();

  ServiceTester& tester_;
  int fd_;
  std::string received_;
};

/// A running service. Its describe(), start() and routes() have been called as in worker 0 of a pool `main`; options
/// and the sizes of shared objects are checked and defaulted as in the server.
class ServiceTester {
 public:
  /// @throws std::runtime_error for an invalid option, std::invalid_argument, and whatever start() throws
  template <class S>
  static ServiceTester of(const Options& options = {}) {
    Manifest manifest;
    detail::describe_service<S>(manifest, Given(options));
    return ServiceTester(manifest, S::kKind, std::make_unique<S>(), options);
  }
  ServiceTester(const ServiceTester&) = delete;
  ServiceTester& operator=(const ServiceTester&) = delete;
  ServiceTester(ServiceTester&&) noexcept;
  /// Ends as a worker does: drains, waits for connections and coroutines, calls stop(). Aborts, with a message, if they
  /// do not end. Destroy the clients first.
  ~ServiceTester();

  Client connect();
  /// Opens a connection, sends the bytes, ends the sending side, and returns everything until the service closes.
  std::string exchange(std::string_view bytes);
  /// Sends a request on a connection of its own. Host and, for a body, Content-Length are added.
  Answer request(std::string_view method, std::string_view target, std::string_view body = {},
                 const std::vector<std::pair<std::string, std::string>>& headers = {});
  Answer get(std::string_view target) { return request("GET", target); }
  Answer post(std::string_view target, std::string_view body, std::string_view media_type) {
    return request("POST", target, body, {{"Content-Type", std::string(media_type)}});
  }

  /// Lets the service run until `done` returns true: for what timers and coroutines do without a connection.
  void run_until(const std::function<bool()>& done, std::string_view what = "a condition");
  /// The worker begins to drain, as when the server stops.
  void drain();

  ServiceBase& service() const noexcept;
  Context& context() const noexcept;
  /// What the service has logged.
  const std::vector<std::string>& log() const noexcept;

 private:
  friend class Client;
  class Stage;
  ServiceTester(const Manifest& manifest, ServiceKind kind, std::unique_ptr<ServiceBase> service,
                const Options& options);

  std::unique_ptr<Stage> stage_;
};

}  // namespace prefork::testkit
