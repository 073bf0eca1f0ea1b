#pragma once

#include <string>
#include <vector>

#include "framework/master/generation/generation.hpp"
#include "ipc/posix/unique_fd.hpp"

/// A prepared generation on its way from the process that has prepared it to the master. What it has in common with the
/// generation that runs, which both know, is named by its place there.
namespace prefork::master {

struct PackedGeneration {
  std::string text;
  std::vector<int> descriptors;  ///< stay the generation's
};

/// @param prepared  with its listeners; without shared objects
PackedGeneration pack_generation(const Generation& prepared, const Generation& running);

/// The files of unix sockets that are new become this process's.
/// @throws std::runtime_error: it is no such text
Generation unpack_generation(const std::string& text, std::vector<ipc::UniqueFd> descriptors,
                             const Generation& running);

}  // namespace prefork::master
