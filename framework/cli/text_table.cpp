#include "framework/cli/text_table.hpp"

#include <algorithm>

#include "framework/base/visible.hpp"

namespace prefork::cli {
namespace {

constexpr std::string_view kGap = "  ";
// A last column cut to less is useless; on a narrow terminal the line wraps instead.
constexpr std::size_t kMinLastColumn = 12;

bool is_continuation(char c) noexcept { return (static_cast<unsigned char>(c) & 0xc0) == 0x80; }

void pad(std::string& line, const std::string& cell, std::size_t width, TextTable::Align align) {
  const std::string fill(width - std::min(width, display_width(cell)), ' ');
  line += align == TextTable::Align::right ? fill + cell : cell + fill;
}

}  // namespace

std::size_t display_width(std::string_view text) noexcept {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) { return !is_continuation(c); }));
}

std::string shortened(std::string_view text, std::size_t width) {
  if (display_width(text) <= width) return std::string(text);
  const std::size_t kept = width > 3 ? width - 3 : 0;
  std::size_t end = 0;
  for (std::size_t characters = 0; end < text.size(); ++end) {
    if (!is_continuation(text[end]) && characters++ == kept) break;
  }
  return std::string(text.substr(0, end)) + "...";
}

void TextTable::add(const std::vector<std::string>& cells) {
  std::vector<std::string> row(columns_.size());
  for (std::size_t i = 0; i < std::min(cells.size(), row.size()); ++i) row[i] = base::visible(cells[i]);
  rows_.push_back(std::move(row));
}

std::string TextTable::render(std::size_t width) const {
  std::vector<std::vector<std::string>> lines(1);
  for (const Column& column : columns_) lines[0].push_back(column.title);
  lines.insert(lines.end(), rows_.begin(), rows_.end());

  std::vector<std::size_t> widths(columns_.size());
  for (const auto& line : lines) {
    for (std::size_t i = 0; i < widths.size(); ++i) widths[i] = std::max(widths[i], display_width(line[i]));
  }
  std::size_t before_last = 0;
  for (std::size_t i = 0; i + 1 < widths.size(); ++i) before_last += widths[i] + kGap.size();
  if (width > 0 && !widths.empty()) {
    const std::size_t left = width > before_last ? width - before_last : 0;
    widths.back() = std::min(widths.back(), std::max(left, kMinLastColumn));
  }

  std::string out;
  for (const auto& line : lines) {
    std::string text;
    for (std::size_t i = 0; i < widths.size(); ++i) {
      if (i > 0) text += kGap;
      pad(text, shortened(line[i], widths[i]), widths[i], columns_[i].align);
    }
    text.erase(text.find_last_not_of(' ') + 1);
    out += text + '\n';
  }
  return out;
}

}  // namespace prefork::cli
