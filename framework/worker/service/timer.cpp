#include <prefork/context.hpp>

#include <algorithm>
#include <utility>

#include "framework/worker/service/detached.hpp"
#include "framework/worker/service/service_host.hpp"

namespace prefork {

using worker::host_of;
using worker::ServiceHost;

/// Shared by the author's handle and, while a callback runs, by that callback: each may release it while the other uses
/// it.
class Timer::Impl final : public worker::TimerWheel::Entry, public std::enable_shared_from_this<Timer::Impl> {
 public:
  Impl(ServiceHost& host, std::chrono::milliseconds period, Context::Callback callback)
      : host_(host), period_(period), callback_(std::move(callback)) {}

  void arm(std::chrono::milliseconds delay) {
    auto& loop = host_.runtime().loop;
    loop.refresh_clock();  // the caller may have worked for long in this turn, and counts from now
    loop.timers().arm(*this, loop.tick_after(static_cast<std::uint64_t>(std::max<std::int64_t>(delay.count(), 0))));
  }
  void cancel() noexcept {
    cancelled_ = true;
    disarm();
    itself_.reset();
  }
  void keep() { itself_ = armed() || running_ ? shared_from_this() : nullptr; }
  bool active() const noexcept { return !cancelled_ && (armed() || running_); }

 private:
  void on_timer() override { fire(shared_from_this()); }

  static worker::Detached fire(std::shared_ptr<Impl> timer) {
    ServiceHost& host = timer->host_;
    host.begin_activity(ipc::ActivityKind::timer, {});
    host.runtime().task_started();
    timer->running_ = true;
    try {
      co_await timer->callback_();
    } catch (...) {
      host.log_exception("timer");
    }
    timer->running_ = false;
    host.runtime().task_ended();
    if (timer->period_.count() > 0 && !timer->cancelled_) {
      timer->arm(timer->period_);
    } else {
      timer->itself_.reset();
    }
  }

  ServiceHost& host_;
  std::chrono::milliseconds period_;
  Context::Callback callback_;
  std::shared_ptr<Impl> itself_;  // while detached
  bool running_ = false;
  bool cancelled_ = false;
};

Timer::Timer() noexcept = default;
Timer::Timer(std::shared_ptr<Impl> impl) noexcept : impl_(std::move(impl)) {}
Timer::Timer(Timer&&) noexcept = default;
Timer& Timer::operator=(Timer&& other) noexcept {
  if (this != &other) {
    cancel();
    impl_ = std::move(other.impl_);
  }
  return *this;
}
Timer::~Timer() { cancel(); }

void Timer::cancel() noexcept {
  if (impl_) std::exchange(impl_, nullptr)->cancel();
}
void Timer::detach() && noexcept {
  if (impl_) std::exchange(impl_, nullptr)->keep();
}
bool Timer::active() const noexcept { return impl_ && impl_->active(); }

Timer Context::start_timer(std::chrono::milliseconds delay, std::chrono::milliseconds period, Callback callback) {
  auto impl = std::make_shared<Timer::Impl>(host_of(*this), period, std::move(callback));
  impl->arm(delay);
  return Timer(std::move(impl));
}

Timer Context::start_timer_at(std::chrono::system_clock::time_point when, Callback callback) {
  const auto delay = std::chrono::ceil<std::chrono::milliseconds>(when - std::chrono::system_clock::now());
  return start_timer(delay, std::chrono::milliseconds(0), std::move(callback));
}

/// What was being served when the sleep began is recorded again when it ends, as after a wait for a shared object.
class Sleep::Entry final : public worker::TimerWheel::Entry {
 public:
  Entry(Sleep& sleep, ServiceHost& host, std::coroutine_handle<> awaiting)
      : sleep_(sleep), host_(host), awaiting_(awaiting), served_(host.runtime().slot.activity()) {}

 private:
  void on_timer() override {
    worker::Runtime& runtime = host_.runtime();
    const auto awaiting = awaiting_;
    const ipc::Activity served = std::move(served_);
    sleep_.forget();
    // Work begun in start() and resumed later is not reported as start.
    if (served.kind <= ipc::ActivityKind::stopping) return awaiting.resume();
    runtime.loop.begin_work();
    runtime.slot.begin_activity(served.kind, served.service, served.since_ns, served.text);
    awaiting.resume();
    runtime.slot.end_activity();
  }

  Sleep& sleep_;
  ServiceHost& host_;
  std::coroutine_handle<> awaiting_;
  ipc::Activity served_;
};

void Sleep::forget() noexcept { delete std::exchange(entry_, nullptr); }

void Sleep::await_suspend(std::coroutine_handle<> awaiting) {
  ServiceHost& host = host_of(context_);
  auto& loop = host.runtime().loop;
  loop.refresh_clock();
  entry_ = new Entry(*this, host, awaiting);
  loop.timers().arm(*entry_, loop.tick_after(static_cast<std::uint64_t>(delay_.count())));
}

}  // namespace prefork
