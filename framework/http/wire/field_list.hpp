#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>

#include <prefork/http/request.hpp>

namespace prefork::http {

/// The fields of a response in their order, stored in one string: each field is its two lengths, its name and its
/// value. Whoever writes them to a client puts them into the protocol's form. Valid until the string is changed. Pure.
class FieldList {
  struct Sizes {
    std::uint32_t name, value;
  };

 public:
  class Iterator {
   public:
    explicit Iterator(const char* at) noexcept : at_(at) {}
    Header operator*() const noexcept {
      const Sizes sizes = read();
      const char* const name = at_ + sizeof sizes;
      return {{name, sizes.name}, {name + sizes.name, sizes.value}};
    }
    Iterator& operator++() noexcept {
      at_ += bytes();
      return *this;
    }
    /// The field's bytes in the string.
    std::size_t bytes() const noexcept {
      const Sizes sizes = read();
      return sizeof sizes + sizes.name + sizes.value;
    }
    bool operator==(const Iterator&) const noexcept = default;

   private:
    Sizes read() const noexcept {
      Sizes sizes;
      std::memcpy(&sizes, at_, sizeof sizes);
      return sizes;
    }
    const char* at_;
  };

  explicit FieldList(std::string_view fields) noexcept : fields_(fields) {}
  Iterator begin() const noexcept { return Iterator(fields_.data()); }
  Iterator end() const noexcept { return Iterator(fields_.data() + fields_.size()); }
  bool empty() const noexcept { return fields_.empty(); }
  /// At least the bytes that the fields take as lines of HTTP/1.
  std::size_t most_line_bytes() const noexcept { return fields_.size(); }

  /// The value of the first field with that name, in any case.
  std::optional<std::string_view> find(std::string_view name) const noexcept;

  /// Adds a field at the end.
  static void append(std::string& fields, std::string_view name, std::string_view value);
  /// Removes all fields with that name.
  static void erase(std::string& fields, std::string_view name);

 private:
  std::string_view fields_;
};

}  // namespace prefork::http
