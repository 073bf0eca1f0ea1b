#include "framework/http/body/body_reader.hpp"

#include <algorithm>
#include <stdexcept>
#include <utility>

#include <prefork/http/error.hpp>
#include <prefork/http/request.hpp>

#include "framework/http/message/request_state.hpp"

namespace prefork::http {

BodyReader::BodyReader(const RequestHead& head, std::uint64_t limit) noexcept
    : left_(head.framing == Framing::chunked ? limit : head.content_length),
      is_chunked_(head.framing == Framing::chunked),
      done_(!is_chunked_ && head.content_length == 0),
      asks_(head.expect_continue) {}

bool BodyReader::start() {
  release_piece();
  return pump();
}

void BodyReader::release_piece() {
  if (raw_ > 0) source_->body_consumed(std::exchange(raw_, 0));
  piece_ = {};
}

bool BodyReader::pump() {
  for (;;) {
    if (done_ || refusal_ != nullptr) return true;
    const std::span<char> input = source_->body_input();
    if (!input.empty() && take(input)) return true;
    if (source_->body_ended()) {
      refusal_ = &refusals::kUnfinished;
      return true;
    }
    if (input.empty() && std::exchange(asks_, false)) source_->ask_for_body();
    if (!source_->receive_body() && !source_->body_ended()) return false;
  }
}

bool BodyReader::take(std::span<char> input) {
  asks_ = false;
  if (is_chunked_) return take_chunked(input);
  raw_ = static_cast<std::size_t>(std::min<std::uint64_t>(input.size(), left_));
  piece_ = {input.data(), raw_};
  left_ -= raw_;
  done_ = left_ == 0;
  return true;
}

bool BodyReader::take_chunked(std::span<char> input) {
  chunked_.raw = chunked_.decoded_end = 0;
  const Parsed parsed = decode_chunked(input, 0, left_, chunked_);
  if (parsed.result == ParseResult::refused) refusal_ = parsed.refusal;
  if (parsed.result == ParseResult::complete) done_ = true;
  left_ -= chunked_.decoded_end;
  piece_ = {input.data(), chunked_.decoded_end};
  raw_ = chunked_.raw;
  if (!piece_.empty() || parsed.result != ParseResult::incomplete) return true;
  // Consumes a chunk's size line by itself, so that a client can't fill the buffer with it.
  release_piece();
  return false;
}

std::optional<std::string_view> BodyReader::result() {
  if (!piece_.empty()) return piece_;
  if (refusal_ != nullptr) throw Error(refusal_->status, std::string(refusal_->reason));
  return std::nullopt;
}

void BodyReader::resume() {
  const auto awaiting = std::exchange(awaiting_, {});
  awaiting.resume();
}

void BodyReader::fail(const Refusal& why) {
  refusal_ = &why;
  if (waiting()) resume();
}

bool BodyReader::finish() {
  awaiting_ = {};
  release_piece();
  if (!is_chunked_ || done_ || refusal_ != nullptr) return done_ && refusal_ == nullptr;
  // Only the last chunk may be unread: it holds nothing, so nobody has asked for it.
  const std::span<char> input = source_->body_input();
  const bool ended = !input.empty() && take_chunked(input) && done_ && piece_.empty();
  release_piece();
  return ended;
}

bool Request::Read::await_ready() { return reader_.start(); }
void Request::Read::await_suspend(std::coroutine_handle<> awaiting) noexcept { reader_.park(awaiting); }
std::optional<std::string_view> Request::Read::await_resume() { return reader_.result(); }

Request::Read Request::read() {
  if (state_.reader == nullptr) throw std::logic_error("Request::read: this route's body is not streamed");
  return Read(*state_.reader);
}

}  // namespace prefork::http
