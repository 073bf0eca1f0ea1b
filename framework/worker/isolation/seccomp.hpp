#pragma once

#include <vector>

#include "framework/base/seccomp_profile.hpp"

namespace prefork::worker {

using base::SeccompProfile;

/// The names of the calls that the profile refuses whatever their arguments. In addition, clone is refused for new
/// namespaces, and in strict for everything but threads; clone3, whose arguments can't be inspected, gets ENOSYS, after
/// which the C library uses clone.
std::vector<const char*> refused_calls(SeccompProfile profile);

/// Puts the profile in force, for good, for this process, its threads, and every program and child that comes of it,
/// and checks it. A system call of another architecture (32 bits, x32) kills the process. Process: worker, with
/// no_new_privs set and no thread but the caller's. Blocks: never.
/// @throws std::system_error that names the call. Source: seccomp(2), seccomp_init(3), seccomp_rule_add(3).
void refuse_calls(SeccompProfile profile);

}  // namespace prefork::worker
