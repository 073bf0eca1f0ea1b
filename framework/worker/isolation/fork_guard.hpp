#pragma once

#include <vector>

namespace prefork::worker {

/// From now on, children that a service forks have the worker's listening sockets closed: a child that lives on by
/// itself would keep the server's addresses after the worker has gone. A child that executes a program loses them
/// anyway. An empty list ends this. Process: a worker. Source: pthread_atfork(3), whose handlers vfork(2) and
/// posix_spawn(3) do not run: their children execute a program.
void keep_from_children(std::vector<int> listeners);

}  // namespace prefork::worker
