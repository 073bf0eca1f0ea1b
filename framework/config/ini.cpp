#include "framework/config/ini.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>
#include <stdexcept>
#include <utility>

#include "framework/config/config_error.hpp"
#include "framework/config/findings.hpp"
#include "framework/config/ini_line.hpp"
#include "framework/config/wording.hpp"

namespace prefork::config {

namespace {

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

/// One pass over a file and its includes.
class Parser {
 public:
  explicit Parser(IniFiles& files) : files_(files) {}

  void parse(const IniText& file);
  Document take() {
    found_.throw_if_any();
    return std::move(document_);
  }

 private:
  /// The line being read, and the section that it belongs to, by index, since sections_ grows meanwhile.
  struct Position {
    const IniText& file;
    std::size_t line = 0;
    std::optional<std::size_t> section;
    bool skips = false;  ///< the section's header is invalid: its entries are ignored
  };

  static std::string place(const Position& at) { return fmt::format("{}:{}", at.file.name, at.line); }
  [[noreturn]] static void fail(const Position& at, const std::string& sentence) {
    throw ConfigError(place(at) + ": " + sentence);
  }

  void parse_line(std::string_view line, Position& at);
  void open_section(const HeaderLine& header, Position& at);
  void add_entry(EntryLine entry, const Position& at);
  void include(const std::string& pattern, const Position& at);
  void include_file(const std::string& name, const Position& at);

  IniFiles& files_;
  Findings found_;
  Document document_;
  std::map<std::string, std::size_t> section_of_;  ///< by prefix
  std::vector<std::string> open_;                  ///< identities of the files being read, the outermost first
  std::size_t included_ = 0;
};

void Parser::parse(const IniText& file) {
  if (file.text.size() > IniLimits::kFileBytes) {
    throw ConfigError(fmt::format("{}:1: the file is larger than {} bytes", file.name, IniLimits::kFileBytes));
  }
  open_.push_back(file.identity);
  std::string_view rest = file.text;
  if (rest.starts_with(kByteOrderMark)) rest.remove_prefix(kByteOrderMark.size());
  Position at{file, 0, std::nullopt, false};
  while (!rest.empty()) {
    ++at.line;
    const auto end = std::min(rest.find('\n'), rest.size());
    std::string_view line = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (line.ends_with('\r')) line.remove_suffix(1);
    found_.note([&] { parse_line(line, at); });
  }
  open_.pop_back();
}

void Parser::parse_line(std::string_view line, Position& at) {
  if (line.size() > IniLimits::kLineBytes) {
    fail(at, fmt::format("the line is longer than {} bytes", IniLimits::kLineBytes));
  }
  try {
    if (trimmed(line).starts_with('[')) at.skips = true;
    IniLine parsed = parse_ini_line(line);
    if (const auto* header = std::get_if<HeaderLine>(&parsed)) {
      open_section(*header, at);
      at.skips = false;
    } else if (auto* entry = std::get_if<EntryLine>(&parsed)) {
      add_entry(std::move(*entry), at);
    }
  } catch (const std::invalid_argument& error) {
    fail(at, error.what());
  }
}

void Parser::open_section(const HeaderLine& header, Position& at) {
  SectionId id = make_section_id(header.kind, header.name);
  const auto [known, is_new] = section_of_.try_emplace(prefix(id), document_.sections.size());
  if (!is_new) {
    fail(at, fmt::format("{} is given twice; first at {}", label(id), document_.sections[known->second].origin.text));
  }
  at.section = document_.sections.size();
  document_.sections.push_back({std::move(id), {place(at)}, {}});
}

void Parser::add_entry(EntryLine entry, const Position& at) {
  if (at.skips) return;
  if (entry.key == "include") return include(entry.value, at);
  if (!at.section) fail(at, fmt::format("the key {} stands before any section", in_quotes(entry.key)));
  document_.sections[*at.section].entries.push_back({std::string(entry.key), std::move(entry.value), {place(at)}});
}

void Parser::include(const std::string& pattern, const Position& at) {
  if (pattern.empty()) fail(at, "include needs a path");
  std::vector<std::string> names;
  try {
    names = files_.expand(pattern, at.file.name);
  } catch (const ConfigError& error) {
    throw ConfigError(place(at) + ": " + error.what(), error.exit_code());
  }
  for (const auto& name : names) include_file(name, at);
}

void Parser::include_file(const std::string& name, const Position& at) {
  if (open_.size() > IniLimits::kIncludeDepth) {
    fail(at, fmt::format("includes are nested more than {} deep", IniLimits::kIncludeDepth));
  }
  if (++included_ > IniLimits::kIncludedFiles) {
    fail(at, fmt::format("more than {} files are included", IniLimits::kIncludedFiles));
  }
  std::optional<IniText> file;
  try {
    file = files_.read(name);
  } catch (const ConfigError& error) {
    throw ConfigError(place(at) + ": " + error.what(), error.exit_code());
  }
  if (std::find(open_.begin(), open_.end(), file->identity) != open_.end()) {
    fail(at, fmt::format("including {} would never end: it is being read already", in_quotes(name)));
  }
  parse(*file);
}

bool is_safe_bare_byte(char c) {
  constexpr std::string_view kPunctuation = "-_./:@%+=,*?&~()[]{}|^!<>$';";
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         kPunctuation.find(c) != std::string_view::npos || static_cast<unsigned char>(c) >= 0x80;
}

}  // namespace

Document parse_ini(const IniText& file, IniFiles& files) {
  Parser parser(files);
  parser.parse(file);
  return parser.take();
}

std::string ini_quote(std::string_view value) {
  const bool bare = !value.empty() && trimmed(value).size() == value.size() &&
                    std::all_of(value.begin(), value.end(), [](char c) { return c == ' ' || is_safe_bare_byte(c); });
  if (bare) return std::string(value);
  std::string out = "\"";
  for (const char c : value) {
    switch (c) {
      case '"':
        out += "\\\"";
        break;
      case '\\':
        out += "\\\\";
        break;
      case '\n':
        out += "\\n";
        break;
      case '\t':
        out += "\\t";
        break;
      default:
        out += c;
    }
  }
  return out + '"';
}

}  // namespace prefork::config
