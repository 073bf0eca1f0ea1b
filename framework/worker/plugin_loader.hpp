#pragma once

#include <stdexcept>
#include <string>

#include <prefork/plugin.hpp>

namespace prefork::worker {

/// Why a plugin can't be used, in one sentence that begins with its name.
class PluginError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Loads a plugin from a sealed copy and checks that it fits this server, before any of its functions is
/// called (its static constructors have run by then). It is never unloaded: its code may live on in
/// thread-local destructors and in symbols that the linker made unique.
/// Process: worker or inspector. May block (file access). @throws PluginError
PREFORK_API const PluginDescriptor& load_plugin(int fd, const std::string& name);

/// The check alone: pure, for tests. @throws PluginError
PREFORK_API void check_descriptor(const PluginDescriptor& descriptor, const std::string& name);

}  // namespace prefork::worker
