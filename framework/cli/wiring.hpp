#pragma once

#include <string>

#include "framework/config/plugin_report.hpp"
#include "framework/master/generation.hpp"
#include "framework/master/spawner.hpp"
#include "framework/worker/worker.hpp"

/// Where the master's world meets the worker's: neither knows the other's types.
namespace prefork::cli {

/// Runs in the inspector's child: loads the plugin and lets it describe itself.
config::PluginReport inspect_plugin(int fd, const std::string& name);

/// Has a child of each pool, or of `only`, try its isolation, so that what this system does not grant is told before a
/// worker fails by it, and by -t too. Process: master. Blocks: for some ms a pool. @throws master::StartupError (77:
/// want of rights; else 78), which starts with the pool's place.
void rehearse_isolation(const master::Generation& generation, const std::optional<std::string>& only = {});

/// Turns the order into the worker's setup, which has of the generation what is the pool's. Its descriptors and shared
/// objects stay the master's. Process: master.
worker::WorkerSetup worker_setup(const master::SpawnOrder& order);

}  // namespace prefork::cli
