#include <prefork/http/router.hpp>

#include "framework/http/routing/route_table.hpp"

namespace prefork::http {
namespace {

/// A handler with the middlewares before it. It lives as long as the worker.
struct Stack {
  std::vector<Middleware> middlewares;
  Handler handler;
};

/// The rest of a stack, from its middleware `index` on.
class Rest final : public NextHandler {
 public:
  Rest(const Stack& stack, std::size_t index) noexcept : stack_(stack), index_(index) {}

  Task<Response> operator()(Request& request) override {
    if (index_ < stack_.middlewares.size()) {
      Rest next(stack_, index_ + 1);
      co_return co_await stack_.middlewares[index_](request, next);
    }
    if (const auto* function = std::get_if<FunctionHandler>(&stack_.handler)) co_return (*function)(request);
    co_return co_await std::get<CoroutineHandler>(stack_.handler)(request);
  }

 private:
  const Stack& stack_;
  std::size_t index_;
};

Task<Response> run(const Stack& stack, Request& request) {
  Rest all(stack, 0);
  co_return co_await all(request);
}

}  // namespace

Router::Router() : table_(std::make_unique<RouteTable>()) {}
Router::Router(Router&&) noexcept = default;
Router& Router::operator=(Router&&) noexcept = default;
Router::~Router() = default;

Router& Router::use(Middleware middleware) {
  if (!middleware) throw std::invalid_argument("the middleware is empty");
  middlewares_.push_back(std::move(middleware));
  return *this;
}

void Router::add(Method method, std::string_view pattern, Handler handler, RouteOptions options) {
  if (!middlewares_.empty()) {
    handler = CoroutineHandler([stack = std::make_shared<const Stack>(Stack{middlewares_, std::move(handler)})](
                                   Request& request) { return run(*stack, request); });
  }
  table_->add(method, pattern, std::move(handler), options);
}

}  // namespace prefork::http
