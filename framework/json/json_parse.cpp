#include <algorithm>
#include <iterator>
#include <nlohmann/json.hpp>

#include <prefork/json.hpp>

namespace prefork {
namespace {

constexpr std::size_t kMaxDepth = 1000;

/// Walks over a text and reports how far it has come: the parser keeps its iterator to itself.
class CountingIterator {
 public:
  using iterator_category = std::input_iterator_tag;
  using value_type = char;
  using difference_type = std::ptrdiff_t;
  using pointer = const char*;
  using reference = const char&;

  explicit CountingIterator(const char* at, std::size_t* count = nullptr) noexcept : at_(at), count_(count) {}
  reference operator*() const noexcept { return *at_; }
  CountingIterator& operator++() noexcept {
    ++at_;
    if (count_ != nullptr) ++*count_;
    return *this;
  }
  CountingIterator operator++(int) noexcept {
    CountingIterator before = *this;
    ++*this;
    return before;
  }
  bool operator==(const CountingIterator& other) const noexcept { return at_ == other.at_; }
  bool operator!=(const CountingIterator& other) const noexcept { return at_ != other.at_; }

 private:
  const char* at_;
  std::size_t* count_;
};

const std::string* repeated_name(const Json::Object& members) {
  std::vector<const std::string*> names;
  names.reserve(members.size());
  for (const Json::Member& member : members) names.push_back(&member.name);
  std::sort(names.begin(), names.end(), [](const auto* a, const auto* b) { return *a < *b; });
  const auto twice =
      std::adjacent_find(names.begin(), names.end(), [](const auto* a, const auto* b) { return *a == *b; });
  return twice != names.end() ? *twice : nullptr;
}

/// Builds the value from nlohmann's events. Unfinished arrays and objects are on a stack of their own, so that each is
/// moved into its parent once, when it is complete.
class Builder : public nlohmann::json_sax<nlohmann::json> {
 public:
  Builder(JsonLimits limits, const std::size_t& position) noexcept : limits_(limits), position_(position) {
    limits_.depth = std::min(limits_.depth, kMaxDepth);
  }

  bool null() override { return add(Json()); }
  bool boolean(bool value) override { return add(Json(value)); }
  bool number_integer(number_integer_t value) override { return add(Json(value)); }
  bool number_unsigned(number_unsigned_t value) override { return add(Json(value)); }
  bool number_float(number_float_t value, const string_t&) override { return add(Json(value)); }
  bool string(string_t& value) override { return add(Json(std::move(value))); }
  bool binary(binary_t&) override { return fail("binary values are no JSON"); }
  bool start_array(std::size_t) override { return open(false); }
  bool end_array() override { return close(Json::array(std::move(open_.back().items))); }
  bool start_object(std::size_t) override { return open(true); }
  bool key(string_t& name) override {
    open_.back().members.push_back({std::move(name), {}});
    return true;
  }
  bool end_object() override {
    if (const std::string* name = repeated_name(open_.back().members))
      return fail("an object names the member \"" + name->substr(0, kShown) + "\" twice");
    return close(Json::object(std::move(open_.back().members)));
  }
  bool parse_error(std::size_t, const std::string&, const nlohmann::detail::exception& error) override {
    return fail(error.id == kOutOfRange ? "a number is too large" : "it is malformed");
  }

  /// REQUIRES that the parser has ended. @throws JsonError
  Json take() {
    if (fault_) throw JsonError("byte " + std::to_string(position_) + ": " + *fault_, position_);
    return std::move(root_);
  }

 private:
  static constexpr std::size_t kShown = 64;
  static constexpr int kOutOfRange = 406;

  struct Open {
    bool is_object;
    Json::Array items;
    Json::Object members;
  };

  bool fail(std::string sentence) {
    fault_ = std::move(sentence);
    return false;
  }

  bool count() {
    return ++values_ <= limits_.values || fail("there are more than " + std::to_string(limits_.values) + " values");
  }

  bool open(bool is_object) {
    if (open_.size() >= limits_.depth) return fail("it is deeper than " + std::to_string(limits_.depth) + " levels");
    if (!count()) return false;
    open_.push_back({is_object, {}, {}});
    return true;
  }

  bool close(Json whole) {
    open_.pop_back();
    place(std::move(whole));
    return true;
  }

  bool add(Json value) {
    if (!count()) return false;
    place(std::move(value));
    return true;
  }

  void place(Json value) {
    if (open_.empty()) {
      root_ = std::move(value);
    } else if (open_.back().is_object) {
      open_.back().members.back().value = std::move(value);
    } else {
      open_.back().items.push_back(std::move(value));
    }
  }

  JsonLimits limits_;
  const std::size_t& position_;
  std::size_t values_ = 0;
  std::vector<Open> open_;
  std::optional<std::string> fault_;
  Json root_;
};

}  // namespace

Json Json::parse(std::string_view text, JsonLimits limits) {
  // The parser takes NUL for the end.
  if (const std::size_t at = text.find('\0'); at != std::string_view::npos)
    throw JsonError("byte " + std::to_string(at + 1) + ": it holds NUL", at + 1);
  std::size_t position = 0;
  Builder builder(limits, position);
  nlohmann::json::sax_parse(CountingIterator(text.data(), &position), CountingIterator(text.data() + text.size()),
                            &builder);
  return builder.take();
}

}  // namespace prefork
