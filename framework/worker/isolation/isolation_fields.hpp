#pragma once

#include "framework/worker/isolation/isolation.hpp"
#include "ipc/contract/archive.hpp"

/// Encodes an isolation for another process.
namespace prefork::worker {

template <class A>
void fields(A& archive, ipc::Is<LimitSetup> auto& l) {
  archive(l.name, l.resource, l.value.rlim_cur, l.value.rlim_max);
}
template <class A>
void fields(A& archive, ipc::Is<LandlockPaths> auto& p) {
  archive(p.readable, p.writable);
}
template <class A>
void fields(A& archive, ipc::Is<Isolation> auto& i) {
  // Every member is named, so that a new one does not compile until it is dealt with here.
  auto& [cpus, nice, limits, umask, chroot, paths, run_as, dumpable, seccomp] = i;
  archive(cpus, nice, limits, umask, chroot, paths, run_as, dumpable, seccomp);
}

}  // namespace prefork::worker
