#pragma once

#include <coroutine>
#include <utility>

namespace chat {

/// Wakes one coroutine of the same worker: `co_await notice;` waits for the next notify(), or continues at once if one
/// came since the last wait.
class Notice {
 public:
  Notice() = default;
  Notice(const Notice&) = delete;
  Notice& operator=(const Notice&) = delete;

  void notify() {
    if (auto waiting = std::exchange(waiting_, nullptr)) {
      waiting.resume();
    } else {
      raised_ = true;
    }
  }

  bool await_ready() noexcept { return std::exchange(raised_, false); }
  void await_suspend(std::coroutine_handle<> awaiting) noexcept { waiting_ = awaiting; }
  void await_resume() const noexcept {}

 private:
  std::coroutine_handle<> waiting_;
  bool raised_ = false;
};

}  // namespace chat
