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
  std::vector<int> descriptors;  ///< still owned by the setup
};

/// Process: master. Shared objects are passed as the descriptors of their memory.
PREFORK_API SetupParcel pack_setup(const WorkerSetup& setup);

/// Process: the worker. Maps only the shared objects of its services. run_worker() maps the memory of its slot and
/// seats.
/// @param descriptors  those that came, in the parcel's order; the ones that stay open belong to the setup
/// @throws std::runtime_error in one sentence, std::system_error
PREFORK_API WorkerSetup unpack_setup(std::string_view text, std::span<const int> descriptors);

}  // namespace prefork::worker
