#include <prefork/http/router.hpp>

#include "framework/http/route_table.hpp"

namespace prefork::http {

Router::Router() : table_(std::make_unique<RouteTable>()) {}
Router::Router(Router&&) noexcept = default;
Router& Router::operator=(Router&&) noexcept = default;
Router::~Router() = default;

void Router::add(Method method, std::string_view pattern, Handler handler) {
  table_->add(method, pattern, std::move(handler));
}

}  // namespace prefork::http
