#include <cstring>

#include "framework/http/wire/authority.hpp"
#include "framework/http/wire/char_class.hpp"
#include "framework/http/wire/parser_parts.hpp"

namespace prefork::http {
namespace {

using namespace refusals;

// " HTTP/1.1": the space before the version is part of the comparison.
constexpr std::size_t kVersionBytes = 9;

/// Why a line that does not end in " HTTP/1.x" is refused: RFC 9112 2.3, RFC 9110 15.6.6.
const Refusal* judge_version(std::string_view line) noexcept {
  const std::string_view version = line.substr(line.rfind(' ') + 1);
  const bool well_formed = version.size() == 8 && version.starts_with("HTTP/") && is(version[5], kDecimalDigit) &&
                           version[6] == '.' && is(version[7], kDecimalDigit);
  return well_formed && version[5] != '1' ? &kMajorVersion : &kVersion;
}

void split_query(std::string_view path_and_query, RequestHead& head) noexcept {
  head.path = path_and_query;
  head.query = {};
  if ((head.target_classes & kQuestionMark) == 0) return;
  const std::size_t mark = path_and_query.find('?');
  if (mark == std::string_view::npos) return;
  head.path = path_and_query.substr(0, mark);
  head.query = path_and_query.substr(mark + 1);
}

/// RFC 9112 3.2.2: "http://host:port/path?query". User information is refused, RFC 9110 4.2.4.
const Refusal* parse_absolute_form(RequestHead& head) noexcept {
  const std::size_t scheme_end = head.target.find("://");
  if (scheme_end == std::string_view::npos) return &kTarget;
  const std::string_view scheme = head.target.substr(0, scheme_end);
  if (!equals_ignoring_case(scheme, "http") && !equals_ignoring_case(scheme, "https")) return &kTarget;
  const std::string_view rest = head.target.substr(scheme_end + 3);
  const std::size_t authority_end = rest.find_first_of("/?");
  head.host = rest.substr(0, authority_end);
  if (!is_authority(head.host)) return &kTarget;
  split_query(authority_end == std::string_view::npos ? std::string_view() : rest.substr(authority_end), head);
  if (head.path.empty()) head.path = "/";
  return nullptr;
}

const Refusal* parse_target(RequestHead& head) noexcept {
  unsigned classes = 0;
  for (const char c : head.target) classes |= char_class(c);
  head.target_classes = static_cast<std::uint8_t>(classes);
  if (head.target.empty() || (classes & kNotInTarget) != 0) return &kTarget;
  if (head.method == Method::connect) return &kConnect;
  head.host = {};
  if (head.target.front() == '/') {
    split_query(head.target, head);
    return nullptr;
  }
  if (head.target != "*") return parse_absolute_form(head);
  if (head.method != Method::options) return &kStar;
  head.path = head.target;
  head.query = {};
  return nullptr;
}

}  // namespace

const Refusal* parse_request_line(std::string_view line, RequestHead& head) noexcept {
  std::size_t method_bytes = 0;
  while (method_bytes < line.size() && is(line[method_bytes], kTokenChar)) ++method_bytes;
  if (method_bytes == 0 || method_bytes == line.size() || line[method_bytes] != ' ') return &kMethod;
  head.method_name = line.substr(0, method_bytes);
  head.method = method_from(head.method_name);

  if (line.size() < method_bytes + 1 + kVersionBytes) return judge_version(line);
  const char* const version = line.data() + line.size() - kVersionBytes;
  if (std::memcmp(version, " HTTP/1.", 8) != 0 || !is(line.back(), kDecimalDigit)) return judge_version(line);
  // RFC 9110 2.5: a higher minor version is served as the highest known one.
  head.minor_version = line.back() == '0' ? 0 : 1;
  head.target = line.substr(method_bytes + 1, line.size() - kVersionBytes - method_bytes - 1);
  return parse_target(head);
}

}  // namespace prefork::http
