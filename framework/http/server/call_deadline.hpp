#pragma once

#include "framework/worker/loop/timeout.hpp"

namespace prefork::http {

/// The time by which a call's coroutine must have ended. Armed only if the service has a request-timeout.
class CallDeadline final : public worker::Timeout {
 public:
  using OnOverdue = void (*)(void* owner);

  /// @param owner  passed to `on_overdue`, which may destroy this object
  void notify(OnOverdue on_overdue, void* owner) noexcept {
    on_overdue_ = on_overdue;
    owner_ = owner;
  }

 private:
  void on_timeout() override { on_overdue_(owner_); }

  OnOverdue on_overdue_ = nullptr;
  void* owner_ = nullptr;
};

}  // namespace prefork::http
