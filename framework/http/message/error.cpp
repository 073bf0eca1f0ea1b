#include <prefork/http/error.hpp>

#include <string>

namespace prefork::http {
namespace {

std::string describe(Status status, const std::string& detail) {
  std::string text = std::to_string(code(status));
  if (const std::string_view phrase = reason(status); !phrase.empty()) text.append(" ").append(phrase);
  if (!detail.empty()) text.append(": ").append(detail);
  return text;
}

}  // namespace

Error::Error(Status status, std::string detail)
    : std::runtime_error(describe(status, detail)), status_(status), detail_(std::move(detail)) {}
Error::~Error() = default;

}  // namespace prefork::http
