#pragma once

#include <array>
#include <charconv>
#include <chrono>
#include <concepts>
#include <cstddef>
#include <map>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "ipc/objects/shared_shape.hpp"
#include "ipc/posix/privileges.hpp"

/// Encodes plain data as text, for another process of the server. A number is written as "12,", a text as "3:abc", a
/// list as its length and its members. One function per structure, fields(archive, structure), serves both directions.
/// It is found in the structure's namespace (by argument-dependent lookup) or in this one.
namespace prefork::ipc {

template <class T>
concept Number = std::integral<T> && !std::same_as<T, bool>;
template <class T>
concept Enumeration = std::is_enum_v<T>;

/// `T` or `const T`: what fields() accepts.
template <class T, class Of>
concept Is = std::same_as<std::remove_const_t<T>, Of>;

constexpr auto last_of(SharedKind) { return SharedKind::table; }
constexpr auto last_of(ColumnType) { return ColumnType::text; }

template <class A>
void fields(A& archive, Is<Column> auto& c) {
  archive(c.name, c.type, c.text_bytes);
}
template <class A>
void fields(A& archive, Is<SharedShape> auto& s) {
  archive(s.kind, s.capacity, s.message_bytes, s.dead_letters, s.key_bytes, s.columns);
}
template <class A>
void fields(A& archive, Is<Identity> auto& i) {
  archive(i.uid, i.gid, i.groups, i.user);
}
class Encoder {
 public:
  template <class... Ts>
  void operator()(const Ts&... values) {
    (put(values), ...);
  }
  /// A descriptor travels beside the text; the text holds its index in the list, or -1 for none.
  void descriptor(int fd) {
    put(fd < 0 ? -1 : static_cast<int>(descriptors_.size()));
    if (fd >= 0) descriptors_.push_back(fd);
  }
  std::string take() { return std::move(text_); }
  std::vector<int> take_descriptors() { return std::move(descriptors_); }

 private:
  template <Number T>
  void put(T value) {
    text_ += std::to_string(value) + ',';
  }
  void put(bool value) { put(value ? 1 : 0); }
  template <Enumeration E>
  void put(E value) {
    put(static_cast<int>(value));
  }
  template <class Clock, class Duration>
  void put(std::chrono::time_point<Clock, Duration> value) {
    put(value.time_since_epoch().count());
  }
  template <class Rep, class Period>
  void put(std::chrono::duration<Rep, Period> value) {
    put(value.count());
  }
  template <class First, class Second>
  void put(const std::pair<First, Second>& value) {
    (*this)(value.first, value.second);
  }
  void put(const std::string& value) { text_ += std::to_string(value.size()) + ':' + value; }
  template <class T>
  void put(const std::optional<T>& value) {
    put(value.has_value());
    if (value) put(*value);
  }
  template <class T>
  void put(const std::vector<T>& values) {
    put(values.size());
    for (const auto& value : values) put(value);
  }
  template <class T, std::size_t n>
  void put(const std::array<T, n>& values) {
    for (const T& value : values) put(value);
  }
  template <class T, class Less>
  void put(const std::map<std::string, T, Less>& values) {
    put(values.size());
    for (const auto& [key, value] : values) (*this)(key, value);
  }
  template <class T>
  requires std::is_class_v<T>
  void put(const T& value) { fields(*this, value); }

  std::string text_;
  std::vector<int> descriptors_;
};

class Decoder {
 public:
  /// @param damaged  the beginning of an exception's message; must outlive this object
  /// @param descriptors  the descriptors that came beside the text
  explicit Decoder(std::string_view text, std::string_view damaged, std::span<const int> descriptors = {})
      : rest_(text), damaged_(damaged), descriptors_(descriptors) {}
  void descriptor(int& fd) {
    int place = -1;
    get(place);
    if (place >= static_cast<int>(descriptors_.size()) || place < -1) refuse("a missing descriptor");
    fd = place < 0 ? -1 : descriptors_[static_cast<std::size_t>(place)];
  }
  template <class... Ts>
  void operator()(Ts&... values) {
    (get(values), ...);
  }
  bool at_end() const noexcept { return rest_.empty(); }

 private:
  template <Number T>
  void number(T& value, char end) {
    const auto [stop, error] = std::from_chars(rest_.data(), rest_.data() + rest_.size(), value);
    if (error != std::errc() || stop == rest_.data() + rest_.size() || *stop != end) refuse("no number where one was");
    rest_.remove_prefix(static_cast<std::size_t>(stop - rest_.data()) + 1);
  }
  template <Number T>
  void get(T& value) {
    number(value, ',');
  }
  void get(bool& value) {
    unsigned number = 0;
    get(number);
    if (number > 1) refuse("neither yes nor no");
    value = number == 1;
  }
  template <Enumeration E>
  void get(E& value) {
    unsigned number = 0;
    get(number);
    if (number > static_cast<unsigned>(last_of(E{}))) refuse("an unknown word");
    value = static_cast<E>(number);
  }
  template <class Clock, class Duration>
  void get(std::chrono::time_point<Clock, Duration>& value) {
    Duration since{};
    get(since);
    value = std::chrono::time_point<Clock, Duration>(since);
  }
  template <class Rep, class Period>
  void get(std::chrono::duration<Rep, Period>& value) {
    Rep count = 0;
    get(count);
    value = std::chrono::duration<Rep, Period>(count);
  }
  template <class First, class Second>
  void get(std::pair<First, Second>& value) {
    (*this)(value.first, value.second);
  }
  void get(std::string& value) {
    std::size_t size = 0;
    number(size, ':');
    if (size > rest_.size()) refuse("a text has no end");
    value.assign(rest_.substr(0, size));
    rest_.remove_prefix(size);
  }
  template <class T>
  void get(std::optional<T>& value) {
    bool is_there = false;
    get(is_there);
    value.reset();
    if (is_there) get(value.emplace());
  }
  // Each member takes at least one byte, so a damaged length cannot make more members than the text has bytes.
  std::size_t length() {
    std::size_t length = 0;
    get(length);
    if (length > rest_.size()) refuse("a list has no end");
    return length;
  }
  template <class T>
  void get(std::vector<T>& values) {
    for (std::size_t left = length(); left > 0; --left) get(values.emplace_back());
  }
  template <class T, std::size_t n>
  void get(std::array<T, n>& values) {
    for (T& value : values) get(value);
  }
  template <class T, class Less>
  void get(std::map<std::string, T, Less>& values) {
    for (std::size_t left = length(); left > 0; --left) {
      std::string key;
      T value{};
      (*this)(key, value);
      if (!values.emplace(std::move(key), std::move(value)).second) refuse("a name is there twice");
    }
  }
  template <class T>
  requires std::is_class_v<T>
  void get(T& value) { fields(*this, value); }

  [[noreturn]] void refuse(const char* what) const { throw std::runtime_error(std::string(damaged_) + what); }

  std::string_view rest_;
  std::string_view damaged_;
  std::span<const int> descriptors_;
};

}  // namespace prefork::ipc
