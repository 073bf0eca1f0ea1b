#include "framework/http/server/http1_body.hpp"

#include <algorithm>
#include <utility>

namespace prefork::http {

Http1Body::Http1Body(const RequestHead& head, std::uint64_t limit, Http1Input& input) noexcept
    : input_(input),
      left_(head.framing == Framing::chunked ? limit : head.content_length),
      is_chunked_(head.framing == Framing::chunked),
      done_(!is_chunked_ && head.content_length == 0),
      asks_(head.expect_continue) {}

void Http1Body::release() {
  if (raw_ > 0) input_.body_consumed(std::exchange(raw_, 0));
  piece_ = {};
}

BodyPiece Http1Body::found() const noexcept {
  if (!piece_.empty()) return {BodyPiece::Kind::bytes, piece_, nullptr};
  if (refusal_ != nullptr) return {BodyPiece::Kind::refused, {}, refusal_};
  return {BodyPiece::Kind::end, {}, nullptr};
}

BodyPiece Http1Body::next() {
  release();
  for (;;) {
    if (done_ || refusal_ != nullptr) return found();
    const std::span<char> input = input_.body_input();
    if (!input.empty() && take(input)) return found();
    if (input_.body_ended()) {
      refusal_ = &refusals::kUnfinished;
      return found();
    }
    if (input.empty() && std::exchange(asks_, false)) input_.ask_for_body();
    if (!input_.receive_body() && !input_.body_ended()) return {};
  }
}

/// @return whether there is a piece, the end or an error
bool Http1Body::take(std::span<char> input) {
  asks_ = false;
  if (is_chunked_) return take_chunked(input);
  raw_ = static_cast<std::size_t>(std::min<std::uint64_t>(input.size(), left_));
  piece_ = {input.data(), raw_};
  left_ -= raw_;
  done_ = left_ == 0;
  return true;
}

bool Http1Body::take_chunked(std::span<char> input) {
  chunked_.raw = chunked_.decoded_end = 0;
  const Parsed parsed = decode_chunked(input, 0, left_, chunked_);
  if (parsed.result == ParseResult::refused) refusal_ = parsed.refusal;
  if (parsed.result == ParseResult::complete) done_ = true;
  left_ -= chunked_.decoded_end;
  piece_ = {input.data(), chunked_.decoded_end};
  raw_ = chunked_.raw;
  if (!piece_.empty() || parsed.result != ParseResult::incomplete) return true;
  // Consumes a chunk's size line by itself, so that a client can't fill the buffer with it.
  release();
  return false;
}

bool Http1Body::finish() {
  release();
  if (!is_chunked_ || done_ || refusal_ != nullptr) return done_ && refusal_ == nullptr;
  // Only the last chunk may be unread: it holds nothing, so nobody has asked for it.
  const std::span<char> input = input_.body_input();
  const bool ended = !input.empty() && take_chunked(input) && done_ && piece_.empty();
  release();
  return ended;
}

}  // namespace prefork::http
