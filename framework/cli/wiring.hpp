#pragma once

#include <string>

#include "framework/config/plugin_report.hpp"
#include "framework/master/generation/generation.hpp"
#include "framework/master/workforce/spawner.hpp"
#include "framework/worker/worker.hpp"

/// Connects the master's side and the worker's: neither knows the other's types.
namespace prefork::cli {

/// Runs in the inspector's child: loads the plugin and lets it describe itself.
/// @param service  the one that it is described for; without a name: none
config::PluginReport inspect_plugin(int fd, const std::string& name, const config::ServiceOptions& service);

/// What the pool's options say, in the form that its workers use.
worker::Isolation isolation_of(const master::Generation& generation, const config::PoolOptions& pool);

/// Turns the order into the worker's setup, which has those parts of the generation that belong to the pool. Its
/// descriptors and shared objects stay the master's. Process: master.
worker::WorkerSetup worker_setup(const master::SpawnOrder& order);

}  // namespace prefork::cli
