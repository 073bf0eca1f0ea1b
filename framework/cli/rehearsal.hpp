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

/// A child takes on a pool's isolation and looks for what its services need, so that whatever this system does not
/// grant is reported before a worker fails because of it, and also by -t.
namespace prefork::cli {

/// An option that names a folder or file which its service needs.
struct NeededPath {
  std::string path;
  bool is_folder = false;
  std::string place;  ///< with the option's name and section, for messages
};

/// What the child must know about its pool.
struct Rehearsal {
  std::string pool;
  std::string place;   ///< of the pool, for messages about its isolation
  std::string folder;  ///< the base of relative paths; empty: the child's working directory
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

/// Forks a child that answers with the result of rehearse().
using StartRehearsal = std::function<pid_t(const Rehearsal&, const master::Inspector::Child&)>;

/// Runs a rehearsal in a child for each pool, or only for `only`. Process: master. Blocks: some ms per pool.
/// @throws config::ConfigError (77: missing rights; 66: the pool's user does not find a folder or file that an option
/// names; else 78): everything that was found, each with its place
void rehearse_isolation(const master::Generation& generation, const StartRehearsal& start,
                        const std::optional<std::string>& only = {});

/// Runs in the child, which it isolates. @return what was found, for the process that asked
std::string rehearse(const Rehearsal& rehearsal);

}  // namespace prefork::cli
