#include "framework/http/server/http1_codec.hpp"

#include <algorithm>
#include <cstring>

#include "framework/http/wire/response_writer.hpp"

namespace prefork::http {
namespace {

constexpr std::size_t kOutputHighWater = std::size_t{256} * 1024;

/// The size of a message whose header section is complete, if all of it has arrived; else 0.
std::size_t whole_message(const Http1State& state, const RequestHead& head, std::size_t available) noexcept {
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
/// 9.3.2). An empty line may precede it (RFC 9112 2.2).
bool asks_head(std::span<const char> bytes) noexcept {
  std::string_view text(bytes.data(), bytes.size());
  if (text.starts_with("\r\n")) text.remove_prefix(2);
  return text.starts_with("HEAD ");
}

/// Whether a request begins in `rest`; some clients send an empty line after a body (RFC 9112 2.2).
bool has_more(std::span<const char> rest) noexcept {
  return std::any_of(rest.begin(), rest.end(), [](char c) { return c != '\r' && c != '\n'; });
}

bool is_stream(const Response& response) noexcept {
  const SpecialBody* const special = ResponseParts::special(response);
  return special != nullptr && special->function != nullptr;
}

}  // namespace

void Http1Text::head(const Response& response, HeadShape shape) {
  Http1Message& message = state_.message;
  const bool stream = is_stream(response);
  message.keep_alive = message.keep_alive && !response.closes() && !(stream && message.old_version) &&
                       (!codec_.draining_ || message.more_follows);
  message.chunked = stream && shape.rest == Rest::data && !message.old_version;
  const ResponseMode mode{shape.head_only, message.keep_alive, message.old_version};
  append_response(output_, response, mode, codec_.date_.line(now_));
}

bool Http1Text::data(std::string_view piece) {
  state_.message.chunked ? append_chunk(output_, piece) : static_cast<void>(output_.append(piece));
  return true;
}

std::optional<std::size_t> Http1Text::some_data(std::string_view bytes, bool /*more_follows*/) {
  output_.append(bytes);
  return bytes.size();
}

bool Http1Text::end(FieldList trailers) {
  if (state_.message.chunked) append_last_chunk(output_, trailers);
  return true;
}

/// One call of run().
struct Http1Codec::Batch {
  Http1State& state;
  Http1Text text;
  Progress& progress;
  std::span<char> rest;  ///< of the input, from the first byte of the present request line
};

Http1Codec::Http1Codec(const Endpoint& endpoint, Exchanges& exchanges)
    : endpoint_(endpoint), exchanges_(exchanges), fields_(endpoint.options().limits.fields) {
  make_current();
}

void Http1Codec::make_current() {
  current_ = exchanges_.take();
  current_->state.head.fields = fields_.data();
}

/// The exchange leaves the codec.
void Http1Codec::hand_over(Batch& batch, Next next) {
  batch.progress.exchange = std::move(current_);
  batch.progress.next = next;
  make_current();
}

Progress Http1Codec::run(Http1State& state, std::span<char> input, std::string& output, std::time_t now,
                         const ClientSource& client) {
  Progress progress;
  Batch batch{state, Http1Text(*this, state, output, now), progress, {}};
  head_known_ = false;
  current_->state.client = client;
  for (bool more = true; more;) {
    if (output.size() > kOutputHighWater) {
      progress.next = Next::write;
      break;
    }
    batch.rest = input.subspan(progress.consumed);
    if (batch.rest.empty()) break;
    more = (!state.in_body() || take_body(batch)) && take_request(batch);
  }
  return progress;
}

/// Continues with a body that did not arrive with its header section. @return whether it is complete
bool Http1Codec::take_body(Batch& batch) {
  Http1State& state = batch.state;
  if (state.message_bytes != 0) {
    batch.progress.wanted = state.message_bytes;
    return batch.rest.size() >= state.message_bytes;
  }
  const Parsed parsed = decode_chunked(batch.rest, state.body_start, state.body_limit, state.chunked);
  if (parsed.result == ParseResult::refused) return refuse(batch, *parsed.refusal);
  if (parsed.result == ParseResult::complete) return true;
  // Move the rest up to what is decoded, so that chunk headers do not pile up in memory.
  const std::size_t gap = state.chunked.raw - state.chunked.decoded_end;
  std::memmove(batch.rest.data() + state.chunked.decoded_end, batch.rest.data() + state.chunked.raw,
               batch.rest.size() - state.chunked.raw);
  state.chunked.raw = state.chunked.decoded_end;
  batch.progress.dropped = gap;
  return false;
}

/// Parses and answers the request at the start of `rest`. @return whether to continue with the next one
bool Http1Codec::take_request(Batch& batch) {
  Http1State& state = batch.state;
  const std::span<char> rest = batch.rest;
  RequestState& request = current_->state;
  head_known_ = false;
  const Parsed parsed = parse_head({rest.data(), rest.size()}, endpoint_.options().limits, state.parse, request.head);
  if (parsed.result == ParseResult::incomplete) return false;
  if (parsed.result == ParseResult::refused) return refuse(batch, *parsed.refusal);
  state.parse = ParseState{};
  head_known_ = true;
  const Dispatch target = current_->route();
  if (target.refusal != nullptr) return refuse(batch, *target.refusal);
  state.message = {0, request.head.keep_alive, request.head.minor_version == 0, false, false};
  if (state.waited_ms > 0 && current_->must_shed(state.waited_ms)) {
    current_->shed(state.waited_ms, batch.text);
    current_->reset();
    batch.progress.next = Next::close;
    return false;
  }
  request.section = rest.first(request.head.bytes);
  if (target.streamed) return start_streamed(batch, target);
  const std::size_t message_bytes = whole_message(state, request.head, rest.size());
  if (message_bytes == 0) return begin_body(batch, target);

  const std::size_t body_end = request.head.framing == Framing::chunked ? state.chunked.decoded_end : message_bytes;
  request.body = {rest.data() + request.head.bytes, body_end - request.head.bytes};
  if (request.body.size() > target.body_limit) return refuse(batch, refusals::kLongBody);
  if (state.chunked.trailers) {
    request.own_trailers = std::move(state.chunked.trailers);
    request.trailers = request.own_trailers.get();
  }
  if (state.in_body()) state = state.next_message();
  batch.progress.wanted = 0;
  state.message.bytes = message_bytes;
  state.message.more_follows = draining_ && !state.last && (state.more_behind || has_more(rest.subspan(message_bytes)));
  return answer(batch, target);
}

/// The header section is complete, its body is not. @return true: a chunked body is complete after all
bool Http1Codec::begin_body(Batch& batch, const Dispatch& target) {
  Http1State& state = batch.state;
  const RequestHead& head = current_->state.head;
  if (head.content_length > target.body_limit) return refuse(batch, refusals::kLongBody);
  if (head.expect_continue && target.handler == nullptr) {
    // RFC 9110 10.1.1: the final answer is known, so the body is neither asked for nor read.
    current_->decline(target, batch.text);
    current_->reset();
    batch.progress.next = Next::close;
    return false;
  }
  state.body_limit = target.body_limit;
  state.body_start = head.bytes;
  if (head.expect_continue && batch.rest.size() == head.bytes)
    batch.text.output_.append("HTTP/1.1 100 Continue\r\n\r\n");
  if (head.framing == Framing::length) {
    state.message_bytes = static_cast<std::size_t>(head.bytes + head.content_length);
    batch.progress.wanted = state.message_bytes;
    return false;
  }
  state.chunked.raw = state.chunked.decoded_end = head.bytes;
  return true;  // the next turn of run() decodes
}

/// The connection calls the handler, once everything before it has been sent.
bool Http1Codec::start_streamed(Batch& batch, const Dispatch& target) {
  RequestState& request = current_->state;
  if (request.head.content_length > target.body_limit) return refuse(batch, refusals::kLongBody);
  request.body = {};
  request.keep_head(request.section);
  current_->prepare(target);
  batch.progress.consumed += request.head.bytes;
  batch.progress.body_limit = target.body_limit;
  hand_over(batch, Next::start);
  return false;
}

bool Http1Codec::answer(Batch& batch, const Dispatch& target) {
  const Exchange::Step step = current_->answer(target, batch.text);
  if (step == Exchange::Step::waits) {
    current_->state.keep_fields();
    hand_over(batch, Next::suspend);
    return false;
  }
  batch.progress.consumed += batch.state.message.bytes;
  if (step == Exchange::Step::body) {
    current_->state.keep_head(current_->state.section);
    hand_over(batch, Next::transfer);
    return false;
  }
  batch.progress.next = batch.state.message.keep_alive ? Next::read : Next::close;
  current_->reset();
  return batch.state.message.keep_alive;
}

/// @return false: the connection ends
bool Http1Codec::refuse(Batch& batch, const Refusal& refusal) {
  batch.state.message = {0, false, false, false, false};
  const Response response = Response::text(std::string(refusal.reason) + "\n", refusal.status);
  current_->refuse(response, asks_head(batch.rest), head_known_, batch.text);
  batch.progress.next = Next::close;
  return false;
}

void Http1Codec::append_timeout(std::string& output, std::time_t now, const ClientSource& client,
                                std::span<const char> begun) {
  Http1State state;
  state.message.keep_alive = false;
  Http1Text text(*this, state, output, now);
  current_->state.client = client;
  current_->refuse(Response::error(Status::request_timeout), asks_head(begun), false, text);
}

}  // namespace prefork::http
