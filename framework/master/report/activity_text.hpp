#pragma once

#include <string>
#include <vector>

#include "framework/config/options.hpp"
#include "ipc/memory/scoreboard.hpp"

namespace prefork::master {

/// What a worker is doing according to its scoreboard slot, for display: "hello: GET /x of 127.0.0.1:4711", "echo:
/// connection of 127.0.0.1:4711". Empty: nothing. The slot is not trusted: the text may hold any bytes, but its length
/// is bounded.
/// @param services  names of the pool's services, in the order in which its workers got them
std::string activity_text(const ipc::Activity& activity, const std::vector<std::string>& services);

/// @return the address of the client being served, for display: "192.0.2.7:51234", "unix"
std::string client_of(const ipc::Activity& activity);
/// @return method and target of an ActivityKind::request; any bytes
std::string request_of(const ipc::Activity& activity);

/// Whether, according to its slot, a worker serves a client, or has clients and does not say which one it works for. A
/// worker may write anything there: nothing may depend on this that it could not also get by serving clients.
bool has_a_client(const ipc::WorkerSlot& slot) noexcept;

}  // namespace prefork::master
