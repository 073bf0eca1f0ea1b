#pragma once

#include <vector>

namespace prefork::worker {

/// From now on children that a service forks have the worker's listening sockets closed: one that goes its own way
/// would keep the server's addresses when that has gone. What executes a program loses them anyway. Given none, it
/// ends. Process: a worker. Source: pthread_atfork(3), which is not run by vfork(2) and posix_spawn(3): their children
/// execute.
void keep_from_children(std::vector<int> listeners);

}  // namespace prefork::worker
