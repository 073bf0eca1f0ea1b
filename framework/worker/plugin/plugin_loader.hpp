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

/// Loads a plugin from a sealed copy and checks that it fits this server before any of its functions is called (its
/// static constructors have run by then). It is never unloaded: its code may live on in thread-local destructors and in
/// symbols that the linker made unique.
/// @param proc_fds  the result of open_proc_fds(), called before chroot; -1 where /proc is reachable. While the plugin
///                  is being loaded, that folder is the working directory; then it is / again.
/// Process: worker or inspector. May block (file access). @throws PluginError
PREFORK_API const PluginDescriptor& load_plugin(int fd, const std::string& name, int proc_fds = -1);

/// Opens the folder in which the process's descriptors are files: dlopen(3) can load something without a path only from
/// there. It lies outside any chroot, so it must be closed before a client is served. @throws std::system_error
ipc::UniqueFd open_proc_fds();

/// Only checks. Pure, for tests. @throws PluginError
PREFORK_API void check_descriptor(const PluginDescriptor& descriptor, const std::string& name);

}  // namespace prefork::worker
