#pragma once

#include "framework/worker/isolation/isolation.hpp"
#include "ipc/contract/archive.hpp"

/// How an isolation goes to another process.
namespace prefork::worker {

constexpr auto last_of(SeccompProfile) { return SeccompProfile::strict; }

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
  // All members are named, so that one that is added does not compile before it is decided on here.
  auto& [cpus, nice, limits, umask, chroot, paths, run_as, dumpable, seccomp] = i;
  archive(cpus, nice, limits, umask, chroot, paths, run_as, dumpable, seccomp);
}

}  // namespace prefork::worker
