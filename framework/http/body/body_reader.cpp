#include "framework/http/body/body_reader.hpp"

#include <stdexcept>
#include <utility>

#include <prefork/http/error.hpp>
#include <prefork/http/request.hpp>

#include "framework/http/message/request_state.hpp"

namespace prefork::http {

bool BodyReader::look() {
  piece_ = {};
  if (refusal_ != nullptr) return true;
  const BodyPiece found = feed_.next();
  piece_ = found.bytes;
  refusal_ = found.refusal;
  return found.kind != BodyPiece::Kind::none;
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

bool Request::Read::await_ready() { return reader_.start(); }
void Request::Read::await_suspend(std::coroutine_handle<> awaiting) noexcept { reader_.park(awaiting); }
std::optional<std::string_view> Request::Read::await_resume() { return reader_.result(); }

Request::Read Request::read() {
  if (state_.reader == nullptr) throw std::logic_error("Request::read: this route's body is not streamed");
  return Read(*state_.reader);
}

}  // namespace prefork::http
