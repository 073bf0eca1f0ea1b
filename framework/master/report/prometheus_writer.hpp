#pragma once

#include <fmt/format.h>

#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

namespace prefork::master {

/// Writes Prometheus' text format. A family's name and help come before its first sample, and are left out if it has
/// none. Source: https://prometheus.io/docs/instrumenting/exposition_formats/
class PrometheusWriter {
 public:
  using Labels = std::initializer_list<std::pair<std::string_view, std::string_view>>;

  /// Begins a family. @param type  "counter", "gauge", "histogram"
  PrometheusWriter& family(std::string_view name, std::string_view type, std::string_view help) {
    name_ = name;
    head_ = fmt::format("# HELP {} {}\n# TYPE {} {}\n", name, help, name, type);
    return *this;
  }

  /// @param value  a number; floating point is written with the fewest digits that read back the same
  template <typename Value>
  PrometheusWriter& sample(Labels labels, const Value& value) {
    return sample({}, labels, value);
  }
  /// @param suffix  "_bucket", "_sum", "_count" of a histogram
  template <typename Value>
  PrometheusWriter& sample(std::string_view suffix, Labels labels, const Value& value) {
    text_.append(head_).append(name_).append(suffix);
    head_.clear();
    char before = '{';
    for (const auto& [name, content] : labels) {
      text_.append(1, before).append(name).append("=\"");
      append_escaped(content);
      text_ += '"';
      before = ',';
    }
    if (labels.size() > 0) text_ += '}';
    text_ += fmt::format(" {}\n", value);
    return *this;
  }

  std::string take() && { return std::move(text_); }

 private:
  void append_escaped(std::string_view content) {
    for (const char c : content) {
      if (c == '\n') {
        text_ += "\\n";
      } else {
        if (c == '\\' || c == '"') text_ += '\\';
        text_ += c;
      }
    }
  }

  std::string_view name_;
  std::string head_;
  std::string text_;
};

}  // namespace prefork::master
