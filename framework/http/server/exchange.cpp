#include "framework/http/server/exchange.hpp"

#include <utility>

#include <prefork/context.hpp>
#include <prefork/http/error.hpp>
#include <prefork/task.hpp>

#include "framework/http/message/error_page.hpp"
#include "ipc/objects/metrics.hpp"

namespace prefork::http {
namespace {

constexpr std::size_t kMaxSpare = 64;

/// The answer if a handler threw, and what to log about it: nothing if the client is to blame.
Response answer_to(const std::exception_ptr& error, std::string& why) {
  try {
    std::rethrow_exception(error);
  } catch (const Error& known) {
    if (code(known.status()) >= 500) why = known.what();
    return Response::error(known.status(), known.detail());
  } catch (const std::exception& known) {
    why = known.what();
  } catch (...) {
    why = "an exception of unknown type";
  }
  return Response::error(Status::internal_server_error);
}

bool is_upgrade(const Response& response) noexcept {
  const SpecialBody* const special = ResponseParts::special(response);
  return special != nullptr && special->upgrade != nullptr;
}

/// RFC 9110 15.2: an interim response is not an answer.
bool is_answer(const Response& response) noexcept {
  if (response.status() == Status::switching_protocols) return is_upgrade(response);
  return code(response.status()) >= 200;
}

/// Renders an error page, which was text so far, as the client prefers it.
void render(const Request& request, Response& response) {
  const std::string detail = *ResponseParts::special(response)->error_detail;
  ErrorPage page = render_error(response.status(), detail, request.header("accept"));
  response.body(std::move(page.body)).set("Content-Type", page.media_type).add("Vary", "Accept");
}

}  // namespace

std::unique_ptr<Exchange> Exchanges::take() {
  if (spare_.empty()) return std::make_unique<Exchange>(*this);
  std::unique_ptr<Exchange> exchange = std::move(spare_.back());
  spare_.pop_back();
  return exchange;
}

void Exchanges::put_back(std::unique_ptr<Exchange> exchange) {
  exchange->reset();
  if (spare_.size() < kMaxSpare) spare_.push_back(std::move(exchange));
}

/// The coroutine that awaits a handler's Task: the end of a Task's chain of awaiting coroutines.
struct Exchange::Root {
  struct promise_type {
    template <class Argument>
    promise_type(Exchange& its_exchange, Argument&) noexcept : exchange(its_exchange) {}
    static void* operator new(std::size_t bytes) { return detail::allocate_frame(bytes); }
    static void operator delete(void* frame, std::size_t bytes) noexcept { detail::free_frame(frame, bytes); }

    Root get_return_object() noexcept {
      exchange.root_ = std::coroutine_handle<promise_type>::from_promise(*this);
      return {};
    }
    std::suspend_never initial_suspend() const noexcept { return {}; }
    struct End {
      bool await_ready() const noexcept { return false; }
      void await_suspend(std::coroutine_handle<promise_type> self) const noexcept {
        // The last use of the frame: the owner may destroy it.
        Exchange& exchange = self.promise().exchange;
        if (exchange.on_done_ != nullptr) exchange.on_done_(exchange.owner_);
      }
      void await_resume() const noexcept {}
    };
    End final_suspend() const noexcept { return {}; }
    void return_void() const noexcept {}
    void unhandled_exception() noexcept { exchange.error_ = std::current_exception(); }

    Exchange& exchange;
  };
};

Exchange::Root Exchange::run(Exchange& exchange, const CoroutineHandler& handler) {
  exchange.response_.emplace(co_await handler(exchange.request));
}

Exchange::Root Exchange::run_body(Exchange& exchange, BodyWriter& writer) {
  co_await ResponseParts::special(*exchange.response_)->function(writer);
}

bool Exchange::start(const Handler& handler) noexcept {
  try {
    if (const auto* function = std::get_if<FunctionHandler>(&handler)) {
      response_.emplace((*function)(request));
      return true;
    }
    run(*this, std::get<CoroutineHandler>(handler));
    return root_.done();
  } catch (...) {
    error_ = std::current_exception();
    return true;
  }
}

bool Exchange::must_shed(std::uint32_t waited_ms) const noexcept {
  if (state.mount == nullptr) return false;
  const auto most = state.mount->options.queue_timeout.count();
  return most > 0 && waited_ms > static_cast<std::uint64_t>(most);
}

void Exchange::prepare(const Dispatch& target) {
  handler_ = target.handler;
  if (shared_.observer_ != nullptr) shared_.observer_->serving(state);
}

Exchange::Step Exchange::answer(const Dispatch& target, ExchangeSink& sink) {
  if (target.handler == nullptr) {
    Response response = answer_without_handler(target);
    return give(response, sink);
  }
  if (shared_.observer_ != nullptr) shared_.observer_->serving(state);
  return start(*target.handler) ? finish(sink) : Step::waits;
}

Exchange::Step Exchange::finish(ExchangeSink& sink) {
  if (error_ == nullptr && is_answer(*response_)) return give(*response_, sink);
  std::string why = "the handler answered with an interim status";
  Response response = Response::error(Status::internal_server_error);
  if (error_ != nullptr) {
    why.clear();
    response = answer_to(error_, why);
  }
  log(why);
  response_.reset();
  return give(response, sink);
}

Exchange::Step Exchange::give(Response& response, ExchangeSink& sink) {
  const SpecialBody* const special = ResponseParts::special(response);
  if (special != nullptr && special->error_detail) render(request, response);
  const bool head_only = state.head.method == Method::head;
  const bool body_follows = needs_transfer(response, head_only);
  sink.head(response, {head_only, body_follows ? Rest::data : Rest::none});
  count(state.mount, response);
  if (body_follows) return Step::body;
  tell(response, head_only ? 0 : body_bytes(response), true);
  return Step::done;
}

// A client that has waited too long may have left, or asked elsewhere: what is answered now should be the requests
// after it.
void Exchange::shed(std::uint32_t waited_ms, ExchangeSink& sink) {
  state.shed_after_ms = waited_ms;
  Response response = Response::error(Status::service_unavailable);
  response.set("Retry-After", "1").close();
  if (const ipc::SharedResponses* responses = state.mount->records.responses; responses != nullptr) responses->shed();
  give(response, sink);
}

void Exchange::decline(const Dispatch& target, ExchangeSink& sink) {
  Response response = answer_without_handler(target).close();
  give(response, sink);
}

void Exchange::refuse(const Response& response, bool head_only, bool known, ExchangeSink& sink) {
  sink.head(response, {head_only, Rest::none});
  count(known ? state.mount : nullptr, response);
  tell(response, head_only ? 0 : body_bytes(response), true, known);
}

void Exchange::give_up(ExchangeSink& sink) {
  response_.reset();
  Response response = Response::error(Status::service_unavailable).close();
  give(response, sink);
}

StreamedBody& Exchange::open_stream(ExchangeSink& sink) {
  stream_ = std::make_unique<StreamedBody>(sink, *state.mount->context);
  return *stream_;
}

bool Exchange::call_stream() noexcept {
  if (auto root = std::exchange(root_, {})) root.destroy();
  on_done_ = nullptr;
  try {
    run_body(*this, *stream_);
  } catch (...) {
    error_ = std::current_exception();
    return true;
  }
  return root_.done();
}

bool Exchange::end_stream() {
  if (error_ == nullptr) return stream_->end();
  std::string why;
  static_cast<void>(answer_to(error_, why));
  log(why);
  stream_->reset();
  return false;
}

void Exchange::cut_stream() {
  cancel();
  stream_->reset();
}

void Exchange::end_body(bool complete) {
  tell(*response_, parts_ ? parts_->sent() : stream_ ? stream_->written() : 0, complete);
}

void Exchange::log(const std::string& why) const {
  if (state.mount == nullptr || state.mount->context == nullptr || why.empty()) return;
  const RequestHead& head = state.head;
  state.mount->context->log(LogLevel::error, std::string(head.method_name) + " " + std::string(head.path) + ": " + why);
}

void Exchange::count(const Mount* mount, const Response& response) noexcept {
  ++shared_.served_;
  const ipc::SharedResponses* const responses =
      mount != nullptr ? mount->records.responses : shared_.endpoint_.responses();
  if (responses != nullptr) responses->answered(code(response.status()));
}

void Exchange::tell(const Response& response, std::uint64_t bytes, bool complete, bool known) const {
  if (shared_.observer_ == nullptr) return;
  shared_.observer_->answered({known ? this : nullptr, state.client, &response, bytes, complete});
}

void Exchange::cancel() noexcept {
  deadline.disarm();
  cancelled_ = true;
  on_done_ = nullptr;
  if (auto root = std::exchange(root_, {})) root.destroy();
  if (reader) reader->forget_reader();
}

void Exchange::reset() noexcept {
  deadline.disarm();
  cancelled_ = false;
  if (auto root = std::exchange(root_, {})) root.destroy();
  parts_.reset();
  stream_.reset();
  response_.reset();
  error_ = nullptr;
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
