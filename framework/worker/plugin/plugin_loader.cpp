#include "framework/worker/plugin/plugin_loader.hpp"

#include <dlfcn.h>
#include <fcntl.h>
#include <link.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <cstring>
#include <string_view>
#include <utility>
#include <vector>

#include "ipc/memory/shared_memory.hpp"
#include "ipc/posix/check.hpp"
#include "ipc/posix/syscall.hpp"

namespace prefork::worker {

namespace {

constexpr const char* kProcFds = "/proc/self/fd";

// After a change of user the kernel gives /proc/self to root, but a copy in a memfd is opened through it.
class ReadableProc {
 public:
  ReadableProc() noexcept : before_(::prctl(PR_GET_DUMPABLE)) { ::prctl(PR_SET_DUMPABLE, 1); }
  ReadableProc(const ReadableProc&) = delete;
  ReadableProc& operator=(const ReadableProc&) = delete;
  ~ReadableProc() { ::prctl(PR_SET_DUMPABLE, before_ == 1 ? 1 : 0); }

 private:
  int before_;
};

[[noreturn]] void refuse(const std::string& name, const std::string& reason) {
  throw PluginError("plugin \"" + name + "\" " + reason);
}

// A working directory outside the root is a way out of the chroot, so it lasts no longer than the loading.
class WorkingDirectory {
 public:
  explicit WorkingDirectory(int folder) : entered_(folder >= 0) {
    if (entered_) ipc::check_syscall(::fchdir(folder), "fchdir /proc/self/fd");
  }
  WorkingDirectory(const WorkingDirectory&) = delete;
  WorkingDirectory& operator=(const WorkingDirectory&) = delete;
  ~WorkingDirectory() {
    if (entered_) PREFORK_CHECK(::chdir("/") == 0);
  }

 private:
  bool entered_;
};

// A debugger opens a library by this name; a name with our descriptor's number would open one of its own. The loader
// never frees the name: a plugin is not unloaded. The name that it replaces stays allocated, as the loader's own lists
// may refer to it.
void name_for_debuggers(void* library, const std::string& path) {
  static auto& replaced = *new std::vector<std::pair<const char*, const char*>>();
  link_map* map = nullptr;
  if (path.empty() || ::dlinfo(library, RTLD_DI_LINKMAP, &map) != 0 || path == map->l_name) return;
  char* const name = ::strdup(path.c_str());
  if (name == nullptr) return;
  replaced.emplace_back(map->l_name, name);
  map->l_name = name;
}

// dlerror() names the descriptor that was opened; people know the plugin by its name.
std::string last_dl_error(const std::string& path, const std::string& name) {
  const char* text = ::dlerror();
  std::string message = text != nullptr ? text : "unknown error";
  if (const auto at = message.find(path); at != std::string::npos) message.replace(at, path.size(), name);
  return message;
}

}  // namespace

void check_descriptor(const PluginDescriptor& descriptor, const std::string& name) {
  if (descriptor.magic != PluginDescriptor::kMagic)
    refuse(name, "is not a prefork plugin: its prefork_plugin has no magic number");
  if (descriptor.abi_major != PREFORK_ABI_MAJOR || descriptor.abi_minor > PREFORK_ABI_MINOR) {
    refuse(name, "was built for plugin interface " + std::to_string(descriptor.abi_major) + "." +
                     std::to_string(descriptor.abi_minor) + ", this server has " + std::to_string(PREFORK_ABI_MAJOR) +
                     "." + std::to_string(PREFORK_ABI_MINOR) + ": build it again");
  }
  if (descriptor.struct_bytes != sizeof(PluginDescriptor)) {
    refuse(name, "has a descriptor of " + std::to_string(descriptor.struct_bytes) + " bytes, this server expects " +
                     std::to_string(sizeof(PluginDescriptor)) + ": build it again");
  }
  if (std::strcmp(descriptor.build_signature, PREFORK_BUILD_SIGNATURE) != 0) {
    refuse(name, std::string("was built with ") + descriptor.build_signature + ", this server with " +
                     PREFORK_BUILD_SIGNATURE + ": build it the same way");
  }
  if (static_cast<std::size_t>(descriptor.kind) >= kServiceKinds.size())
    refuse(name, "is of a kind that this server does not know");
}

ipc::UniqueFd open_proc_fds() {
  return ipc::UniqueFd(ipc::check_syscall(::open(kProcFds, O_PATH | O_DIRECTORY | O_CLOEXEC), "open /proc/self/fd"));
}

const PluginDescriptor& load_plugin(int fd, const std::string& name, int proc_fds) {
  // By the pid, so that a debugger that follows the loading finds the same file.
  const std::string folder = proc_fds >= 0 ? "." : "/proc/" + std::to_string(::getpid()) + "/fd";
  const std::string path = folder + "/" + std::to_string(fd);
  ReadableProc readable;
  void* library = nullptr;
  {
    const WorkingDirectory directory(proc_fds);
    library = ::dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  }
  if (library == nullptr) refuse(name, "does not load: " + last_dl_error(path, name));
  name_for_debuggers(library, ipc::copied_from(fd, proc_fds));
  const void* symbol = ::dlsym(library, "prefork_plugin");
  if (symbol == nullptr) refuse(name, "is not a prefork plugin: it exports no symbol prefork_plugin");
  const auto& descriptor = *static_cast<const PluginDescriptor*>(symbol);
  check_descriptor(descriptor, name);
  return descriptor;
}

}  // namespace prefork::worker
