#pragma once

#include <string>
#include <string_view>
#include <variant>

namespace prefork::config {

/// A line with nothing but white space or a comment.
struct BlankLine {};

/// `[kind name]`; the name may be empty.
struct HeaderLine {
  std::string_view kind;
  std::string_view name;
};

/// `key = value`, the value already unquoted.
struct EntryLine {
  std::string_view key;
  std::string value;
};

using IniLine = std::variant<BlankLine, HeaderLine, EntryLine>;

/// Reads one line, without its line end. The views point into the argument.
/// @throws std::invalid_argument, one sentence without a place, for anything that is none of the three
IniLine parse_ini_line(std::string_view line);

}  // namespace prefork::config
