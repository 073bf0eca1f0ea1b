#pragma once

#include <cstdint>

#include <prefork/http/response.hpp>

#include "framework/http/message/request_state.hpp"
#include "framework/http/routing/endpoint.hpp"
#include "framework/http/routing/route_table.hpp"
#include "framework/http/wire/refusal.hpp"

namespace prefork::http {

/// What to do with a request: refuse it, call a handler, or answer it without one.
struct Dispatch {
  const Refusal* refusal = nullptr;
  const Handler* handler = nullptr;
  std::uint64_t body_limit = 0;       ///< a longer body gets 413
  bool streamed = false;              ///< the handler reads the body itself
  Status status = Status::not_found;  ///< without a handler: 204 (OPTIONS), 404, 405, 501
  MethodMask allow = 0;
};

/// Finds the service and the route of a parsed request, and sets its mount and its parameters. Allocates only if the
/// path has escapes.
Dispatch dispatch(const Endpoint& endpoint, RequestState& request);

/// The response if there is no handler, with Allow where RFC 9110 15.5.6 and 9.3.7 require it.
Response answer_without_handler(const Dispatch& dispatch);

}  // namespace prefork::http
