#include "framework/config/ini_line.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>

#include "framework/config/wording.hpp"

namespace prefork::config {

namespace {

bool is_blank(char c) { return c == ' ' || c == '\t'; }

void refuse_control_bytes(std::string_view line) {
  for (const char byte : line) {
    if (is_forbidden_byte(byte)) {
      throw std::invalid_argument(
          fmt::format("the line contains the control byte 0x{:02x}", static_cast<unsigned char>(byte)));
    }
  }
}

/// Only a comment, separated by white space, may follow a closing quote or bracket.
void require_end(std::string_view rest, std::string_view after) {
  const std::string_view text = trimmed(rest);
  if (text.empty() || (text.front() == '#' && is_blank(rest.front()))) return;
  throw std::invalid_argument(fmt::format("unexpected text {} after the {}", in_quotes(text), after));
}

char unescape(char escaped) {
  switch (escaped) {
    case '"':
      return '"';
    case '\\':
      return '\\';
    case 'n':
      return '\n';
    case 't':
      return '\t';
    default:
      break;
  }
  throw std::invalid_argument(
      fmt::format("unknown escape {} in a quoted value; there are \\\", \\\\, \\n and \\t", in_quotes({&escaped, 1})));
}

std::string quoted_value(std::string_view text) {
  std::string value;
  for (std::size_t i = 1; i < text.size(); ++i) {
    if (text[i] == '"') {
      require_end(text.substr(i + 1), "closing quote");
      return value;
    }
    if (text[i] == '\\' && i + 1 < text.size()) {
      value += unescape(text[++i]);
    } else {
      value += text[i];
    }
  }
  throw std::invalid_argument("the value's closing quote is missing");
}

std::string bare_value(std::string_view text) {
  std::size_t end = 0;
  while (end < text.size() && !(text[end] == '#' && end > 0 && is_blank(text[end - 1]))) ++end;
  const std::string_view value = trimmed(text.substr(0, end));
  // It is unclear whether a quote in the middle is part of the value, so the author has to say it.
  if (value.find('"') != std::string_view::npos) {
    throw std::invalid_argument("a quote inside a bare value; put the whole value in quotes and write \\\" inside");
  }
  return std::string(value);
}

HeaderLine header(std::string_view line) {
  const auto close = line.find(']');
  const auto comment = line.find('#');
  if (close == std::string_view::npos || comment < close) {
    throw std::invalid_argument("the section's closing ']' is missing");
  }
  require_end(line.substr(close + 1), "section's ']'");
  const std::string_view inside = trimmed(line.substr(1, close - 1));
  const auto space = std::min(inside.find_first_of(" \t"), inside.size());
  return {inside.substr(0, space), trimmed(inside.substr(space))};
}

EntryLine entry(std::string_view line) {
  const auto equals = line.find('=');
  if (equals == std::string_view::npos) {
    throw std::invalid_argument(fmt::format("expected \"key = value\", found {}", in_quotes(line)));
  }
  const std::string_view key = trimmed(line.substr(0, equals));
  if (key.empty()) throw std::invalid_argument("a key is missing before '='");
  if (!is_key(key)) {
    throw std::invalid_argument(
        fmt::format("{} can't be a key: a key is made of letters, digits, '-' and '_'", in_quotes(key)));
  }
  // Not trimmed at its front: a '#' right after '=' is part of the value, one after white space is not.
  const std::string_view text = line.substr(equals + 1);
  const std::string_view value = trimmed(text);
  return {key, value.starts_with('"') ? quoted_value(value) : bare_value(text)};
}

}  // namespace

IniLine parse_ini_line(std::string_view line) {
  refuse_control_bytes(line);
  const std::string_view text = trimmed(line);
  if (text.empty() || text.front() == '#') return BlankLine{};
  if (text.front() == '[') return header(text);
  return entry(text);
}

}  // namespace prefork::config
