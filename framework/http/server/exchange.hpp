#pragma once

#include <coroutine>
#include <cstdint>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <prefork/http/request.hpp>
#include <prefork/http/response.hpp>
#include <prefork/http/router.hpp>

#include "framework/http/body/body_reader.hpp"
#include "framework/http/body/exchange_sink.hpp"
#include "framework/http/body/streamed_body.hpp"
#include "framework/http/body/transfer.hpp"
#include "framework/http/message/request_state.hpp"
#include "framework/http/routing/dispatch.hpp"
#include "framework/http/routing/endpoint.hpp"
#include "framework/http/server/call_deadline.hpp"
#include "framework/http/wire/response_parts.hpp"

namespace prefork::http {

class Exchange;

/// A response that has been passed on, or whose body has ended. Valid only during the call.
struct Answer {
  const Exchange* exchange = nullptr;  ///< null: the request could not be parsed, or did not arrive completely
  ClientSource client;
  const Response* response = nullptr;
  std::uint64_t body_bytes = 0;  ///< that were passed on
  bool complete = true;          ///< false: it was cut off
};

/// Called for each request before its handler is called, and for each answer.
class ExchangeObserver {
 public:
  virtual void serving(RequestState& request) = 0;
  virtual void answered(const Answer& answer) = 0;

 protected:
  ~ExchangeObserver() = default;
};

/// What the exchanges of one listener share in one worker, and a store of exchanges for reuse.
class Exchanges {
 public:
  /// `endpoint`, and `observer` if there is one, must outlive this object.
  explicit Exchanges(const Endpoint& endpoint, ExchangeObserver* observer = nullptr) noexcept
      : endpoint_(endpoint), observer_(observer) {}

  std::unique_ptr<Exchange> take();
  /// Takes back an exchange whose answer has ended, or never will be passed on.
  void put_back(std::unique_ptr<Exchange> exchange);

  /// Answers so far, for the scoreboard.
  std::uint64_t served() const noexcept { return served_; }

 private:
  friend class Exchange;
  const Endpoint& endpoint_;
  ExchangeObserver* observer_;
  std::vector<std::unique_ptr<Exchange>> spare_;
  std::uint64_t served_ = 0;
};

/// A request and its answer, whatever protocol carries them: finds the handler, calls it, and passes its answer to a
/// sink. A worker reuses the same Exchange; one whose coroutine must wait, or whose body is being sent, belongs to its
/// connection until it has ended. Has neither clock nor socket.
class Exchange {
 public:
  using OnDone = void (*)(void* owner);

  enum class Step : std::uint8_t {
    waits,  ///< the handler waits: notify(), then finish()
    done,   ///< the whole answer has been passed on
    body,   ///< the head has been passed on: the body of response() must follow
  };

  explicit Exchange(Exchanges& shared) : request(state.as_request()), shared_(shared) {}
  Exchange(const Exchange&) = delete;
  Exchange& operator=(const Exchange&) = delete;
  /// Destroys a coroutine that still waits.
  ~Exchange() { reset(); }

  /// Finds the service and the handler of `state.head`.
  Dispatch route() { return dispatch(shared_.endpoint_, state); }
  /// Whether the request has waited longer than its service's queue-timeout. REQUIRES route().
  bool must_shed(std::uint32_t waited_ms) const noexcept;

  /// Calls the handler that route() has found, or answers without one.
  Step answer(const Dispatch& target, ExchangeSink& sink);
  /// The first half of answer(), for a handler that reads the request's body itself: call() follows.
  void prepare(const Dispatch& target);
  /// Calls the handler. @return true: the response (or the error) is there, and finish() passes it on; false: the
  /// coroutine waits, and `on_done` is called when it has ended. Throws nothing.
  bool call() noexcept { return start(*handler_); }
  /// Passes on the answer of a handler that has ended.
  Step finish(ExchangeSink& sink);

  /// Answers a request that has waited too long with 503, without a handler.
  void shed(std::uint32_t waited_ms, ExchangeSink& sink);
  /// Gives the final answer if no handler wants the body, which is not read.
  void decline(const Dispatch& target, ExchangeSink& sink);
  /// Gives an answer that needs no handler.
  /// @param known  false: the request could not be parsed, and `state` holds only its client
  void refuse(const Response& response, bool head_only, bool known, ExchangeSink& sink);
  /// Answers with 503 in place of a handler that waits beyond its time. REQUIRES cancel().
  void give_up(ExchangeSink& sink);

  /// Destroys a coroutine that still waits, and with it everything on its frames, children first. The destructors of
  /// the awaitables release what it waits for.
  void cancel() noexcept;
  /// Whether it was cancelled.
  bool cancelled() const noexcept { return cancelled_; }

  /// Sets who is called at the end. `on_done` may reuse or destroy the exchange.
  void notify(OnDone on_done, void* owner) noexcept {
    on_done_ = on_done;
    owner_ = owner;
  }

  // After Step::body.
  const Response& response() const noexcept { return *response_; }
  /// REQUIRES a response with parts. Must be pumped until it is done, followed by end_body().
  PartsTransfer& open_parts() { return parts_.emplace(ResponseParts::special(*response_)->parts); }
  PartsTransfer* parts() noexcept { return parts_ ? &*parts_ : nullptr; }
  /// REQUIRES a response with a function. Must be followed by call_stream().
  StreamedBody& open_stream(ExchangeSink& sink);
  StreamedBody* stream() noexcept { return stream_.get(); }
  /// Calls the function that writes the body. @return false: it waits, and `on_done` is called when it has ended
  bool call_stream() noexcept;
  /// The function has ended: ends the body, or logs the exception and resets the sink. @return whether the body is
  /// complete
  bool end_stream();
  /// Destroys the function's waiting coroutine, and resets the sink.
  void cut_stream();
  /// Tells the observer that the body has ended. @param complete  false: it was cut off
  void end_body(bool complete);

  /// Prepares it for the next request. `own_fields` and `path_text` keep their memory.
  void reset() noexcept;

  RequestState state;
  Request request;
  std::optional<BodyReader> reader;  ///< if the body is streamed; set by the connection, as is `state.reader`
  CallDeadline deadline;             ///< armed by the connection

 private:
  struct Root;
  static Root run(Exchange& exchange, const CoroutineHandler& handler);
  static Root run_body(Exchange& exchange, BodyWriter& writer);

  bool start(const Handler& handler) noexcept;
  Step give(Response& response, ExchangeSink& sink);
  void log(const std::string& why) const;
  void count(const Mount* mount, const Response& response) noexcept;
  void tell(const Response& response, std::uint64_t bytes, bool complete, bool known = true) const;

  Exchanges& shared_;
  const Handler* handler_ = nullptr;
  std::optional<Response> response_;
  std::optional<PartsTransfer> parts_;
  std::unique_ptr<StreamedBody> stream_;
  std::exception_ptr error_;
  std::coroutine_handle<> root_;
  bool cancelled_ = false;
  OnDone on_done_ = nullptr;
  void* owner_ = nullptr;
};

}  // namespace prefork::http
