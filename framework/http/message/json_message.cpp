#include <prefork/http/error.hpp>
#include <prefork/http/json.hpp>

#include "framework/http/message/media_type.hpp"
#include "framework/http/wire/char_class.hpp"

namespace prefork::http {
namespace {

bool is_json(const ContentType& type) noexcept {
  constexpr std::string_view kSuffix = "+json";
  if (type.is("application", "json")) return true;
  return type.subtype.size() > kSuffix.size() &&
         equals_ignoring_case(type.subtype.substr(type.subtype.size() - kSuffix.size()), kSuffix);
}

}  // namespace

Response json_response(const Json& json, Status status) { return Response::json(json.dump(), status); }

Json read_json(const Request& request, JsonLimits limits) {
  constexpr std::string_view kWanted = "application/json";
  if (!is_json(content_type_of(request, kWanted)))
    throw Error(Status::unsupported_media_type, "The Content-Type must be " + std::string(kWanted) + ".");
  try {
    return Json::parse(request.body(), limits);
  } catch (const JsonError& error) {
    throw Error(Status::bad_request, "The body is not acceptable JSON: " + std::string(error.what()) + ".");
  }
}

Task<Response> refuse_unfit_json(Request& request, NextHandler& next) {
  std::string sentence;
  try {
    co_return co_await next(request);
  } catch (const JsonError& error) {
    sentence = error.what();
  }
  co_return Response::error(Status::unprocessable_content, "The JSON is not as expected: " + sentence + ".");
}

}  // namespace prefork::http
