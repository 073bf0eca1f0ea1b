#include <prefork/http/request.hpp>

#include <stdexcept>

#include "framework/http/message/request_state.hpp"
#include "framework/http/wire/char_class.hpp"
#include "framework/http/wire/path.hpp"

namespace prefork::http {

Method Request::method() const noexcept { return state_.head.method; }
std::string_view Request::method_name() const noexcept { return state_.head.method_name; }
std::string_view Request::raw_target() const noexcept { return state_.head.target; }
std::string_view Request::path() const noexcept { return state_.head.path; }
std::string_view Request::query() const noexcept { return state_.head.query; }
unsigned Request::minor_version() const noexcept { return state_.head.minor_version; }
std::string_view Request::host() const noexcept { return state_.head.host; }
std::string_view Request::body() const noexcept { return state_.body; }
bool Request::is_streamed() const noexcept { return state_.reader != nullptr; }
std::size_t Request::header_count() const noexcept { return state_.head.field_count; }
Header Request::header_at(std::size_t index) const noexcept { return state_.head.fields[index]; }

std::optional<std::string> Request::query_param(std::string_view name) const {
  std::string_view rest = query();
  std::string decoded;
  while (!rest.empty()) {
    const std::size_t end = rest.find('&');
    const std::string_view pair = rest.substr(0, end);
    const std::size_t equals = pair.find('=');
    decoded.clear();
    if (append_decoded(pair.substr(0, equals), decoded, true) && decoded == name) {
      decoded.clear();
      if (equals == std::string_view::npos) return decoded;
      if (!append_decoded(pair.substr(equals + 1), decoded, true)) return std::nullopt;
      return decoded;
    }
    if (end == std::string_view::npos) break;
    rest.remove_prefix(end + 1);
  }
  return std::nullopt;
}

std::string_view Request::param(std::string_view name) const {
  for (std::size_t i = 0; i < state_.param_count; ++i) {
    if (state_.params[i].name == name) return state_.params[i].value;
  }
  throw std::out_of_range("the route has no parameter {" + std::string(name) + "}");
}

std::optional<std::string_view> Request::header(std::string_view name) const noexcept {
  for (std::size_t i = 0; i < state_.head.field_count; ++i) {
    const Header& field = state_.head.fields[i];
    if (equals_ignoring_case(field.name, name)) return field.value;
  }
  return std::nullopt;
}

std::optional<std::uint64_t> Request::content_length() const noexcept {
  if (state_.head.framing == Framing::chunked) return std::nullopt;
  return state_.head.content_length;
}

}  // namespace prefork::http
