#include "framework/http/server/request_cycle.hpp"

#include <algorithm>
#include <cstring>

#include <prefork/context.hpp>
#include <prefork/http/error.hpp>

#include "framework/http/message/error_page.hpp"
#include "framework/http/wire/response_parts.hpp"
#include "framework/http/wire/response_writer.hpp"
#include "ipc/objects/metrics.hpp"

namespace prefork::http {
namespace {

constexpr std::size_t kOutputHighWater = std::size_t{256} * 1024;
constexpr std::size_t kMaxSpareCalls = 64;

/// The size of the message whose header section is complete, where all of it is here; else 0.
std::size_t whole_message(const CycleState& state, const RequestHead& head, std::size_t available) noexcept {
  switch (head.framing) {
    case Framing::none:
      return head.bytes;
    case Framing::length: {
      const std::uint64_t total = head.bytes + head.content_length;
      return total <= available ? static_cast<std::size_t>(total) : 0;
    }
    case Framing::chunked:
      return state.chunked.phase == ChunkedState::Phase::done ? state.chunked.raw : 0;
  }
  return 0;
}

/// Whether these bytes begin a HEAD request, whatever is wrong with the rest of it: its answer has no content (RFC 9110
/// 9.3.2). An empty line may come before it (RFC 9112 2.2).
bool asks_head(std::span<const char> bytes) noexcept {
  std::string_view text(bytes.data(), bytes.size());
  if (text.starts_with("\r\n")) text.remove_prefix(2);
  return text.starts_with("HEAD ");
}

/// Whether a request begins in `rest`; some clients send an empty line behind a body (RFC 9112 2.2).
bool has_more(std::span<const char> rest) noexcept {
  return std::any_of(rest.begin(), rest.end(), [](char c) { return c != '\r' && c != '\n'; });
}

/// Whether the request has waited for longer than its service's queue-timeout.
bool must_shed(const RequestState& request, std::uint32_t waited_ms) noexcept {
  if (request.mount == nullptr) return false;
  const auto most = request.mount->options.queue_timeout.count();
  return most > 0 && waited_ms > static_cast<std::uint64_t>(most);
}

/// The answer where a handler threw, and what the log says of it: nothing where the client is to blame.
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

/// RFC 9110 15.2: an interim response is no answer.
bool is_answer(const Response& response) noexcept {
  if (response.status() == Status::switching_protocols) return is_upgrade(response);
  return code(response.status()) >= 200;
}

bool is_stream(const Response& response) noexcept {
  const SpecialBody* const special = ResponseParts::special(response);
  return special != nullptr && special->function != nullptr;
}

/// An error page as the client prefers it; it was text so far.
void render(const Request& request, Response& response) {
  const std::string detail = *ResponseParts::special(response)->error_detail;
  ErrorPage page = render_error(response.status(), detail, request.header("accept"));
  response.body(std::move(page.body)).set("Content-Type", page.media_type).add("Vary", "Accept");
}

}  // namespace

RequestCycle::RequestCycle(const Endpoint& endpoint, RequestObserver* observer)
    : endpoint_(endpoint), observer_(observer), fields_(endpoint.options().limits.fields) {
  make_current();
}

void RequestCycle::make_current() {
  if (spare_.empty()) {
    current_ = std::make_unique<Call>();
  } else {
    current_ = std::move(spare_.back());
    spare_.pop_back();
  }
  current_->state.head.fields = fields_.data();
}

Progress RequestCycle::run(CycleState& state, std::span<char> input, std::string& output, std::time_t now,
                           const ClientSource& client) {
  Progress progress;
  now_ = now;
  head_known_ = false;
  current_->state.client = client;
  for (bool more = true; more;) {
    if (output.size() > kOutputHighWater) {
      progress.next = Next::write;
      break;
    }
    const std::span<char> rest = input.subspan(progress.consumed);
    if (rest.empty()) break;
    taking_ = rest;
    more =
        (!state.in_body() || take_body(state, rest, output, progress)) && take_request(state, rest, output, progress);
  }
  return progress;
}

/// Goes on with a body that did not arrive with its header section. @return whether it is complete.
bool RequestCycle::take_body(CycleState& state, std::span<char> rest, std::string& output, Progress& progress) {
  if (state.message_bytes != 0) {
    progress.wanted = state.message_bytes;
    return rest.size() >= state.message_bytes;
  }
  const Parsed parsed = decode_chunked(rest, state.body_start, state.body_limit, state.chunked);
  if (parsed.result == ParseResult::refused) {
    refuse(*parsed.refusal, output, progress);
    return false;
  }
  if (parsed.result == ParseResult::complete) return true;
  // Move what is left together with what is decoded, so that chunk headers do not pile up in memory.
  const std::size_t gap = state.chunked.raw - state.chunked.decoded_end;
  std::memmove(rest.data() + state.chunked.decoded_end, rest.data() + state.chunked.raw,
               rest.size() - state.chunked.raw);
  state.chunked.raw = state.chunked.decoded_end;
  progress.dropped = gap;
  return false;
}

/// Parses and answers the request at the start of `rest`. @return whether to go on with the next one.
bool RequestCycle::take_request(CycleState& state, std::span<char> rest, std::string& output, Progress& progress) {
  RequestState& request = current_->state;
  head_known_ = false;
  const Parsed parsed = parse_head({rest.data(), rest.size()}, endpoint_.options().limits, state.parse, request.head);
  if (parsed.result == ParseResult::incomplete) return false;
  if (parsed.result == ParseResult::refused) {
    refuse(*parsed.refusal, output, progress);
    return false;
  }
  state.parse = ParseState{};
  head_known_ = true;
  const Dispatch target = dispatch(endpoint_, request);
  if (target.refusal != nullptr) {
    refuse(*target.refusal, output, progress);
    return false;
  }
  if (state.waited_ms > 0 && must_shed(request, state.waited_ms)) {
    request.shed_after_ms = state.waited_ms;
    shed(output, progress);
    return false;
  }
  request.section = rest.first(request.head.bytes);
  if (target.streamed) return start_streamed(rest, target, output, progress);
  const std::size_t message_bytes = whole_message(state, request.head, rest.size());
  if (message_bytes == 0) return begin_body(state, rest, target, output, progress);

  const std::size_t body_end = request.head.framing == Framing::chunked ? state.chunked.decoded_end : message_bytes;
  request.body = {rest.data() + request.head.bytes, body_end - request.head.bytes};
  if (request.body.size() > target.body_limit) {
    refuse(refusals::kLongBody, output, progress);
    return false;
  }
  if (state.chunked.trailers) {
    request.own_trailers = std::move(state.chunked.trailers);
    request.trailers = request.own_trailers.get();
  }
  if (state.in_body()) state = state.next_message();
  progress.wanted = 0;
  current_->message_bytes = message_bytes;
  current_->more_follows = draining_ && !state.last && (state.more_behind || has_more(rest.subspan(message_bytes)));
  return answer(target, output, progress);
}

/// The header section is complete, its body is not. @return true where a chunked body is complete after all.
bool RequestCycle::begin_body(CycleState& state, std::span<char> rest, const Dispatch& target, std::string& output,
                              Progress& progress) {
  const RequestHead& head = current_->state.head;
  if (head.content_length > target.body_limit) {
    refuse(refusals::kLongBody, output, progress);
    return false;
  }
  if (head.expect_continue && target.handler == nullptr) {
    // RFC 9110 10.1.1: the final answer is known; the body is neither asked for nor read.
    Response response = answer_without_handler(target).close();
    append(*current_, response, output);
    current_->reset();
    progress.next = Next::close;
    return false;
  }
  state.body_limit = target.body_limit;
  state.body_start = head.bytes;
  if (head.expect_continue && rest.size() == head.bytes) output.append("HTTP/1.1 100 Continue\r\n\r\n");
  if (head.framing == Framing::length) {
    state.message_bytes = static_cast<std::size_t>(head.bytes + head.content_length);
    progress.wanted = state.message_bytes;
    return false;
  }
  state.chunked.raw = state.chunked.decoded_end = head.bytes;
  return true;  // the next turn of run() decodes
}

/// The handler is called by the connection, once what came before has been sent.
bool RequestCycle::start_streamed(std::span<char> rest, const Dispatch& target, std::string& output,
                                  Progress& progress) {
  Call& call = *current_;
  if (call.state.head.content_length > target.body_limit) {
    refuse(refusals::kLongBody, output, progress);
    return false;
  }
  call.state.body = {};
  call.state.keep_head(rest.first(call.state.head.bytes));
  call.reader = std::make_unique<BodyReader>(call.state.head, target.body_limit);
  call.state.reader = call.reader.get();
  call.handler = target.handler;
  call.message_bytes = 0;
  progress.consumed += call.state.head.bytes;
  if (observer_ != nullptr) observer_->serving(call.state);
  progress.call = std::move(current_);
  progress.next = Next::start;
  make_current();
  return false;
}

bool RequestCycle::answer(const Dispatch& target, std::string& output, Progress& progress) {
  Call& call = *current_;
  if (observer_ != nullptr && target.handler != nullptr) observer_->serving(call.state);
  if (target.handler == nullptr) {
    Response response = answer_without_handler(target);
    append(call, response, output);
  } else if (call.start(*target.handler)) {
    append_result(call, output);
  } else {
    call.state.keep_fields();
    progress.call = std::move(current_);
    progress.next = Next::suspend;
    make_current();
    return false;
  }
  progress.consumed += call.message_bytes;
  progress.next = after(call);
  if (progress.next == Next::transfer) {
    call.state.keep_head(call.state.section);
    progress.call = std::move(current_);
    make_current();
    return false;
  }
  call.reset();
  return progress.next == Next::read;
}

Next RequestCycle::after(const Call& call) const noexcept {
  if (call.has_response() && needs_transfer(call.response(), call.state.head.method == Method::head))
    return Next::transfer;
  return call.keep_alive ? Next::read : Next::close;
}

Progress RequestCycle::finish(std::unique_ptr<Call> call, std::string& output, std::time_t now) {
  now_ = now;
  Progress progress;
  progress.consumed = call->message_bytes;
  // What is left of a body that nobody has read is no request.
  if (call->reader && !call->reader->finish()) call->keep_alive = false;
  append_result(*call, output);
  progress.next = after(*call);
  if (progress.next == Next::transfer) {
    if (!call->reader) call->state.keep_head(call->state.section);
    progress.call = std::move(call);
  } else {
    ended(std::move(call));
  }
  return progress;
}

Progress RequestCycle::give_up(std::unique_ptr<Call> call, std::string& output, std::time_t now) {
  now_ = now;
  Progress progress;
  progress.consumed = call->message_bytes;
  progress.next = Next::close;
  call->cancel();
  if (call->reader) call->reader->finish();
  call->drop_response();
  Response response = Response::error(Status::service_unavailable).close();
  append(*call, response, output);
  ended(std::move(call));
  return progress;
}

void RequestCycle::ended(std::unique_ptr<Call> call) {
  call->reset();
  if (spare_.size() < kMaxSpareCalls) spare_.push_back(std::move(call));
}

void RequestCycle::append_result(Call& call, std::string& output) {
  if (!call.failed() && is_answer(call.response())) return append(call, call.response(), output);
  std::string why;
  Response response = call.failed() ? answer_to(call.error(), why) : Response::error(Status::internal_server_error);
  if (!call.failed()) why = "the handler answered with an interim status";
  log(call, why);
  call.drop_response();
  append(call, response, output);
}

void RequestCycle::log(const Call& call, const std::string& why) {
  if (call.state.mount == nullptr || call.state.mount->context == nullptr || why.empty()) return;
  const RequestHead& head = call.state.head;
  call.state.mount->context->log(LogLevel::error,
                                 std::string(head.method_name) + " " + std::string(head.path) + ": " + why);
}

void RequestCycle::log_failure(const Call& call) {
  std::string why;
  static_cast<void>(answer_to(call.error(), why));
  log(call, why);
}

void RequestCycle::append(Call& call, Response& response, std::string& output) {
  const RequestHead& head = call.state.head;
  if (const SpecialBody* special = ResponseParts::special(response); special != nullptr && special->error_detail)
    render(call.request, response);
  const bool old_version = head.minor_version == 0;
  const bool until_close = old_version && is_stream(response);
  call.keep_alive =
      call.keep_alive && head.keep_alive && !response.closes() && !until_close && (!draining_ || call.more_follows);
  const ResponseMode mode{head.method == Method::head, call.keep_alive, old_version};
  append_response(output, response, mode, date_.line(now_));
  count(call.state.mount, response);
  if (!needs_transfer(response, mode.head_only)) tell(&call, call.state.client, response, mode.head_only);
}

void RequestCycle::count(const Mount* mount, const Response& response) noexcept {
  ++served_;
  const ipc::SharedResponses* const responses = mount != nullptr ? mount->records.responses : endpoint_.responses();
  if (responses != nullptr) responses->answered(code(response.status()));
}

void RequestCycle::tell(const Call* call, const ClientSource& client, const Response& response, bool head_only) {
  if (observer_ != nullptr) observer_->answered({call, client, &response, head_only ? 0 : body_bytes(response), true});
}

/// Who has waited for too long may have gone, or asked elsewhere: what is answered now should be those behind it.
void RequestCycle::shed(std::string& output, Progress& progress) {
  Response response = Response::error(Status::service_unavailable);
  response.set("Retry-After", "1").close();
  if (const ipc::SharedResponses* responses = current_->state.mount->records.responses; responses != nullptr)
    responses->shed();
  append(*current_, response, output);
  current_->reset();
  progress.next = Next::close;
}

void RequestCycle::refuse(const Refusal& refusal, std::string& output, Progress& progress) {
  const Response response = Response::text(std::string(refusal.reason) + "\n", refusal.status);
  const bool head_only = asks_head(taking_);
  append_response(output, response, ResponseMode{head_only, false, false}, date_.line(now_));
  count(head_known_ ? current_->state.mount : nullptr, response);
  progress.next = Next::close;
  tell(head_known_ ? current_.get() : nullptr, current_->state.client, response, head_only);
}

void RequestCycle::append_timeout(std::string& output, std::time_t now, const ClientSource& client,
                                  std::span<const char> begun) {
  const bool head_only = asks_head(begun);
  const Response response = Response::error(Status::request_timeout);
  append_response(output, response, ResponseMode{head_only, false, false}, date_.line(now));
  count(nullptr, response);
  tell(nullptr, client, response, head_only);
}

}  // namespace prefork::http
