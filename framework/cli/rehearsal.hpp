#pragma once

#include <sys/types.h>

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "framework/master/generation/generation.hpp"
#include "framework/master/generation/inspector.hpp"
#include "framework/worker/isolation/isolation.hpp"
#include "framework/worker/isolation/isolation_fields.hpp"
#include "ipc/contract/archive.hpp"

/// A child takes a pool's isolation on and looks for what its services need, so that what this system does not grant is
/// told before a worker fails by it, and by -t too.
namespace prefork::cli {

/// An option that names a folder or a file which its service needs.
struct NeededPath {
  std::string path;
  bool is_folder = false;
  std::string place;  ///< with the option's name and section, for the sentence
};

/// What the child is told of its pool.
struct Rehearsal {
  std::string pool;
  std::string place;   ///< of the pool, for sentences on its isolation
  std::string folder;  ///< what relative paths are found from; empty: where the child is
  worker::Isolation isolation;
  std::vector<NeededPath> needed;
};

template <class A>
void fields(A& archive, ipc::Is<NeededPath> auto& n) {
  archive(n.path, n.is_folder, n.place);
}
template <class A>
void fields(A& archive, ipc::Is<Rehearsal> auto& r) {
  archive(r.pool, r.place, r.folder, r.isolation, r.needed);
}

/// Forks a child whose answer is rehearse().
using StartRehearsal = std::function<pid_t(const Rehearsal&, const master::Inspector::Child&)>;

/// Has a child of each pool, or of `only`, rehearse. Process: master. Blocks: for some ms a pool.
/// @throws config::ConfigError (77: want of rights; 66: a folder or file that an option names is not there for the
/// pool's user; else 78): all that was found, each with its place
void rehearse_isolation(const master::Generation& generation, const StartRehearsal& start,
                        const std::optional<std::string>& only = {});

/// Runs in the child, which is confined by it. @return what was found, for who asked
std::string rehearse(const Rehearsal& rehearsal);

}  // namespace prefork::cli
