#pragma once

#include <prefork/api.hpp>
#include <prefork/http/request.hpp>
#include <prefork/http/response.hpp>
#include <prefork/http/router.hpp>
#include <prefork/http/status.hpp>
#include <prefork/json.hpp>

namespace prefork::http {

/// `json` as application/json.
PREFORK_API Response json_response(const Json& json, Status status = Status::ok);

/// Parses the body of a request on a route with a collected body.
/// @throws Error 415 unless Content-Type is application/json or ends in +json (RFC 6839 3.1), and if the body has a
/// Content-Encoding; Error 400, with a sentence that says where, for a body that is not JSON or exceeds the limits
PREFORK_API Json read_json(const Request& request, JsonLimits limits = {});

/// A middleware that answers 422, with the sentence, where a handler lets a JsonError out: for handlers that take a
/// request's JSON apart with `at`, `text` and the like. `router.use(refuse_unfit_json)`
PREFORK_API Task<Response> refuse_unfit_json(Request& request, NextHandler& next);

}  // namespace prefork::http
