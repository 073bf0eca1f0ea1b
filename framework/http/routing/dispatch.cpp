#include "framework/http/routing/dispatch.hpp"

#include <prefork/http/request.hpp>

#include "framework/http/message/forwarded.hpp"
#include "framework/http/wire/char_class.hpp"
#include "framework/http/wire/path.hpp"

namespace prefork::http {
namespace {

Dispatch refuse(const Refusal& refusal) noexcept {
  Dispatch result;
  result.refusal = &refusal;
  return result;
}

/// RFC 9110 9.3.7: OPTIONS * asks about the server as a whole.
Dispatch answer_star(const Endpoint& endpoint) noexcept {
  Dispatch result;
  result.body_limit = endpoint.options().limits.body_bytes;
  result.status = Status::no_content;
  for (const Method method :
       {Method::get, Method::head, Method::post, Method::put, Method::erase, Method::patch, Method::options})
    result.allow = static_cast<MethodMask>(result.allow | mask_of(method));
  return result;
}

/// RFC 9110 7.4: a target of https requires that TLS was spoken with the client: by a trusted proxy, or by nobody here.
bool wants_tls(const RequestState& request, const Networks& trusted) {
  constexpr std::string_view kScheme = "https:";
  if (!equals_ignoring_case(request.head.target.substr(0, kScheme.size()), kScheme)) return false;
  return trusted.empty() || !trusted.contains(request.as_request().peer_address());
}

void set_params(RequestState& request, const RouteMatch& match, bool escaped) {
  request.param_count = match.value_count;
  for (std::size_t i = 0; i < match.value_count; ++i) {
    std::string_view value = match.values[i];
    if (escaped && value.find('%') != std::string_view::npos) {
      const std::size_t start = request.path_text.size();
      append_decoded(value, request.path_text);
      value = std::string_view(request.path_text).substr(start);
    }
    request.params[i] = {match.route->names[i], value};
  }
}

}  // namespace

Dispatch dispatch(const Endpoint& endpoint, RequestState& request) {
  RequestHead& head = request.head;
  request.param_count = 0;
  request.mount = nullptr;
  request.timed = false;
  request.started_ns = 0;
  request.shed_after_ms = 0;
  if (head.path == "*") return answer_star(endpoint);
  if ((head.target_classes & (kPercent | kDot)) != 0 && has_dot_segment(head.path)) {
    request.plain_path.clear();
    append_without_dot_segments(head.path, request.plain_path);
    head.path = request.plain_path;
  }
  std::string_view path = head.path;
  const bool escaped = (head.target_classes & kPercent) != 0;
  if (escaped) {
    request.path_text.clear();
    // The decoded path and then its parameters, which together are no longer than it: nothing is reallocated.
    request.path_text.reserve(2 * path.size());
    if (const Refusal* wrong = append_canonical_path(path, request.path_text)) return refuse(*wrong);
    path = request.path_text;
  }

  Dispatch result;
  result.body_limit = endpoint.options().limits.body_bytes;
  const Mount* const mount = endpoint.find(path, head.host);
  // RFC 9110 15.5.20.
  if (mount == nullptr && !endpoint.serves(head.host)) result.status = Status::misdirected_request;
  if (head.method == Method::other) result.status = Status::not_implemented;
  if (mount == nullptr || head.method == Method::other) return result;
  request.mount = mount;
  result.body_limit = mount->options.limits.body_bytes;
  if (wants_tls(request, mount->options.trusted_proxies)) {
    result.status = Status::misdirected_request;
    return result;
  }
  RouteMatch match;
  RouteTable::of(mount->router).find(head.method, relative_path(path, *mount), match);
  result.allow = match.allow;
  if (match.route != nullptr) {
    set_params(request, match, escaped);
    result.handler = &match.route->handler;
    result.streamed = match.route->options.body == BodyMode::streamed;
    result.body_limit = match.route->options.max_body_bytes.value_or(result.body_limit);
  } else if (match.allow != 0) {
    result.status = head.method == Method::options ? Status::no_content : Status::method_not_allowed;
  }
  return result;
}

Response answer_without_handler(const Dispatch& dispatch) {
  Response response =
      dispatch.status == Status::no_content ? Response(dispatch.status) : Response::error(dispatch.status);
  if (dispatch.allow != 0) response.set("Allow", allow_list(dispatch.allow));
  return response;
}

}  // namespace prefork::http
