// What a request knows from the service that it belongs to.
#include <prefork/http/request.hpp>

#include "framework/http/message/forwarded.hpp"
#include "framework/http/message/request_state.hpp"
#include "framework/http/routing/endpoint.hpp"
#include "framework/http/wire/char_class.hpp"
#include "framework/worker/net/peer_address.hpp"

namespace prefork::http {

Context& Request::context() const noexcept { return *state_.mount->context; }

namespace {

std::string peer_of(const RequestState& state) {
  return state.client.peer != nullptr ? state.client.peer->to_string() : std::string();
}

ForwardedClient client_of(const RequestState& state) {
  if (state.mount == nullptr || state.mount->options.trusted_proxies.empty()) return {peer_of(state), false};
  ForwardedFields fields;
  for (std::size_t i = 0; i < state.head.field_count; ++i) {
    const Header& field = state.head.fields[i];
    if (equals_ignoring_case(field.name, "forwarded")) fields.forwarded.push_back(field.value);
    if (equals_ignoring_case(field.name, "x-forwarded-for")) fields.forwarded_for.push_back(field.value);
    if (equals_ignoring_case(field.name, "x-forwarded-proto")) fields.forwarded_proto.push_back(field.value);
  }
  return forwarded_client(peer_of(state), fields, state.mount->options.trusted_proxies);
}

}  // namespace

std::string Request::client_address() const { return client_of(state_).address; }
bool Request::secure() const { return client_of(state_).secure; }
std::string Request::peer_address() const { return peer_of(state_); }

}  // namespace prefork::http
