#include "services/static/mime.hpp"

#include <algorithm>
#include <fstream>
#include <sstream>

#include "services/static/mime_table.hpp"

namespace services::static_files {
namespace {

const std::string kUnknown = "application/octet-stream";

std::string to_lower(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c | 0x20);
  }
  return lower;
}

/// It is used as a field's value.
bool is_media_type(std::string_view text) {
  return text.find('/') != std::string_view::npos &&
         std::all_of(text.begin(), text.end(), [](char c) { return c > 0x20 && c < 0x7f; });
}

}  // namespace

MimeTypes::MimeTypes() { add(kCommonTypes, true); }

bool MimeTypes::add_file(const std::string& path, bool override) {
  std::ifstream file(path);
  std::stringstream text;
  if (!file || !(text << file.rdbuf())) return false;
  add(text.str(), override);
  return true;
}

void MimeTypes::add(std::string_view text, bool override) {
  std::istringstream lines{std::string(text)};
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line.substr(0, line.find('#')));
    std::string type, extension;
    if (!(words >> type) || !is_media_type(type)) continue;
    while (words >> extension) add_type(type, extension, override);
  }
}

void MimeTypes::add_type(std::string_view type, std::string_view extension, bool override) {
  std::string full(type);
  if (type.starts_with("text/") && type.find(';') == std::string_view::npos) full += "; charset=utf-8";
  const auto [place, is_new] = types_.try_emplace(to_lower(extension), full);
  if (!is_new && override) place->second = std::move(full);
}

const std::string& MimeTypes::of(std::string_view path) const {
  const std::string_view name = path.substr(path.rfind('/') + 1);
  const std::size_t dot = name.rfind('.');
  if (dot == std::string_view::npos) return kUnknown;
  const auto type = types_.find(to_lower(name.substr(dot + 1)));
  return type != types_.end() ? type->second : kUnknown;
}

bool is_compressible(std::string_view media_type) noexcept {
  const std::string_view type = media_type.substr(0, media_type.find(';'));
  if (type.starts_with("text/") || type.ends_with("+xml") || type.ends_with("+json")) return true;
  return std::find(kCompressible.begin(), kCompressible.end(), type) != kCompressible.end();
}

}  // namespace services::static_files
