#include <prefork/json.hpp>

#include <algorithm>

namespace prefork {
namespace {

const Json kNull;

[[noreturn]] void refuse_kind(std::string_view wanted, Json::Kind kind) {
  throw JsonError(std::string(wanted).append(" is wanted, not ").append(describe(kind)));
}

[[noreturn]] void refuse_name(std::string_view name) {
  constexpr std::size_t kShown = 64;
  throw JsonError("the object has no member \"" + std::string(name.substr(0, kShown)) + "\"");
}

}  // namespace

JsonError::JsonError(const std::string& sentence, std::optional<std::size_t> position)
    : std::runtime_error(sentence), position_(position) {}
JsonError::~JsonError() = default;

Json::Json() noexcept = default;
Json::Json(InPlace, Value value) noexcept : value_(std::move(value)) {}
Json::Json(std::nullptr_t) noexcept {}
Json::Json(double value) noexcept : value_(value) {}
Json::Json(std::string value) noexcept : value_(std::move(value)) {}
Json::Json(std::string_view value) : value_(std::in_place_type<std::string>, value) {}
Json::Json(const char* value) : value_(std::in_place_type<std::string>, value) {}
Json::Json(std::initializer_list<Member> members) : value_(std::in_place_type<Object>) {
  for (const Member& member : members) (*this)[member.name] = member.value;
}
Json::Json(const Json& other) = default;
Json::Json(Json&& other) noexcept = default;
Json& Json::operator=(const Json& other) = default;
Json& Json::operator=(Json&& other) noexcept = default;
Json::~Json() = default;

Json Json::array(std::initializer_list<Json> items) { return array(Array(items)); }
Json Json::array(Array items) noexcept { return Json(InPlace{}, Value(std::in_place_type<Array>, std::move(items))); }
Json Json::object() { return object(Object()); }
Json Json::object(Object members) noexcept {
  return Json(InPlace{}, Value(std::in_place_type<Object>, std::move(members)));
}

bool Json::boolean() const {
  if (const auto* value = std::get_if<bool>(&value_)) return *value;
  refuse_kind("a boolean", kind());
}

std::int64_t Json::integer() const {
  if (const auto* value = std::get_if<std::int64_t>(&value_)) return *value;
  refuse_kind("an integer", kind());
}

double Json::number() const {
  if (const auto* value = std::get_if<std::int64_t>(&value_)) return static_cast<double>(*value);
  if (const auto* value = std::get_if<double>(&value_)) return *value;
  refuse_kind("a number", kind());
}

const std::string& Json::text() const {
  if (const auto* value = std::get_if<std::string>(&value_)) return *value;
  refuse_kind("a string", kind());
}

const Json::Array& Json::items() const {
  if (const auto* value = std::get_if<Array>(&value_)) return *value;
  refuse_kind("an array", kind());
}

const Json::Object& Json::members() const {
  if (const auto* value = std::get_if<Object>(&value_)) return *value;
  refuse_kind("an object", kind());
}

std::size_t Json::size() const noexcept {
  if (const auto* items = std::get_if<Array>(&value_)) return items->size();
  if (const auto* members = std::get_if<Object>(&value_)) return members->size();
  return 0;
}

const Json& Json::at(std::size_t index) const {
  const Array& all = items();
  if (index < all.size()) return all[index];
  throw JsonError("the array has no item " + std::to_string(index) + ": it has " + std::to_string(all.size()));
}

const Json& Json::at(std::string_view name) const {
  members();
  if (const Json* found = find(name)) return *found;
  refuse_name(name);
}

Json& Json::at(std::size_t index) { return const_cast<Json&>(std::as_const(*this).at(index)); }
Json& Json::at(std::string_view name) { return const_cast<Json&>(std::as_const(*this).at(name)); }

const Json* Json::find(std::string_view name) const noexcept {
  const auto* members = std::get_if<Object>(&value_);
  if (members == nullptr) return nullptr;
  const auto found = std::find_if(members->begin(), members->end(), [&](const Member& m) { return m.name == name; });
  return found != members->end() ? &found->value : nullptr;
}

Json& Json::operator[](std::string_view name) {
  if (is_null()) value_.emplace<Object>();
  members();
  if (const Json* found = find(name)) return const_cast<Json&>(*found);
  return std::get<Object>(value_).emplace_back(Member{std::string(name), {}}).value;
}

const Json& Json::operator[](std::string_view name) const {
  if (is_null()) return kNull;
  members();
  const Json* found = find(name);
  return found != nullptr ? *found : kNull;
}

Json& Json::push_back(Json item) {
  if (is_null()) value_.emplace<Array>();
  items();
  return std::get<Array>(value_).emplace_back(std::move(item));
}

bool Json::erase(std::string_view name) {
  members();
  return std::erase_if(std::get<Object>(value_), [&](const Member& member) { return member.name == name; }) > 0;
}

bool operator==(const Json& a, const Json& b) noexcept { return a.value_ == b.value_; }

std::string_view describe(Json::Kind kind) noexcept {
  switch (kind) {
    case Json::Kind::null:
      return "null";
    case Json::Kind::boolean:
      return "a boolean";
    case Json::Kind::integer:
      return "an integer";
    case Json::Kind::real:
      return "a number with a fraction";
    case Json::Kind::string:
      return "a string";
    case Json::Kind::array:
      return "an array";
    case Json::Kind::object:
      return "an object";
  }
  return "nothing";
}

}  // namespace prefork
