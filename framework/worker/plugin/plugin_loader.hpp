#pragma once

#include <stdexcept>
#include <string>

#include <prefork/plugin.hpp>

#include "ipc/posix/unique_fd.hpp"

namespace prefork::worker {

/// Why a plugin can't be used, in one sentence that begins with its name.
class PluginError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Loads a plugin from a sealed copy and checks that it fits this server, before any of its functions is
/// called (its static constructors have run by then). It is never unloaded: its code may live on in
/// thread-local destructors and in symbols that the linker made unique.
/// @param proc_fds  open_proc_fds() of before a chroot; -1: /proc is there. While the plugin is loaded, its folder is
/// the
///                  working directory; then that is / again.
/// Process: worker or inspector. May block (file access). @throws PluginError
PREFORK_API const PluginDescriptor& load_plugin(int fd, const std::string& name, int proc_fds = -1);

/// Opens the folder in which the process's descriptors are files, the one way to have dlopen(3) load what has no path.
/// It lies outside of any chroot, so it must be closed before a client is served. @throws std::system_error
ipc::UniqueFd open_proc_fds();

/// The check alone: pure, for tests. @throws PluginError
PREFORK_API void check_descriptor(const PluginDescriptor& descriptor, const std::string& name);

}  // namespace prefork::worker
