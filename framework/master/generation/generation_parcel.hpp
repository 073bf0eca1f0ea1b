#pragma once

#include <string>
#include <vector>

#include "framework/master/generation/generation.hpp"
#include "ipc/posix/unique_fd.hpp"

/// A prepared generation on its way from the process that prepared it to the master. What it shares with the running
/// generation, which both know, is named by its index there.
namespace prefork::master {

struct PackedGeneration {
  std::string text;
  std::vector<int> descriptors;  ///< still owned by the generation
};

/// @param prepared  with its listeners, without shared objects
PackedGeneration pack_generation(const Generation& prepared, const Generation& running);

/// This process becomes the owner of the files of new unix sockets.
/// @throws std::runtime_error: the text is malformed
Generation unpack_generation(const std::string& text, std::vector<ipc::UniqueFd> descriptors,
                             const Generation& running);

}  // namespace prefork::master
