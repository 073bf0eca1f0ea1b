#include <array>
#include <charconv>
#include <cmath>

#include <prefork/json.hpp>

#include "framework/base/json_text.hpp"

namespace prefork {
namespace {

/// Writes a value; `indent` spaces a level over several lines, or nothing between where there is no indent.
class JsonWriter {
 public:
  explicit JsonWriter(std::optional<unsigned> indent) noexcept : indent_(indent) {}

  void write(const Json& value) {
    switch (value.kind()) {
      case Json::Kind::null:
        out_.append("null");
        break;
      case Json::Kind::boolean:
        out_.append(value.boolean() ? "true" : "false");
        break;
      case Json::Kind::integer:
        out_.append(std::to_string(value.integer()));
        break;
      case Json::Kind::real:
        write_real(value.number());
        break;
      case Json::Kind::string:
        http::append_json_string(value.text(), out_);
        break;
      case Json::Kind::array:
        write_list('[', value.items(), ']', [this](const Json& item) { write(item); });
        break;
      case Json::Kind::object:
        write_list('{', value.members(), '}', [this](const Json::Member& member) {
          http::append_json_string(member.name, out_);
          out_.append(indent_ ? ": " : ":");
          write(member.value);
        });
        break;
    }
  }

  std::string take() noexcept { return std::move(out_); }

 private:
  template <class List, class Write>
  void write_list(char open, const List& list, char close, Write write_item) {
    out_.push_back(open);
    ++depth_;
    bool first = true;
    for (const auto& item : list) {
      if (!first) out_.push_back(',');
      first = false;
      new_line();
      write_item(item);
    }
    --depth_;
    if (!first) new_line();
    out_.push_back(close);
  }

  void new_line() {
    if (indent_) out_.append(1, '\n').append(std::size_t{*indent_} * depth_, ' ');
  }

  /// The shortest text that is read back as the same double, and as a double.
  void write_real(double value) {
    if (!std::isfinite(value)) {
      out_.append("null");
      return;
    }
    std::array<char, 32> digits;
    const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr;
    const std::string_view text(digits.data(), static_cast<std::size_t>(end - digits.data()));
    out_.append(text);
    if (text.find_first_of(".e") == std::string_view::npos) out_.append(".0");
  }

  std::string out_;
  std::optional<unsigned> indent_;
  std::size_t depth_ = 0;
};

std::string written(const Json& value, std::optional<unsigned> indent) {
  JsonWriter writer(indent);
  writer.write(value);
  return writer.take();
}

}  // namespace

std::string Json::dump() const { return written(*this, std::nullopt); }
std::string Json::dump(unsigned indent) const { return written(*this, indent); }

}  // namespace prefork
