#include "framework/http/server/call.hpp"

#include <utility>

#include <prefork/task.hpp>

namespace prefork::http {

/// The coroutine that awaits a handler's Task: where a Task's chain of awaiting coroutines ends.
struct Call::Root {
  struct promise_type {
    template <class Argument>
    promise_type(Call& its_call, Argument&) noexcept : call(its_call) {}
    static void* operator new(std::size_t bytes) { return detail::allocate_frame(bytes); }
    static void operator delete(void* frame, std::size_t bytes) noexcept { detail::free_frame(frame, bytes); }

    Root get_return_object() noexcept {
      call.root_ = std::coroutine_handle<promise_type>::from_promise(*this);
      return {};
    }
    std::suspend_never initial_suspend() const noexcept { return {}; }
    struct End {
      bool await_ready() const noexcept { return false; }
      void await_suspend(std::coroutine_handle<promise_type> self) const noexcept {
        // The last use of the frame: the owner may destroy it.
        Call& call = self.promise().call;
        if (call.on_done_ != nullptr) call.on_done_(call.owner_);
      }
      void await_resume() const noexcept {}
    };
    End final_suspend() const noexcept { return {}; }
    void return_void() const noexcept {}
    void unhandled_exception() noexcept { call.error_ = std::current_exception(); }

    Call& call;
  };
};

Call::Root Call::run(Call& call, const CoroutineHandler& handler) {
  call.response_.emplace(co_await handler(call.request));
}

Call::Root Call::run_body(Call& call, BodyWriter& writer) {
  co_await ResponseParts::special(*call.response_)->function(writer);
}

bool Call::start_body(BodyWriter& writer) noexcept {
  if (auto root = std::exchange(root_, {})) root.destroy();
  on_done_ = nullptr;
  try {
    run_body(*this, writer);
  } catch (...) {
    error_ = std::current_exception();
    return true;
  }
  return root_.done();
}

bool Call::start(const Handler& its_handler) noexcept {
  try {
    if (const auto* function = std::get_if<FunctionHandler>(&its_handler)) {
      response_.emplace((*function)(request));
      return true;
    }
    run(*this, std::get<CoroutineHandler>(its_handler));
    return root_.done();
  } catch (...) {
    error_ = std::current_exception();
    return true;
  }
}

void Call::cancel() noexcept {
  deadline.disarm();
  cancelled_ = true;
  on_done_ = nullptr;
  if (auto root = std::exchange(root_, {})) root.destroy();
}

void Call::reset() noexcept {
  deadline.disarm();
  cancelled_ = false;
  if (auto root = std::exchange(root_, {})) root.destroy();
  response_.reset();
  error_ = nullptr;
  keep_alive = true;
  more_follows = false;
  if (reader) {
    reader.reset();
    state.reader = nullptr;
  }
  if (state.trailers != nullptr) {
    state.trailers = nullptr;
    state.own_trailers.reset();
  }
  on_done_ = nullptr;
  owner_ = nullptr;
}

}  // namespace prefork::http
