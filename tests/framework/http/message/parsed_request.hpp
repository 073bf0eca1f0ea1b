#pragma once

#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

#include <prefork/http/request.hpp>

#include "framework/http/message/request_state.hpp"
#include "tests/framework/http/wire/messages.hpp"

namespace prefork::http::test {

/// A request for code under test, made of `start` and field lines: ParsedRequest("GET /a", {"Range: bytes=0-1"}).
class ParsedRequest {
 public:
  explicit ParsedRequest(std::string_view start, std::initializer_list<std::string_view> lines = {}) {
    bytes_.append(start).append(" HTTP/1.1\r\nHost: h\r\n");
    for (const std::string_view line : lines) bytes_.append(line).append("\r\n");
    bytes_.append("\r\n");
    state_.head.fields = fields_.data();
    ParseState parse;
    const Limits limits{8192, 32768, 100, 1000};
    if (parse_head({bytes_.data(), bytes_.size()}, limits, parse, state_.head).result != ParseResult::complete)
      throw std::invalid_argument("no valid request: " + bytes_);
  }
  operator const Request&() const noexcept { return request_; }
  operator Request&() noexcept { return request_; }

 private:
  std::string bytes_;
  std::vector<Header> fields_ = std::vector<Header>(100);
  RequestState state_;
  Request request_ = state_.as_request();
};

}  // namespace prefork::http::test
