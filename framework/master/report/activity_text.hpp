#pragma once

#include <string>
#include <vector>

#include "framework/config/options.hpp"
#include "ipc/memory/scoreboard.hpp"

namespace prefork::master {

/// What a worker's scoreboard slot says that it is doing, for people: "hello: GET /x of 127.0.0.1:4711",
/// "echo: connection of 127.0.0.1:4711". Empty: nothing. The slot's bytes are not trusted: the text may hold any bytes,
/// but its length is bounded.
/// @param services  names of the pool's services, in the order that its workers were given them
std::string activity_text(const ipc::Activity& activity, const std::vector<std::string>& services);

/// @return the address of the client that is served, for people: "192.0.2.7:51234", "unix".
std::string client_of(const ipc::Activity& activity);
/// @return method and target of an ActivityKind::request; any bytes.
std::string request_of(const ipc::Activity& activity);

/// Whether a worker's slot says that it serves a client, or that it holds some and does not say for which it works.
/// A worker may write there what it likes: nothing may depend on it that it could not have by serving clients.
bool has_a_client(const ipc::WorkerSlot& slot) noexcept;

}  // namespace prefork::master
