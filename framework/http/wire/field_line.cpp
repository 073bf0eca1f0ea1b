#include "framework/http/wire/char_class.hpp"
#include "framework/http/wire/parser_parts.hpp"

namespace prefork::http {
namespace {

/// RFC 9110 7.6.1: a list of tokens in any case.
void note_connection(std::string_view value, NotedFields& noted) noexcept {
  while (!value.empty()) {
    const std::size_t comma = value.find(',');
    const std::string_view option = trim(value.substr(0, comma));
    if (equals_lower(option, "close")) noted.close = true;
    if (equals_lower(option, "keep-alive")) noted.keep_alive = true;
    if (comma == std::string_view::npos) return;
    value.remove_prefix(comma + 1);
  }
}

void note(const Header& field, NotedFields& noted) noexcept {
  switch (field.name.size()) {
    case 4:
      if (!equals_lower(field.name, "host")) return;
      noted.host = field.value;
      ++noted.hosts;
      return;
    case 6:
      if (!equals_lower(field.name, "expect")) return;
      (equals_lower(field.value, "100-continue") ? noted.expect_continue : noted.expect_other) = true;
      return;
    case 10:
      if (equals_lower(field.name, "connection")) note_connection(field.value, noted);
      return;
    case 14:
      if (!equals_lower(field.name, "content-length")) return;
      noted.content_length = field.value;
      ++noted.content_lengths;
      return;
    case 17:
      if (!equals_lower(field.name, "transfer-encoding")) return;
      noted.transfer_encoding = field.value;
      ++noted.transfer_encodings;
      return;
    default:
      return;
  }
}

}  // namespace

const Refusal* parse_field_line(std::string_view line, Header& field, NotedFields& noted) noexcept {
  const char* const end = line.data() + line.size();
  const char* p = line.data();
  while (p != end && is(*p, kTokenChar)) ++p;
  if (p == line.data() || p == end || *p != ':') {
    const bool blank = line.front() == ' ' || line.front() == '\t';
    return blank ? &refusals::kFold : &refusals::kFieldName;
  }
  field.name = std::string_view(line.data(), static_cast<std::size_t>(p - line.data()));
  field.value = trim(std::string_view(p + 1, static_cast<std::size_t>(end - p - 1)));
  note(field, noted);
  return nullptr;
}

}  // namespace prefork::http
