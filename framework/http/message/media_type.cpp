#include "framework/http/message/media_type.hpp"

#include <prefork/http/error.hpp>

#include "framework/http/wire/char_class.hpp"
#include "framework/http/wire/field_cursor.hpp"

namespace prefork::http {

bool ContentType::is(std::string_view wanted_type, std::string_view wanted_subtype) const noexcept {
  return equals_ignoring_case(type, wanted_type) && equals_ignoring_case(subtype, wanted_subtype);
}

std::optional<std::string> ContentType::parameter(std::string_view name) const {
  FieldCursor cursor(parameters);
  bool malformed = false;
  while (const auto found = next_parameter(cursor, malformed)) {
    if (equals_ignoring_case(found->name, name)) return unescaped(found->value);
  }
  return std::nullopt;
}

std::optional<ContentType> parse_content_type(std::string_view value) noexcept {
  FieldCursor cursor(value);
  ContentType parsed;
  parsed.type = cursor.token();
  if (parsed.type.empty() || !cursor.take('/')) return std::nullopt;
  parsed.subtype = cursor.token();
  if (parsed.subtype.empty()) return std::nullopt;
  parsed.parameters = value.substr(value.size() - cursor.left());
  bool malformed = false;
  while (next_parameter(cursor, malformed)) continue;
  if (malformed || !cursor.skip_blank().at_end()) return std::nullopt;
  return parsed;
}

ContentType content_type_of(const Request& request, std::string_view wanted) {
  if (const auto coding = request.header("content-encoding"); coding && !equals_ignoring_case(*coding, "identity"))
    throw Error(Status::unsupported_media_type, "Content-Encoding is not supported here.");
  if (const auto value = request.header("content-type")) {
    if (const auto parsed = parse_content_type(*value)) return *parsed;
  }
  throw Error(Status::unsupported_media_type, "The Content-Type must be " + std::string(wanted) + ".");
}

}  // namespace prefork::http
