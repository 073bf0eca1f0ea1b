#include <charconv>

#include "framework/http/wire/authority.hpp"
#include "framework/http/wire/char_class.hpp"
#include "framework/http/wire/parser_parts.hpp"

namespace prefork::http {
namespace {

using namespace refusals;

/// RFC 9112 3.2.
const Refusal* judge_host(RequestHead& head) noexcept {
  if (head.noted.hosts > 1) return &kManyHosts;
  if (head.noted.hosts == 0) return head.minor_version == 0 ? nullptr : &kNoHost;
  if (!head.noted.host.empty() && !is_authority(head.noted.host)) return &kHost;
  // RFC 9112 3.2.2: the authority of a target in absolute form wins.
  if (head.host.empty()) head.host = head.noted.host;
  return nullptr;
}

/// RFC 9112 6.1, 6.3. Anything but one plain `chunked` is refused: it is unknown how a proxy in front has read it, and
/// a body whose end two parties see in different places is a smuggled request.
const Refusal* judge_coding(RequestHead& head) noexcept {
  if (head.minor_version == 0) return &kOldCoding;
  if (head.noted.content_lengths != 0) return &kTwoFramings;
  if (head.noted.transfer_encodings > 1) return &kCodingOrder;
  head.framing = Framing::chunked;
  std::string_view codings = head.noted.transfer_encoding;
  if (equals_lower(codings, "chunked")) return nullptr;
  // A list whose only `chunked` is at its end is well delimited, but its other codings are not supported.
  const std::size_t last_comma = codings.rfind(',');
  if (last_comma == std::string_view::npos || !equals_lower(trim(codings.substr(last_comma + 1)), "chunked"))
    return &kCodingOrder;
  codings = codings.substr(0, last_comma);
  while (true) {
    const std::size_t comma = codings.find(',');
    const std::string_view coding = trim(codings.substr(0, comma));
    if (coding.empty() || equals_lower(trim(coding.substr(0, coding.find(';'))), "chunked")) return &kCodingOrder;
    if (comma == std::string_view::npos) return &kCoding;
    codings.remove_prefix(comma + 1);
  }
}

/// RFC 9110 8.6, RFC 9112 6.3.
const Refusal* judge_length(const Limits& limits, RequestHead& head) noexcept {
  if (head.noted.content_lengths > 1) return &kManyLengths;
  const std::string_view text = head.noted.content_length;
  if (!all(text, kDecimalDigit)) return &kLength;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), head.content_length);
  if (error != std::errc()) return &kLength;
  if (head.content_length > limits.body_bytes) return &kLongBody;
  head.framing = Framing::length;
  return nullptr;
}

}  // namespace

const Refusal* judge_fields(const Limits& limits, RequestHead& head) noexcept {
  const NotedFields& noted = head.noted;
  head.framing = Framing::none;
  head.content_length = 0;
  if (const Refusal* wrong = judge_host(head)) return wrong;
  if (noted.transfer_encodings != 0) {
    if (const Refusal* wrong = judge_coding(head)) return wrong;
  } else if (noted.content_lengths != 0) {
    if (const Refusal* wrong = judge_length(limits, head)) return wrong;
  }
  // RFC 9110 10.1.1: not for HTTP/1.0 clients.
  if (noted.expect_other && head.minor_version != 0) return &kExpect;
  head.expect_continue = noted.expect_continue && head.minor_version != 0;
  // RFC 9112 9.3.
  head.keep_alive = !noted.close && (head.minor_version != 0 || noted.keep_alive);
  return nullptr;
}

}  // namespace prefork::http
