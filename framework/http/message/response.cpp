#include <prefork/http/response.hpp>

#include <array>
#include <stdexcept>
#include <utility>

#include "framework/http/wire/char_class.hpp"
#include "framework/http/wire/field_check.hpp"
#include "framework/http/wire/response_parts.hpp"
#include "framework/http/wire/scan.hpp"

namespace prefork::http {
namespace {

constexpr std::array<std::string_view, 5> kWorkersOwn = {"connection", "content-length", "date", "server",
                                                         "transfer-encoding"};

[[noreturn]] void refuse(std::string_view name, std::string_view why) {
  // The name may be what is wrong: so it is not repeated in full.
  throw std::invalid_argument("response header \"" + std::string(name.substr(0, 64)) + "\": " + std::string(why));
}

}  // namespace

void check_field(std::string_view name, std::string_view value) {
  if (!all(name, kTokenChar)) refuse(name, "the name is not a token");
  for (const std::string_view own : kWorkersOwn) {
    if (equals_ignoring_case(name, own)) refuse(name, "this field is written by the worker");
  }
  const char* const end = value.data() + value.size();
  if (find_control(value.data(), value.data(), end) != end) refuse(name, "the value holds a control character");
}

Response Response::with(std::string body, std::string_view type, Status status) {
  Response response(status);
  response.owned_ = std::move(body);
  response.media_type_ = type;
  return response;
}

Response Response::with(StaticText body, std::string_view type, Status status) noexcept {
  Response response(status);
  response.borrowed_ = body.view();
  response.media_type_ = type;
  return response;
}

Response Response::text(std::string body, Status status) { return with(std::move(body), kTextPlain.view(), status); }
Response Response::text(StaticText body, Status status) noexcept { return with(body, kTextPlain.view(), status); }
Response Response::html(std::string body, Status status) { return with(std::move(body), kTextHtml.view(), status); }
Response Response::html(StaticText body, Status status) noexcept { return with(body, kTextHtml.view(), status); }
Response Response::json(std::string body, Status status) { return with(std::move(body), kJson.view(), status); }
Response Response::json(StaticText body, Status status) noexcept { return with(body, kJson.view(), status); }

Response Response::stream(MediaType type, BodyFunction function, Status status) {
  Response response(status);
  response.media_type_ = type.view();
  response.body(std::move(function));
  return response;
}

// Kept as text until the writer knows what the client prefers.
Response Response::error(Status status, std::string detail) {
  std::string body = std::to_string(code(status));
  if (const std::string_view phrase = reason(status); !phrase.empty()) body.append(" ").append(phrase);
  body.push_back('\n');
  if (!detail.empty()) body.append(detail).push_back('\n');
  Response response = text(std::move(body), status);
  ResponseParts::make_special(response).error_detail = std::move(detail);
  return response;
}

Response Response::redirect(std::string_view location, Status status) {
  Response response(status);
  response.set("Location", location);
  return response;
}

Response& Response::set(std::string_view name, std::string_view value) {
  check_field(name, value);
  FieldList::erase(fields_, name);
  put(name, value);
  return *this;
}

Response& Response::add(std::string_view name, std::string_view value) {
  check_field(name, value);
  put(name, value);
  return *this;
}

void Response::put(std::string_view name, std::string_view value) {
  // Two Content-Type fields would contradict each other.
  if (equals_ignoring_case(name, "content-type")) {
    media_type_ = {};
    FieldList::erase(fields_, name);
  }
  if (equals_ignoring_case(name, "upgrade")) offers_upgrade_ = true;
  FieldList::append(fields_, name, value);
}

std::optional<std::string_view> Response::header(std::string_view name) const noexcept {
  if (!media_type_.empty() && equals_ignoring_case(name, "content-type")) return media_type_;
  return FieldList(fields_).find(name);
}

Response& Response::content_type(MediaType type) {
  FieldList::erase(fields_, "content-type");
  media_type_ = type.view();
  return *this;
}

Response& Response::body(std::string body) noexcept {
  special_.reset();
  owned_ = std::move(body);
  borrowed_ = {};
  return *this;
}

Response& Response::body(StaticText body) noexcept {
  special_.reset();
  owned_.clear();
  borrowed_ = body.view();
  return *this;
}

Response& Response::body(SharedBytes body) {
  this->body(std::string());
  ResponseParts::make_special(*this).parts.emplace_back(std::move(body));
  return *this;
}

Response& Response::body(std::vector<BodyPart> parts) {
  body(std::string());
  ResponseParts::make_special(*this).parts = std::move(parts);
  return *this;
}

Response& Response::body(BodyFunction function) {
  body(std::string());
  ResponseParts::make_special(*this).function = std::move(function);
  return *this;
}

SpecialBody& ResponseParts::make_special(Response& response) {
  if (response.special_.value == nullptr) response.special_.value = new SpecialBody();
  return *response.special_.value;
}

SpecialBody* Response::SpecialBox::copy_of(const SpecialBody& body) { return new SpecialBody(body); }
void Response::SpecialBox::destroy(SpecialBody* body) noexcept { delete body; }

std::string escape_html(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (const char c : text) {
    switch (c) {
      case '&':
        out.append("&amp;");
        break;
      case '<':
        out.append("&lt;");
        break;
      case '>':
        out.append("&gt;");
        break;
      case '"':
        out.append("&quot;");
        break;
      case '\'':
        out.append("&#39;");
        break;
      default:
        out.push_back(c);
    }
  }
  return out;
}

}  // namespace prefork::http
