#pragma once

/// All that an author of an HTTP service includes: derive from `http::Service`, fill a `http::Router`.
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
