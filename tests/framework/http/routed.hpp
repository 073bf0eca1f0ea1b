#pragma once

#include <functional>

#include <prefork/http/service.hpp>

#include "tests/framework/worker/harness.hpp"

namespace prefork::http::test {

/// An HTTP service made from a function that fills its router.
struct Routed final : Service {
  std::function<void(Router&)> fill;
  void routes(Router& router) override { fill(router); }
};

/// What `Service::describe_base` declares, with times short enough for a test.
inline const worker::test::Harness::Options kOptions = {{"mount", "/"},
                                                        {"host", ""},
                                                        {"trusted-proxies", ""},
                                                        {"access-log-format", "combined"},
                                                        {"access-log-sample", "1"},
                                                        {"header-timeout", "5000"},
                                                        {"body-timeout", "5000"},
                                                        {"body-min-rate", "0"},
                                                        {"write-min-rate", "0"},
                                                        {"keepalive-timeout", "5000"},
                                                        {"slow-request", "0"},
                                                        {"queue-timeout", "0"},
                                                        {"max-request-line", "8192"},
                                                        {"max-header-bytes", "32768"},
                                                        {"max-headers", "100"},
                                                        {"max-body-bytes", "1048576"}};

}  // namespace prefork::http::test
