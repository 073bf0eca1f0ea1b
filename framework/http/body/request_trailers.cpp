#include <prefork/http/request.hpp>

#include "framework/http/body/body_reader.hpp"
#include "framework/http/message/request_state.hpp"
#include "framework/http/wire/char_class.hpp"

namespace prefork::http {

std::optional<std::string_view> Request::trailer(std::string_view name) const noexcept {
  const std::string* lines = state_.reader != nullptr ? state_.reader->trailers() : state_.trailers;
  std::string_view rest = lines != nullptr ? std::string_view(*lines) : std::string_view();
  while (!rest.empty()) {
    const std::string_view line = rest.substr(0, rest.find('\r'));
    const std::size_t colon = line.find(':');
    if (equals_ignoring_case(line.substr(0, colon), name)) return trim(line.substr(colon + 1));
    rest.remove_prefix(line.size() + 2);
  }
  return std::nullopt;
}

}  // namespace prefork::http
