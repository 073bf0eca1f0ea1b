#pragma once

namespace prefork::base {

/// Which system calls the kernel refuses to a worker, with EPERM. Used by the option and by the code that puts it in
/// force.
enum class SeccompProfile {
  off,
  standard,  ///< calls that administer the machine, reach into other processes or are of no use to a service
  strict,    ///< also calls that make processes and run programs; threads remain possible
};
/// For archives (ipc/contract/archive.hpp).
constexpr auto last_of(SeccompProfile) { return SeccompProfile::strict; }

}  // namespace prefork::base
