#include "framework/worker/service/service_host.hpp"

#include <charconv>
#include <exception>
#include <stdexcept>

#include "framework/worker/service/detached.hpp"

namespace prefork::worker {

ServiceHost::ServiceHost(Runtime& runtime, const WorkerIdentity& identity, std::uint8_t index, std::string name,
                         std::map<std::string, std::string, std::less<>> options, ServiceLimits limits)
    : runtime_(runtime),
      identity_(identity),
      index_(index),
      name_(std::move(name)),
      options_(std::move(options)),
      limits_(limits) {}

const std::string& ServiceHost::option(std::string_view name) const {
  const auto found = options_.find(name);
  if (found == options_.end()) {
    throw std::logic_error("service " + name_ + " asks for option \"" + std::string(name) +
                           "\", which its describe() does not declare");
  }
  return found->second;
}

void LogSink::log_of(const ServiceHost& service, LogLevel level, std::string_view line) {
  log(level, service.name() + ": " + std::string(line));
}

void ServiceHost::share(SharedObjects& shared, Signals& signals) noexcept {
  shared_ = &shared;
  signals_ = &signals;
}

SharedObjects& ServiceHost::shared() const {
  if (shared_ == nullptr) throw std::logic_error("service " + name_ + " has no shared objects");
  return *shared_;
}

Signals& ServiceHost::signals() const {
  if (signals_ == nullptr) throw std::logic_error("service " + name_ + " has no signals");
  return *signals_;
}

std::string current_exception_text() {
  try {
    throw;
  } catch (const std::exception& error) {
    return error.what();
  } catch (...) {
    return "an exception that is no std::exception";
  }
}

void ServiceHost::log_exception(std::string_view where) {
  runtime_.slot.add(ipc::Counter::handler_errors);
  log(LogLevel::error, std::string(where) + ": " + current_exception_text());
}

}  // namespace prefork::worker

namespace prefork {

using worker::host_of;

namespace {

std::int64_t to_number(const std::string& value, std::string_view name) {
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
  if (error != std::errc() || end != value.data() + value.size()) {
    throw std::logic_error("option \"" + std::string(name) + "\" is not of the type that it is asked for");
  }
  return number;
}

}  // namespace

const std::string& Context::service() const noexcept { return host_of(*this).name(); }
const std::string& Context::pool() const noexcept { return host_of(*this).identity().pool; }
unsigned Context::worker_index() const noexcept { return host_of(*this).identity().index; }
unsigned Context::generation() const noexcept { return host_of(*this).identity().generation; }
bool Context::draining() const noexcept { return host_of(*this).runtime().drain != worker::DrainMode::none; }

const std::string& OptionValues::text(std::string_view name) const { return host_of(*context_).option(name); }
std::int64_t OptionValues::integer(std::string_view name) const { return to_number(text(name), name); }
bool OptionValues::flag(std::string_view name) const { return to_number(text(name), name) != 0; }
std::chrono::milliseconds OptionValues::duration(std::string_view name) const {
  return std::chrono::milliseconds(to_number(text(name), name));
}
std::uint64_t OptionValues::size(std::string_view name) const {
  return static_cast<std::uint64_t>(to_number(text(name), name));
}

bool Context::logs(LogLevel level) const noexcept { return level >= host_of(*this).log_level(); }

void Context::log(LogLevel level, std::string_view line) {
  if (logs(level)) host_of(*this).runtime().log.log_of(host_of(*this), level, line);
}

void Context::spawn(Task<void> task) { worker::run_detached(host_of(*this), std::move(task), "spawned coroutine"); }

}  // namespace prefork
