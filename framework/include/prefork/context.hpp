#pragma once

#include <chrono>
#include <coroutine>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>

#include <prefork/api.hpp>
#include <prefork/task.hpp>

namespace prefork {

enum class LogLevel : std::uint8_t { debug, info, notice, warning, error };

/// A running timer. Destroying it stops the timer; `detach()` lets it run as long as the worker.
class PREFORK_API Timer {
 public:
  class Impl;
  Timer() noexcept;
  explicit Timer(std::shared_ptr<Impl> impl) noexcept;
  Timer(Timer&&) noexcept;
  Timer& operator=(Timer&&) noexcept;
  ~Timer();

  /// Stops the timer; a callback that is running goes on to its end.
  void cancel() noexcept;
  void detach() && noexcept;
  bool active() const noexcept;

 private:
  std::shared_ptr<Impl> impl_;
};

// What workers share: prefork/queue.hpp, topic.hpp, semaphore.hpp, event.hpp, metrics.hpp, table.hpp,
// channel.hpp, signal.hpp.
class Queue;
class Topic;
class Semaphore;
class Mutex;
class Event;
class Barrier;
class Counter;
class Gauge;
class Histogram;
class Table;
class Channel;
struct Signal;

class Context;

/// The options of a service that its `describe` declared; ranges were checked before the worker was forked. Valid as
/// long as the context. Asking for a name that was not declared, or by another type, throws std::logic_error.
class PREFORK_API OptionValues {
 public:
  /// A text, choice, secret, folder or file.
  const std::string& text(std::string_view name) const;
  std::int64_t integer(std::string_view name) const;
  bool flag(std::string_view name) const;
  std::chrono::milliseconds duration(std::string_view name) const;
  std::uint64_t size(std::string_view name) const;

 private:
  friend class Context;
  explicit OptionValues(const Context& context) noexcept : context_(&context) {}

  const Context* context_;
};

/// Awaitable of `Context::sleep_for`.
class PREFORK_API Sleep {
 public:
  class Entry;
  Sleep(Context& context, std::chrono::milliseconds delay) noexcept : context_(context), delay_(delay) {}
  Sleep(const Sleep&) = delete;
  Sleep& operator=(const Sleep&) = delete;
  /// Ends the sleep of a coroutine that is destroyed.
  ~Sleep() {
    if (entry_ != nullptr) forget();
  }
  bool await_ready() const noexcept { return delay_.count() <= 0; }
  void await_suspend(std::coroutine_handle<> awaiting);
  void await_resume() const noexcept {}

 private:
  void forget() noexcept;

  Context& context_;
  std::chrono::milliseconds delay_;
  Entry* entry_ = nullptr;  // while it sleeps
};

/// What a service has of its worker: its options, its place, the log, timers, shared objects. One per service
/// and worker; it lives as long as the service. Used in the worker's thread only. Nothing here blocks.
class PREFORK_API Context {
 public:
  using Callback = std::function<Task<void>()>;

  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;

  /// The section name of the service in the configuration.
  const std::string& service() const noexcept;
  const std::string& pool() const noexcept;
  /// The worker's place in its pool, from 0. A replacement has its predecessor's.
  unsigned worker_index() const noexcept;
  /// The number of the configuration that the worker runs, from 1.
  unsigned generation() const noexcept;
  /// True once the worker has been told to finish: no new connections come.
  bool draining() const noexcept;

  /// `context.options().text("root")`
  OptionValues options() const noexcept { return OptionValues(*this); }

  /// Writes one line to the server's log, if the service's `log-level` lets it. Control characters are escaped, a long
  /// line is cut (1024 bytes); a log that can't keep up drops the line and counts it.
  void log(LogLevel level, std::string_view line);
  /// Whether log() would write a line of this level: before a line is made that costs something.
  bool logs(LogLevel level) const noexcept;

  /// Calls `callback` once after `delay`, or again and again each `period`. The callback may be a
  /// plain function or a coroutine; a periodic one is not called again before it has ended. What it
  /// throws is logged. Resolution: 1 ms, never early.
  template <class F>
  [[nodiscard]] Timer after(std::chrono::milliseconds delay, F callback) {
    return start_timer(delay, std::chrono::milliseconds(0), wrap(std::move(callback)));
  }
  template <class F>
  [[nodiscard]] Timer every(std::chrono::milliseconds period, F callback) {
    return start_timer(period, period, wrap(std::move(callback)));
  }
  /// Calls `callback` at a time of the wall clock (at once, if it has passed).
  template <class F>
  [[nodiscard]] Timer at(std::chrono::system_clock::time_point when, F callback) {
    return start_timer_at(when, wrap(std::move(callback)));
  }

  /// `co_await context.sleep_for(100ms);`
  [[nodiscard]] Sleep sleep_for(std::chrono::milliseconds delay) noexcept { return Sleep(*this, delay); }

  /// Runs a coroutine of its own, beside the caller, starting at once. What it throws is logged. A
  /// draining worker waits for it as it waits for connections.
  void spawn(Task<void> task);

  /// The shared objects that `describe` declared. They live as long as the service. Asking for a name that was
  /// not declared, or as something else, throws std::logic_error.
  Queue& queue(std::string_view name) const;
  Topic& topic(std::string_view name) const;
  Semaphore& semaphore(std::string_view name) const;
  Mutex mutex(std::string_view name) const;
  Event& event(std::string_view name) const;
  Barrier& barrier(std::string_view name) const;
  Counter& counter(std::string_view name) const;
  Gauge& gauge(std::string_view name) const;
  Histogram& histogram(std::string_view name) const;
  Table& table(std::string_view name) const;
  /// This worker's end. @return nullopt: it is at neither
  std::optional<Channel> channel(std::string_view name) const;

  /// Sends a signal with a payload (at most 900 bytes) to every worker of a pool, "POOL", or to one, "POOL/2".
  /// It reaches those that listen to its name now; a worker that dies before it has answered it has lost it.
  /// Needs `Manifest::signals`. @return false: it could not be sent
  [[nodiscard]] bool signal(std::string_view target, std::string_view name, std::string_view payload = {});
  /// Calls `callback(Signal)`, a function or a coroutine, for each signal of that name, as long as the worker
  /// lives. What it throws is logged.
  template <class F>
  void on_signal(std::string_view name, F callback) {
    listen(std::string(name), wrap_with<Signal>(std::move(callback)));
  }
  /// The same for SIGUSR1 or SIGUSR2, sent to the worker's process by an operator.
  template <class F>
  void on_signal(int number, F callback) {
    listen(number, wrap(std::move(callback)));
  }

 protected:
  Context() = default;
  ~Context() = default;

 private:
  template <class F>
  static Callback wrap(F callback) {
    if constexpr (std::is_void_v<std::invoke_result_t<F&>>) {
      return [callback = std::move(callback)]() mutable -> Task<void> {
        callback();
        return {};
      };
    } else {
      return Callback(std::move(callback));
    }
  }
  template <class Argument, class F>
  static std::function<Task<void>(Argument)> wrap_with(F callback) {
    if constexpr (std::is_void_v<std::invoke_result_t<F&, Argument>>) {
      return [callback = std::move(callback)](Argument argument) mutable -> Task<void> {
        callback(std::move(argument));
        return {};
      };
    } else {
      return std::function<Task<void>(Argument)>(std::move(callback));
    }
  }
  void listen(std::string name, std::function<Task<void>(Signal)> callback);
  void listen(int number, Callback callback);
  Timer start_timer(std::chrono::milliseconds delay, std::chrono::milliseconds period, Callback callback);
  Timer start_timer_at(std::chrono::system_clock::time_point when, Callback callback);
};

}  // namespace prefork
