#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include <prefork/api.hpp>
#include <prefork/http/method.hpp>
#include <prefork/http/request.hpp>
#include <prefork/http/response.hpp>
#include <prefork/task.hpp>

namespace prefork::http {

class RouteTable;

enum class BodyMode : std::uint8_t {
  collected,  ///< the handler is called once the whole body has arrived: Request::body
  streamed,   ///< the handler is called at once and reads the body piece by piece: Request::read
};

struct RouteOptions {
  BodyMode body = BodyMode::collected;
  std::optional<std::uint64_t> max_body_bytes;  ///< a longer one gets 413; the service's `max-body-bytes` if not given
};

/// The rest of the way to a handler, given to a middleware.
class PREFORK_API NextHandler {
 public:
  /// Calls the next middleware, or the handler. Must be awaited at most once.
  virtual Task<Response> operator()(Request& request) = 0;

 protected:
  ~NextHandler() = default;
};

/// Runs before a handler: answers in its place, or awaits `next(request)` and may change the result.
using Middleware = std::function<Task<Response>(Request&, NextHandler&)>;

/// What a route calls. It lives as long as the worker, so a suspended coroutine may use its captures.
using FunctionHandler = std::function<Response(Request&)>;
using CoroutineHandler = std::function<Task<Response>(Request&)>;
using Handler = std::variant<FunctionHandler, CoroutineHandler>;

/// A service's routes, filled in `Service::routes` once in each worker.
///
/// A pattern is a path relative to the service's mount: literal segments, `{name}` for one segment that is not empty,
/// and at the end `{name...}` for everything that follows, including '/'. Literals are written plainly, without
/// escapes. They take precedence over `{name}`, which takes precedence over `{name...}`; if the winner does not have
/// the request's method, the next one is tried. A final '/' counts.
///
/// The GET handler answers HEAD, without its body. OPTIONS is answered with Allow if no handler is given. A path
/// without a route is a 404, one without the method a 405 with Allow.
///
/// A handler is `Response(Request&)` or `Task<Response>(Request&)`. An exception from it is logged and answered with
/// 500, an `http::Error` with its own status (prefork/http/error.hpp).
class PREFORK_API Router {
 public:
  Router();
  Router(Router&&) noexcept;
  Router& operator=(Router&&) noexcept;
  ~Router();

  /// @throws std::invalid_argument for a malformed pattern, and for one that another of the same method already covers
  /// (patterns that differ only in the names of parameters are the same)
  template <class F>
  Router& route(Method method, std::string_view pattern, F handler, RouteOptions options = {}) {
    using Result = std::invoke_result_t<F&, Request&>;
    static_assert(std::is_same_v<Result, Response> || std::is_same_v<Result, Task<Response>>,
                  "a handler is Response(Request&) or a coroutine Task<Response>(Request&)");
    if constexpr (std::is_same_v<Result, Response>) {
      add(method, pattern, Handler(std::in_place_type<FunctionHandler>, std::move(handler)), options);
    } else {
      add(method, pattern, Handler(std::in_place_type<CoroutineHandler>, std::move(handler)), options);
    }
    return *this;
  }
  template <class F>
  Router& get(std::string_view pattern, F handler, RouteOptions options = {}) {
    return route(Method::get, pattern, std::move(handler), options);
  }
  template <class F>
  Router& post(std::string_view pattern, F handler, RouteOptions options = {}) {
    return route(Method::post, pattern, std::move(handler), options);
  }
  template <class F>
  Router& put(std::string_view pattern, F handler, RouteOptions options = {}) {
    return route(Method::put, pattern, std::move(handler), options);
  }
  template <class F>
  Router& erase(std::string_view pattern, F handler, RouteOptions options = {}) {
    return route(Method::erase, pattern, std::move(handler), options);
  }
  template <class F>
  Router& patch(std::string_view pattern, F handler, RouteOptions options = {}) {
    return route(Method::patch, pattern, std::move(handler), options);
  }

  /// Puts a middleware before the routes that are added after this call; the first middleware is the outermost.
  Router& use(Middleware middleware);

 private:
  friend class RouteTable;

  void add(Method method, std::string_view pattern, Handler handler, RouteOptions options);

  std::unique_ptr<RouteTable> table_;
  std::vector<Middleware> middlewares_;
};

}  // namespace prefork::http
