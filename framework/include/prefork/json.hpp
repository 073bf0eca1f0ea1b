#pragma once

#include <compare>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <limits>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include <prefork/api.hpp>

namespace prefork {

/// A text is not valid JSON, or a value is not of the requested kind. One sentence.
class PREFORK_API JsonError : public std::runtime_error {
 public:
  explicit JsonError(const std::string& sentence, std::optional<std::size_t> position = std::nullopt);
  ~JsonError() override;

  /// For `Json::parse`: how many bytes had been read when it failed.
  std::optional<std::size_t> position() const noexcept { return position_; }

 private:
  std::optional<std::size_t> position_;
};

/// What `Json::parse` accepts. A value takes about 40 bytes plus its text.
struct JsonLimits {
  std::size_t depth = 64;        ///< of nested arrays and objects; at most 1000
  std::size_t values = 100'000;  ///< in all
};

/// A JSON value (RFC 8259). A value type: copies are deep. Nothing here blocks; as thread-safe as a std::string.
///
/// Braces make objects, `Json::array` makes arrays:
/// ```cpp
/// Json answer{{"name", "Ada"}, {"born", 1815}, {"tags", Json::array({"maths", true, nullptr})}, {"at", {{"x", 1.5}}}};
/// answer["seen"] = 3;
/// answer.at("name").text();
/// ```
/// Within a co_await expression g++ 12 takes no braces: give the value a name first.
/// Objects keep the order in which their members were added; finding a member takes time by their number. Integers are
/// of 64 bits; a number that does not fit, or has a fraction or an exponent, is a double.
class PREFORK_API Json {
 public:
  enum class Kind : std::uint8_t { null, boolean, integer, real, string, array, object };
  struct Member;
  using Array = std::vector<Json>;
  using Object = std::vector<Member>;

  Json() noexcept;
  Json(std::nullptr_t) noexcept;
  /// Not for pointers, which would become true.
  template <std::same_as<bool> T>
  Json(T value) noexcept : Json(InPlace{}, Value(std::in_place_type<bool>, value)) {}
  template <std::integral T>
  requires(!std::same_as<T, bool>) Json(T value)
  noexcept : Json(InPlace{}, from_integer(value)) {}
  Json(double value) noexcept;
  /// Bytes that are not UTF-8 are kept in the string, and replaced when it is written.
  Json(std::string value) noexcept;
  Json(std::string_view value);
  Json(const char* value);
  /// An object; of members with the same name the last one counts.
  Json(std::initializer_list<Member> members);
  static Json array(std::initializer_list<Json> items = {});
  static Json array(Array items) noexcept;
  static Json object();
  /// REQUIRES that no two members have the same name.
  static Json object(Object members) noexcept;
  Json(const Json& other);
  Json(Json&& other) noexcept;
  Json& operator=(const Json& other);
  Json& operator=(Json&& other) noexcept;
  ~Json();

  /// Parses one value that takes all of `text`, which must be UTF-8. Strict: no comments, no trailing commas. An object
  /// that names a member twice is refused, since readers disagree about what it means (RFC 8259 4).
  /// @throws JsonError, with a position
  static Json parse(std::string_view text, JsonLimits limits = {});
  /// Always valid JSON in UTF-8: other bytes become U+FFFD, a double that is not a number becomes null. '<', '>' and
  /// '&' are written as escapes, so that the text can be used in a script of an HTML page.
  std::string dump() const;
  /// Over several lines, with `indent` spaces per level.
  std::string dump(unsigned indent) const;

  Kind kind() const noexcept { return static_cast<Kind>(value_.index()); }
  bool is_null() const noexcept { return kind() == Kind::null; }
  bool is_string() const noexcept { return kind() == Kind::string; }
  bool is_number() const noexcept { return kind() == Kind::integer || kind() == Kind::real; }
  bool is_array() const noexcept { return kind() == Kind::array; }
  bool is_object() const noexcept { return kind() == Kind::object; }

  /// The value. @throws JsonError if it is of another kind: "a string is wanted, not a number"
  bool boolean() const;
  std::int64_t integer() const;
  double number() const;  ///< accepts an integer too
  const std::string& text() const;
  const Array& items() const;
  const Object& members() const;

  /// How many items or members; 0 for other kinds.
  std::size_t size() const noexcept;
  /// @throws JsonError if this is not an array or has no such item; the others likewise
  const Json& at(std::size_t index) const;
  const Json& at(std::string_view name) const;
  Json& at(std::size_t index);
  Json& at(std::string_view name);
  /// @return null: this is not an object, or has no such member
  const Json* find(std::string_view name) const noexcept;
  bool contains(std::string_view name) const noexcept { return find(name) != nullptr; }

  /// A member, which is added if it is missing; a null becomes an object. @throws JsonError for another kind
  Json& operator[](std::string_view name);
  /// The member, or a null if it is missing. @throws JsonError if this is neither an object nor a null
  const Json& operator[](std::string_view name) const;
  /// Adds an item to an array; a null becomes an array. @throws JsonError for another kind
  Json& push_back(Json item);
  /// @return whether it existed
  bool erase(std::string_view name);

  /// The member's value, or `fallback` if it is missing or null. @throws JsonError if it is of another kind
  template <class T>
  auto get_or(std::string_view name, T fallback) const {
    const Json& found = (*this)[name];
    if constexpr (std::same_as<T, bool>) {
      return found.is_null() ? fallback : found.boolean();
    } else if constexpr (std::integral<T>) {
      return found.is_null() ? static_cast<std::int64_t>(fallback) : found.integer();
    } else if constexpr (std::floating_point<T>) {
      return found.is_null() ? static_cast<double>(fallback) : found.number();
    } else {
      return found.is_null() ? std::string(fallback) : found.text();
    }
  }

  /// Whether kind and value are equal, with members in the same order.
  friend PREFORK_API bool operator==(const Json& a, const Json& b) noexcept;

 private:
  using Value = std::variant<std::nullptr_t, bool, std::int64_t, double, std::string, Array, Object>;
  struct InPlace {};

  Json(InPlace, Value value) noexcept;
  template <std::integral T>
  static Value from_integer(T value) noexcept;

  Value value_;
};

struct Json::Member {
  std::string name;
  Json value;
  bool operator==(const Member&) const = default;
};

template <std::integral T>
Json::Value Json::from_integer(T value) noexcept {
  if constexpr (std::unsigned_integral<T> && sizeof(T) >= sizeof(std::int64_t)) {
    if (value > static_cast<T>(std::numeric_limits<std::int64_t>::max()))
      return Value(std::in_place_type<double>, static_cast<double>(value));
  }
  return Value(std::in_place_type<std::int64_t>, static_cast<std::int64_t>(value));
}

/// "a string", for messages.
PREFORK_API std::string_view describe(Json::Kind kind) noexcept;

}  // namespace prefork
