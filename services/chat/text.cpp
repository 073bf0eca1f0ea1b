#include "services/chat/text.hpp"

#include <algorithm>
#include <array>

namespace chat {

namespace {

struct Interval {
  char32_t first, last;
};

template <std::size_t N>
bool among(char32_t c, const std::array<Interval, N>& intervals) noexcept {
  return std::any_of(intervals.begin(), intervals.end(), [c](Interval i) { return i.first <= c && c <= i.last; });
}

bool is_control(char32_t c) noexcept { return c < 0x20 || (c >= 0x7f && c <= 0x9f); }

// Line and paragraph separators; embeddings, overrides and isolates of direction.
bool disturbs(char32_t c) noexcept {
  constexpr std::array<Interval, 3> kDisturbing{{{0x2028, 0x2029}, {0x202a, 0x202e}, {0x2066, 0x2069}}};
  return among(c, kDisturbing);
}

// Blanks of all widths, and characters that leave no mark at all.
bool is_unseen(char32_t c) noexcept {
  constexpr std::array<Interval, 14> kUnseen{{{0x20, 0x20},
                                              {0xa0, 0xa0},
                                              {0xad, 0xad},
                                              {0x34f, 0x34f},
                                              {0x61c, 0x61c},
                                              {0x115f, 0x1160},
                                              {0x1680, 0x1680},
                                              {0x180b, 0x180f},
                                              {0x2000, 0x200f},
                                              {0x202f, 0x202f},
                                              {0x205f, 0x206f},
                                              {0x3000, 0x3000},
                                              {0xfe00, 0xfe0f},
                                              {0xfeff, 0xfeff}}};
  return among(c, kUnseen) || c == 0x2800 || c == 0x3164 || c == 0xffa0 || (c >= 0xe0000 && c <= 0xe0fff);
}

}  // namespace

std::optional<char32_t> take_character(std::string_view& text) noexcept {
  if (text.empty()) return std::nullopt;
  const auto first = static_cast<unsigned char>(text.front());
  const std::size_t length = first < 0x80   ? 1
                             : first < 0xc2 ? 0
                             : first < 0xe0 ? 2
                             : first < 0xf0 ? 3
                             : first < 0xf5 ? 4
                                            : 0;
  if (length == 0 || length > text.size()) return std::nullopt;
  char32_t c = length == 1 ? first : first & (0x7fU >> length);
  for (std::size_t i = 1; i < length; ++i) {
    const auto next = static_cast<unsigned char>(text[i]);
    if ((next & 0xc0) != 0x80) return std::nullopt;
    c = c << 6 | (next & 0x3fU);
  }
  const bool overlong = (length == 3 && c < 0x800) || (length == 4 && c < 0x10000);
  if (overlong || (c >= 0xd800 && c <= 0xdfff) || c > 0x10ffff) return std::nullopt;
  text.remove_prefix(length);
  return c;
}

std::string_view name_fault(std::string_view name) noexcept {
  if (name.empty() || name.size() > kMaxNameBytes) return "a name has 1 to 32 bytes";
  if (name.front() == '/' || name.front() == '*') return "a name does not begin with '/' or '*'";
  while (!name.empty()) {
    const auto c = take_character(name);
    if (!c) return "that is not valid UTF-8";
    if (is_control(*c) || disturbs(*c)) return "a name has no control characters";
    if (is_unseen(*c)) return "a name has no blanks and no invisible characters";
    if (*c == ':' || *c == ',') return "a name has no ':' and no ','";
  }
  return {};
}

std::string folded(std::string_view name) {
  std::string key(name);
  for (char& c : key) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return key;
}

std::string_view text_fault(std::string_view text) noexcept {
  while (!text.empty()) {
    const auto c = take_character(text);
    if (!c) return "that is not valid UTF-8";
    if (is_control(*c) || disturbs(*c)) return "that has control characters";
  }
  return {};
}

std::string tidied(std::string_view line) {
  std::string text(line);
  std::replace(text.begin(), text.end(), '\t', ' ');
  while (text.ends_with(' ')) text.pop_back();
  text.erase(0, text.find_first_not_of(' ') == std::string::npos ? text.size() : text.find_first_not_of(' '));
  return text;
}

std::string_view take_word(std::string_view& line) noexcept {
  const std::string_view word = line.substr(0, line.find(' '));
  line.remove_prefix(word.size());
  while (line.starts_with(' ')) line.remove_prefix(1);
  return word;
}

}  // namespace chat
