#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "framework/worker/worker.hpp"

namespace prefork::worker {

/// A worker's setup on its way to another process: a text, and descriptors beside it.
struct SetupParcel {
  std::string text;
  std::vector<int> descriptors;  ///< still the setup's
};

/// Process: master. The objects that the setup names go by their memory.
PREFORK_API SetupParcel pack_setup(const WorkerSetup& setup);

/// Process: the worker. Maps the shared objects of its services, and nothing else. The memory of its slot and seats is
/// mapped by run_worker().
/// @param descriptors  as they came, in the parcel's order; those that stay are the setup's
/// @throws std::runtime_error in one sentence, std::system_error
PREFORK_API WorkerSetup unpack_setup(std::string_view text, std::span<const int> descriptors);

}  // namespace prefork::worker
