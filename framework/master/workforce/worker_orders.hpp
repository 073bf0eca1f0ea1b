#pragma once

#include <chrono>

#include "framework/master/workforce/worker_table.hpp"
#include "ipc/contract/contract.hpp"

/// What the master tells a worker through its control pipe. Nothing blocks: the deadline of a worker that does not
/// listen ends it.
namespace prefork::master {

class ListenerSet;

/// Orders the worker to close everything and exit at once.
void order_to_stop(const WorkerRecord& worker);

/// Orders the worker to take no new clients, and to exit when it has served the present ones.
/// @param kind  ControlKind::retire or ControlKind::finish
/// @param limit  after which it is stopped; zero: no limit
void order_to_drain(const WorkerRecord& worker, ipc::ControlKind kind, std::chrono::milliseconds limit);

/// Orders the worker to take what waits at those of its listeners that nobody accepts from afterwards: the kernel would
/// reset the clients in a backlog when the last process closes the socket. Must be sent before order_to_drain().
/// @param lasting  what is listened on afterwards; nullptr: nothing, the server stops
void order_to_empty(const WorkerRecord& worker, const ListenerSet* lasting);

}  // namespace prefork::master
