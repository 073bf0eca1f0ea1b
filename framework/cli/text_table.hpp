#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// Columns of text for people. Pure.
namespace prefork::cli {

/// A table as wide as its contents. Only the last column may be cut to fit a terminal, so that names can be copied
/// whole.
class TextTable {
 public:
  enum class Align { left, right };
  struct Column {
    std::string title;
    Align align = Align::left;
  };

  explicit TextTable(std::vector<Column> columns) : columns_(std::move(columns)) {}

  /// Missing cells are empty, surplus ones are dropped. Cells are made visible().
  void add(const std::vector<std::string>& cells);
  bool empty() const noexcept { return rows_.empty(); }

  /// @param width  of the terminal in columns; zero: no limit
  /// @return title line and rows, each with its line feed, without trailing spaces
  std::string render(std::size_t width) const;

 private:
  std::vector<Column> columns_;
  std::vector<std::vector<std::string>> rows_;
};

/// @return how many characters (code points) the text has
std::size_t display_width(std::string_view text) noexcept;

/// @return the text if it has at most `width` characters, else its beginning and "..."
std::string shortened(std::string_view text, std::size_t width);

}  // namespace prefork::cli
