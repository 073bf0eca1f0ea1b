#include <prefork/http/error.hpp>
#include <prefork/http/form.hpp>

#include "framework/http/wire/char_class.hpp"

namespace prefork::http {
namespace {

std::string decoded(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t at = 0; at < text.size(); ++at) {
    const bool is_escape =
        text[at] == '%' && text.size() - at > 2 && is(text[at + 1], kHexDigit) && is(text[at + 2], kHexDigit);
    if (is_escape) {
      out.push_back(static_cast<char>(hex_value(text[at + 1]) * 16 + hex_value(text[at + 2])));
      at += 2;
    } else {
      out.push_back(text[at] == '+' ? ' ' : text[at]);
    }
  }
  return out;
}

}  // namespace

std::optional<std::vector<NameValue>> parse_urlencoded(std::string_view text, std::size_t max_fields) {
  std::vector<NameValue> fields;
  while (!text.empty()) {
    const std::size_t end = text.find('&');
    const std::string_view pair = text.substr(0, end);
    if (!pair.empty()) {
      if (fields.size() == max_fields) return std::nullopt;
      const std::size_t equals = pair.find('=');
      const std::string_view value = equals == std::string_view::npos ? std::string_view() : pair.substr(equals + 1);
      fields.push_back({decoded(pair.substr(0, equals)), decoded(value)});
    }
    if (end == std::string_view::npos) break;
    text.remove_prefix(end + 1);
  }
  return fields;
}

std::vector<NameValue> query_fields(const Request& request, std::size_t max_fields) {
  if (auto fields = parse_urlencoded(request.query(), max_fields)) return std::move(*fields);
  throw Error(Status::bad_request, "The query has more than " + std::to_string(max_fields) + " fields.");
}

}  // namespace prefork::http
