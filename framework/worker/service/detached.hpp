#pragma once

#include <prefork/task.hpp>

#include <string_view>

namespace prefork::worker {

class ServiceHost;

/// A coroutine that nobody awaits: it starts at once and frees itself at its end. Its body must catch every exception.
struct Detached {
  struct promise_type {
    static void* operator new(std::size_t bytes) { return detail::allocate_frame(bytes); }
    static void operator delete(void* frame, std::size_t bytes) noexcept { detail::free_frame(frame, bytes); }
    Detached get_return_object() const noexcept { return {}; }
    std::suspend_never initial_suspend() const noexcept { return {}; }
    std::suspend_never final_suspend() const noexcept { return {}; }
    void return_void() const noexcept {}
    [[noreturn]] void unhandled_exception() const noexcept { std::terminate(); }
  };
};

/// Runs a service's task in the background. An exception is logged; a draining worker waits for it to end.
Detached run_detached(ServiceHost& host, Task<void> task, std::string_view what);

}  // namespace prefork::worker
