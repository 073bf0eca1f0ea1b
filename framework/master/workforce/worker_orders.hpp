#pragma once

#include <chrono>

#include "framework/master/workforce/worker_table.hpp"
#include "ipc/contract/contract.hpp"

/// What the master tells a worker through its control pipe. Nothing blocks: a worker that does not listen is ended by
/// its deadline.
namespace prefork::master {

class ListenerSet;

/// To close all and exit at once.
void order_to_stop(const WorkerRecord& worker);

/// To take no new clients, and to exit when it has answered those that it has.
/// @param kind  ControlKind::retire or ControlKind::finish
/// @param limit  after which it is stopped; zero: none
void order_to_drain(const WorkerRecord& worker, ipc::ControlKind kind, std::chrono::milliseconds limit);

/// To take what waits at those of its listeners that nobody takes from after it: the kernel would reset the clients in
/// a backlog when the last process closes the socket. To be sent before order_to_drain().
/// @param lasting  what is listened on after it; nullptr: nothing, the server stops
void order_to_empty(const WorkerRecord& worker, const ListenerSet* lasting);

}  // namespace prefork::master
