#include <prefork/http/event_stream.hpp>

#include <algorithm>
#include <coroutine>
#include <exception>
#include <memory>
#include <utility>

#include <prefork/context.hpp>

#include "framework/http/body/streamed_body.hpp"
#include "framework/http/events/event_format.hpp"
#include "framework/worker/service/service_host.hpp"

namespace prefork::http {
namespace {

/// What a stream answers with, besides the request.
struct Plan {
  EventFunction function;
  EventStreamOptions options;
  std::string last_event_id;
};

/// The events of one response. The timer's callback shares it, so that it may outlive the function.
class BodyEventStream final : public EventStream, public std::enable_shared_from_this<BodyEventStream> {
 public:
  BodyEventStream(BodyWriter& body, std::shared_ptr<const Plan> plan) : body_(body), plan_(std::move(plan)) {}

  /// Waits until nobody else writes, then writes.
  Task<bool> write(std::string text) {
    co_await Turn(*this);
    if (!open()) co_return false;
    busy_ = true;
    const bool sent = co_await body_.write(text);
    busy_ = false;
    wrote_ms_ = now_ms();
    if (auto next = std::exchange(next_, nullptr)) next.resume();
    co_return sent;
  }

  void begin() {
    body_.on_close([this] { tell_closed(); });
    wrote_ms_ = now_ms();
    if (plan_->options.heartbeat != kForever) wait_for_silence(heartbeat());
  }
  /// Must be awaited before the body ends: a heartbeat may be on its way.
  Task<void> end() {
    ended_ = true;
    timer_.cancel();
    callback_ = nullptr;
    co_await Turn(*this);
  }

  const std::string& last_event_id() const noexcept { return plan_->last_event_id; }
  /// A listener of events does not half-close: a client that has closed its side is gone.
  bool open() const noexcept { return body_.open() && !static_cast<const StreamedBody&>(body_).client_ended(); }
  void set_on_close(std::function<void()> callback) { callback_ = std::move(callback); }
  Context& context() const noexcept { return body_.context(); }

 private:
  struct Turn {
    explicit Turn(BodyEventStream& its_stream) noexcept : stream(its_stream) {}
    bool await_ready() const noexcept { return !stream.busy_; }
    void await_suspend(std::coroutine_handle<> awaiting) noexcept { stream.next_ = awaiting; }
    void await_resume() const noexcept {}
    BodyEventStream& stream;
  };

  std::uint64_t now_ms() const noexcept { return worker::host_of(context()).runtime().loop.now_ms(); }

  std::chrono::milliseconds heartbeat() const noexcept {
    return std::max(plan_->options.heartbeat, std::chrono::milliseconds(1));
  }

  void wait_for_silence(std::chrono::milliseconds delay) {
    timer_ = context().after(delay, [self = shared_from_this()] { return beat(self); });
  }

  static Task<void> beat(std::shared_ptr<BodyEventStream> self) {
    if (self->ended_ || !self->open()) co_return;
    const std::chrono::milliseconds limit = self->heartbeat();
    const std::chrono::milliseconds silent(static_cast<std::int64_t>(self->now_ms() - self->wrote_ms_));
    if (self->busy_) {
      self->wait_for_silence(limit);
    } else if (silent < limit) {
      self->wait_for_silence(limit - silent);
    } else if (!co_await self->write(":\n\n")) {
      // The body reports a client that is gone only to its writer.
      self->tell_closed();
    } else if (!self->ended_) {
      self->wait_for_silence(limit);
    }
  }

  void tell_closed() {
    if (auto callback = std::exchange(callback_, nullptr)) callback();
  }

  BodyWriter& body_;  // null once the stream has ended
  std::shared_ptr<const Plan> plan_;
  std::function<void()> callback_;
  std::coroutine_handle<> next_;  // waits for the write under way
  Timer timer_;
  std::uint64_t wrote_ms_ = 0;
  bool busy_ = false;
  bool ended_ = false;
};

Task<void> run(std::shared_ptr<const Plan> plan, BodyWriter& body) {
  const auto stream = std::make_shared<BodyEventStream>(body, plan);
  stream->begin();
  std::exception_ptr failure;
  try {
    if (plan->options.retry.count() > 0) {
      std::string line;
      append_retry(line, plan->options.retry);
      co_await stream->write(std::move(line));
    }
    co_await plan->function(*stream);
  } catch (...) {
    failure = std::current_exception();
  }
  co_await stream->end();
  if (failure) std::rethrow_exception(failure);
}

BodyEventStream& own(EventStream& stream) noexcept { return static_cast<BodyEventStream&>(stream); }
const BodyEventStream& own(const EventStream& stream) noexcept { return static_cast<const BodyEventStream&>(stream); }

}  // namespace

Task<bool> EventStream::send(const ServerEvent& event) {
  std::string text;
  append_event(text, event);
  return own(*this).write(std::move(text));
}

Task<bool> EventStream::send_comment(std::string_view text) {
  std::string lines;
  append_comment(lines, text);
  return own(*this).write(std::move(lines));
}

const std::string& EventStream::last_event_id() const noexcept { return own(*this).last_event_id(); }
bool EventStream::open() const noexcept { return own(*this).open(); }
void EventStream::on_close(std::function<void()> callback) { own(*this).set_on_close(std::move(callback)); }
Context& EventStream::context() const noexcept { return own(*this).context(); }

Response event_stream(Request& request, EventFunction function, EventStreamOptions options) {
  auto plan = std::make_shared<const Plan>(
      Plan{std::move(function), options, std::string(request.header("Last-Event-ID").value_or(std::string_view()))});
  Response response = Response::stream(MediaType("text/event-stream"),
                                       [plan = std::move(plan)](BodyWriter& body) { return run(plan, body); });
  // A feed must not be cached, and a proxy such as nginx must pass on what comes at once.
  response.set("Cache-Control", "no-store").set("X-Accel-Buffering", "no");
  return response;
}

}  // namespace prefork::http
