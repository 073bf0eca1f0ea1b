#pragma once

#include <coroutine>
#include <exception>
#include <memory>
#include <optional>

#include <prefork/http/request.hpp>
#include <prefork/http/response.hpp>
#include <prefork/http/router.hpp>

#include "framework/http/body/body_reader.hpp"
#include "framework/http/message/request_state.hpp"
#include "framework/http/server/call_deadline.hpp"
#include "framework/http/wire/response_parts.hpp"

namespace prefork::http {

/// One request from its parsing to its response. A worker uses the same Call again and again; one whose
/// coroutine must wait is handed to its connection until it has ended.
class Call {
 public:
  using OnDone = void (*)(void* owner);

  Call() : request(state.as_request()) {}
  Call(const Call&) = delete;
  Call& operator=(const Call&) = delete;
  /// Destroys a coroutine that still waits.
  ~Call() { reset(); }

  /// Calls the handler. @return true where the response (or the error) is there, false where the
  /// coroutine waits: then `on_done` is called when it has ended. Throws nothing.
  bool start(const Handler& its_handler) noexcept;
  /// The same for the function that writes the response's body. REQUIRES that the response has one.
  bool start_body(BodyWriter& writer) noexcept;

  /// Destroys a coroutine that still waits, and with it what it has on its frames, children first. What it waits for
  /// is let go of by the destructors of the awaitables.
  void cancel() noexcept;
  /// Whether it was cancelled.
  bool cancelled() const noexcept { return cancelled_; }

  /// Who is told of the end. The call may be reused or destroyed from within `on_done`.
  void notify(OnDone on_done, void* owner) noexcept {
    on_done_ = on_done;
    owner_ = owner;
  }

  /// REQUIRES that the handler, or the body's function, has ended.
  bool failed() const noexcept { return error_ != nullptr; }
  std::exception_ptr error() const noexcept { return error_; }
  Response& response() noexcept { return *response_; }
  const Response& response() const noexcept { return *response_; }
  bool has_response() const noexcept { return response_.has_value(); }
  bool has_parts() const noexcept {
    const SpecialBody* const special = has_response() ? ResponseParts::special(*response_) : nullptr;
    return special != nullptr && !special->parts.empty();
  }
  void drop_response() noexcept { response_.reset(); }

  /// Makes the call ready for the next request. `own_fields` and `path_text` keep their room.
  void reset() noexcept;

  RequestState state;
  Request request;

  const Handler* handler = nullptr;
  std::unique_ptr<BodyReader> reader;  ///< where the body is streamed
  std::size_t message_bytes = 0;       ///< of the request as it lies in the input
  bool keep_alive = true;              ///< as the response said
  bool more_follows = false;           ///< in a drain: the client has sent more behind this request
  CallDeadline deadline;               ///< the connection arms it

 private:
  struct Root;
  static Root run(Call& call, const CoroutineHandler& handler);
  static Root run_body(Call& call, BodyWriter& writer);

  std::optional<Response> response_;
  std::exception_ptr error_;
  std::coroutine_handle<> root_;
  bool cancelled_ = false;
  OnDone on_done_ = nullptr;
  void* owner_ = nullptr;
};

}  // namespace prefork::http
