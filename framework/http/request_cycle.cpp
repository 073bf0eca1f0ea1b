#include "framework/http/request_cycle.hpp"

#include <cstring>

#include <prefork/context.hpp>

#include "framework/http/response_writer.hpp"

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

std::string what(const std::exception_ptr& error) {
  try {
    std::rethrow_exception(error);
  } catch (const std::exception& known) {
    return known.what();
  } catch (...) {
    return "an exception of unknown type";
  }
}

}  // namespace

RequestCycle::RequestCycle(const Endpoint& endpoint, RequestObserver* observer)
    : endpoint_(endpoint), observer_(observer), fields_(endpoint.limits().limits.fields) {
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
  current_->state.client = client;
  for (bool more = true; more;) {
    if (output.size() > kOutputHighWater) {
      progress.next = Next::write;
      break;
    }
    const std::span<char> rest = input.subspan(progress.consumed);
    if (rest.empty()) break;
    more =
        (!state.in_body() || take_body(state, rest, output, progress)) && take_request(state, rest, output, progress);
  }
  // What came after the last request that is answered stays unread, and would reset the connection.
  if (progress.next == Next::close && progress.consumed < input.size()) progress.next = Next::linger;
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
  const Parsed parsed = parse_head({rest.data(), rest.size()}, endpoint_.limits().limits, state.parse, request.head);
  if (parsed.result == ParseResult::incomplete) return false;
  if (parsed.result == ParseResult::refused) {
    refuse(*parsed.refusal, output, progress);
    return false;
  }
  state.parse = ParseState{};
  const Dispatch target = dispatch(endpoint_, request);
  if (target.refusal != nullptr) {
    refuse(*target.refusal, output, progress);
    return false;
  }
  const std::size_t message_bytes = whole_message(state, request.head, rest.size());
  if (message_bytes == 0) return begin_body(state, rest, target, output, progress);

  const std::size_t body_end = request.head.framing == Framing::chunked ? state.chunked.decoded_end : message_bytes;
  request.body = {rest.data() + request.head.bytes, body_end - request.head.bytes};
  if (target.mount != nullptr && request.body.size() > target.mount->body_bytes) {
    refuse(refusals::kLongBody, output, progress);
    return false;
  }
  if (state.in_body()) state = CycleState{};
  progress.wanted = 0;
  current_->message_bytes = message_bytes;
  return answer(target, output, progress);
}

/// The header section is complete, its body is not. @return true where a chunked body is complete after all.
bool RequestCycle::begin_body(CycleState& state, std::span<char> rest, const Dispatch& target, std::string& output,
                              Progress& progress) {
  const RequestHead& head = current_->state.head;
  const std::uint64_t limit = target.mount != nullptr ? target.mount->body_bytes : endpoint_.limits().limits.body_bytes;
  if (head.content_length > limit) {
    refuse(refusals::kLongBody, output, progress);
    return false;
  }
  if (head.expect_continue && target.handler == nullptr) {
    // RFC 9110 10.1.1: the final answer is known; the body is neither asked for nor read.
    Response response = answer_without_handler(target).close();
    append(*current_, response, output);
    progress.next = Next::linger;
    return false;
  }
  state.body_limit = limit;
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

bool RequestCycle::answer(const Dispatch& target, std::string& output, Progress& progress) {
  bool keep_alive = true;
  if (observer_ != nullptr && target.handler != nullptr) observer_->serving(current_->state);
  if (target.handler == nullptr) {
    Response response = answer_without_handler(target);
    keep_alive = append(*current_, response, output);
  } else if (current_->start(*target.handler)) {
    keep_alive = append_result(*current_, output);
  } else {
    current_->state.keep_fields();
    progress.call = std::move(current_);
    progress.next = Next::suspend;
    make_current();
    return false;
  }
  progress.consumed += current_->message_bytes;
  current_->reset();
  if (!keep_alive) progress.next = Next::close;
  return keep_alive;
}

Progress RequestCycle::finish(std::unique_ptr<Call> call, std::string& output, std::time_t now) {
  now_ = now;
  Progress progress;
  progress.consumed = call->message_bytes;
  progress.next = append_result(*call, output) ? Next::read : Next::close;
  call->reset();
  if (spare_.size() < kMaxSpareCalls) spare_.push_back(std::move(call));
  return progress;
}

bool RequestCycle::append_result(Call& call, std::string& output) {
  // RFC 9110 15.2: an interim response is no answer.
  if (!call.failed() && code(call.response().status()) >= 200) return append(call, call.response(), output);
  if (call.state.context != nullptr) {
    const std::string why = call.failed() ? what(call.error()) : "the handler answered with an interim status";
    call.state.context->log(LogLevel::error, std::string(call.state.head.method_name) + " " +
                                                 std::string(call.state.head.path) + ": " + why);
  }
  Response response = Response::error(Status::internal_server_error);
  return append(call, response, output);
}

bool RequestCycle::append(Call& call, Response& response, std::string& output) {
  const RequestHead& head = call.state.head;
  const bool keep_alive = head.keep_alive && !response.closes() && !draining_;
  const ResponseMode mode{head.method == Method::head, keep_alive, head.minor_version == 0};
  append_response(output, response, mode, date_.line(now_));
  ++served_;
  return keep_alive;
}

void RequestCycle::refuse(const Refusal& refusal, std::string& output, Progress& progress) {
  const Response response = Response::text(std::string(refusal.reason) + "\n", refusal.status);
  append_response(output, response, ResponseMode{false, false, false}, date_.line(now_));
  ++served_;
  progress.next = Next::linger;
}

void RequestCycle::append_timeout(std::string& output, std::time_t now) {
  const Response response = Response::error(Status::request_timeout);
  append_response(output, response, ResponseMode{false, false, false}, date_.line(now));
  ++served_;
}

}  // namespace prefork::http
