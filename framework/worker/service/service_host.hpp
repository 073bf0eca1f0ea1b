#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>

#include "framework/worker/service/runtime.hpp"

#include <prefork/context.hpp>

namespace prefork {
class ServiceBase;
}

namespace prefork::ipc {
class SharedHistogram;
class SharedResponses;
}  // namespace prefork::ipc

namespace prefork::worker {

class SharedObjects;
class Signals;

/// Who the worker is, for its services.
struct WorkerIdentity {
  std::string pool;
  unsigned index = 0;
  unsigned generation = 0;
};

struct ServiceLimits {
  std::chrono::milliseconds idle_timeout{0};
  std::chrono::milliseconds write_timeout{0};
  std::chrono::milliseconds request_timeout{0};  ///< zero: no limit
};

/// What the exception says that is being handled. Must be called in a handler of `catch (...)`.
std::string current_exception_text();

/// One service in one worker: the Context that its author sees, and what the runtime keeps for it.
class ServiceHost final : public Context {
 public:
  /// @param options  every declared option, normalised (durations in ms, sizes in bytes, flags 0 or 1)
  ServiceHost(Runtime& runtime, const WorkerIdentity& identity, std::uint8_t index, std::string name,
              std::map<std::string, std::string, std::less<>> options, ServiceLimits limits);
  ~ServiceHost() = default;

  Runtime& runtime() const noexcept { return runtime_; }
  const WorkerIdentity& identity() const noexcept { return identity_; }
  const std::string& name() const noexcept { return name_; }
  std::uint8_t index() const noexcept { return index_; }  ///< index among the worker's services
  const ServiceLimits& limits() const noexcept { return limits_; }
  const std::string& option(std::string_view name) const;
  /// Must be called once, before anything else of the service.
  void host(ServiceBase& service) noexcept { service_ = &service; }
  ServiceBase& service() const noexcept { return *service_; }
  /// The write end of the log writer's pipe, non-blocking; -1: the service has no access log.
  int access_log_fd() const noexcept { return access_log_fd_; }
  void access_log_fd(int fd) noexcept { access_log_fd_ = fd; }
  /// The lowest level that the service logs.
  LogLevel log_level() const noexcept { return log_level_; }
  void log_level(LogLevel level) noexcept { log_level_ = level; }
  /// Where request times are recorded, in nanoseconds; null: they are not recorded.
  const ipc::SharedHistogram* request_times() const noexcept { return request_times_; }
  void request_times(const ipc::SharedHistogram* times) noexcept { request_times_ = times; }
  /// Where responses are counted; null: they are not counted.
  const ipc::SharedResponses* responses() const noexcept { return responses_; }
  void responses(const ipc::SharedResponses* responses) noexcept { responses_ = responses; }
  /// Sets the shared objects and signals. @throws std::logic_error from shared() and signals() if they were never set
  /// (a host in a test)
  void share(SharedObjects& shared, Signals& signals) noexcept;
  SharedObjects& shared() const;
  Signals& signals() const;

  /// Records in the scoreboard what the worker is about to serve, until the end of the loop's turn or until
  /// end_activity(). @return since when, CLOCK_MONOTONIC: exact if the service has a request-timeout, else the start of
  /// the turn
  std::uint64_t begin_activity(ipc::ActivityKind kind, std::string_view text, std::string_view more = {}) noexcept {
    const std::uint64_t since = limits_.request_timeout.count() == 0 ? runtime_.loop.now_ns() : runtime_.beat();
    runtime_.slot.begin_activity(kind, index_, since, text, more);
    return since;
  }

  /// Logs and counts an exception that a service threw. Must be called in a handler of `catch (...)`.
  void log_exception(std::string_view where);

 private:
  Runtime& runtime_;
  const WorkerIdentity& identity_;
  std::uint8_t index_;
  std::string name_;
  std::map<std::string, std::string, std::less<>> options_;
  ServiceLimits limits_;
  ServiceBase* service_ = nullptr;
  SharedObjects* shared_ = nullptr;
  int access_log_fd_ = -1;
  LogLevel log_level_ = LogLevel::debug;
  const ipc::SharedHistogram* request_times_ = nullptr;
  const ipc::SharedResponses* responses_ = nullptr;
  Signals* signals_ = nullptr;
};

inline ServiceHost& host_of(Context& context) noexcept { return static_cast<ServiceHost&>(context); }
inline const ServiceHost& host_of(const Context& context) noexcept { return static_cast<const ServiceHost&>(context); }

}  // namespace prefork::worker
