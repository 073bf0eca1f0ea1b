#pragma once

#include <string>
#include <vector>

#include "framework/config/options.hpp"
#include "ipc/scoreboard.hpp"

namespace prefork::master {

/// What a worker's scoreboard slot says that it is doing, for people: "hello: GET /x", "echo: connection of
/// 127.0.0.1:4711". Empty: nothing. The slot's bytes are not trusted: the text may hold any bytes, but its
/// length is bounded.
/// @param services  names of the pool's services, in the order that its workers were given them
std::string activity_text(const ipc::Activity& activity, const std::vector<std::string>& services);

/// Whether a worker's slot says that it serves a client, or that it holds some and does not say for which it works.
/// A worker may write there what it likes: nothing may depend on it that it could not have by serving clients.
bool has_a_client(const ipc::WorkerSlot& slot) noexcept;

}  // namespace prefork::master
