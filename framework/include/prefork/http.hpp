#pragma once

/// What every author of an HTTP service includes: derive from `http::Service`, fill a `http::Router`. JSON, forms,
/// WebSocket, server-sent events and files have headers of their own beside this one: prefork/http/json.hpp, form.hpp,
/// web_socket.hpp, event_stream.hpp, send_file.hpp. The guide is docs/http.md.
///
/// ```cpp
/// class Hello final : public prefork::http::Service {
///   void routes(prefork::http::Router& router) override {
///     router.get("/", [](prefork::http::Request&) { return prefork::http::Response::text("Hello"); });
///   }
/// };
/// PREFORK_SERVICE(Hello)
/// ```

#include <prefork/http/cookie.hpp>
#include <prefork/http/error.hpp>
#include <prefork/http/method.hpp>
#include <prefork/http/request.hpp>
#include <prefork/http/response.hpp>
#include <prefork/http/router.hpp>
#include <prefork/http/service.hpp>
#include <prefork/http/status.hpp>
