#include "framework/master/generation/probe.hpp"

#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <memory>
#include <set>
#include <string>

#include "framework/config/errand.hpp"
#include "framework/config/findings.hpp"
#include "framework/master/loop/startup_error.hpp"
#include "ipc/posix/unique_fd.hpp"

namespace prefork::master {

namespace {

using config::ListenScheme;
using config::ListenSpec;

[[noreturn]] void refuse(int exit_code, const std::string& place, const std::string& what, int error) {
  throw StartupError(exit_code, place + ": " + what + ": " + std::strerror(error));
}

bool is_unix(const ListenSpec& spec) {
  return spec.scheme == ListenScheme::unix_stream || spec.scheme == ListenScheme::unix_dgram;
}
bool is_inet(const ListenSpec& spec) { return spec.scheme == ListenScheme::tcp || spec.scheme == ListenScheme::udp; }

/// @return 0, or the error of the call that failed. Port 0 is another one each time, so nobody's port is taken.
int try_address(const addrinfo& info, const ListenSpec& spec) {
  sockaddr_storage address{};
  std::memcpy(&address, info.ai_addr, info.ai_addrlen);
  const ipc::UniqueFd fd(::socket(info.ai_family, info.ai_socktype | SOCK_CLOEXEC, 0));
  if (!fd.is_open()) return errno;
  if (info.ai_family == AF_INET6) {
    const int only = spec.ipv6only ? 1 : 0;
    ::setsockopt(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, &only, sizeof only);
    reinterpret_cast<sockaddr_in6&>(address).sin6_port = 0;
  } else {
    reinterpret_cast<sockaddr_in&>(address).sin_port = 0;
  }
  return ::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), info.ai_addrlen) == 0 ? 0 : errno;
}

void probe_inet(const ListenSpec& spec) {
  config::begin_errand("resolving " + spec.address);
  addrinfo hints{};
  hints.ai_socktype = spec.scheme == ListenScheme::tcp ? SOCK_STREAM : SOCK_DGRAM;
  hints.ai_flags = AI_PASSIVE;
  addrinfo* result = nullptr;
  const std::string host = spec.host == "*" ? "0.0.0.0" : spec.host;
  const int failed = ::getaddrinfo(host.c_str(), spec.port.c_str(), &hints, &result);
  if (failed != 0) {
    const std::string why = failed == EAI_SYSTEM ? std::strerror(errno) : ::gai_strerror(failed);
    throw StartupError(EX_CONFIG, spec.origin.text + ": can't resolve " + spec.address + ": " + why);
  }
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> all(result, &::freeaddrinfo);
  int error = 0;
  for (const addrinfo* info = all.get(); info != nullptr; info = info->ai_next) {
    error = try_address(*info, spec);
    if (error == 0) return;
  }
  refuse(EX_UNAVAILABLE, spec.origin.text, "bind " + spec.address, error);
}

/// @return 0, or the errno that says why nothing can be made there
int try_folder_of(const std::string& path) {
  const std::filesystem::path folder = std::filesystem::path(path).parent_path();
  const std::string name = folder.empty() ? "." : folder.string();
  struct stat status {};
  if (::stat(name.c_str(), &status) == -1) return errno;
  if (!S_ISDIR(status.st_mode)) return ENOTDIR;
  return ::faccessat(AT_FDCWD, name.c_str(), W_OK | X_OK, AT_EACCESS) == 0 ? 0 : errno;
}

void probe_unix(const ListenSpec& spec) {
  if (spec.path.size() >= sizeof sockaddr_un{}.sun_path) {
    refuse(EX_UNAVAILABLE, spec.origin.text, "bind " + spec.address, ENAMETOOLONG);
  }
  if (const int error = try_folder_of(spec.path); error != 0) {
    refuse(EX_UNAVAILABLE, spec.origin.text, "bind " + spec.address, error);
  }
}

// An old socket or pid file is replaced; a log is appended to.
void probe_file(const std::string& path, const std::string& what, const config::Origin& origin) {
  config::begin_errand("looking at " + path);
  struct stat status {};
  int error = 0;
  if (::stat(path.c_str(), &status) == 0 && !S_ISSOCK(status.st_mode)) {
    if (S_ISDIR(status.st_mode)) {
      error = EISDIR;
    } else if (::faccessat(AT_FDCWD, path.c_str(), W_OK, AT_EACCESS) == -1) {
      error = errno;
    }
  } else {
    error = try_folder_of(path);
  }
  if (error != 0) refuse(EX_CANTCREAT, origin.text, what + ": can't write " + path, error);
}

}  // namespace

void probe_addresses(const config::Options& options) {
  config::Findings found;
  std::set<std::string> seen;
  for (const auto& service : options.services) {
    for (const ListenSpec& spec : service.listeners) {
      if (!seen.insert(spec.address).second) continue;
      found.note([&] {
        if (is_inet(spec)) probe_inet(spec);
        if (is_unix(spec)) probe_unix(spec);
      });
    }
  }
  found.throw_if_any();
}

void probe_files(const config::Options& options, const std::vector<std::string>& log_options) {
  config::Findings found;
  const auto probe = [&](const std::string& path, const std::string& key) {
    if (path.empty()) return;
    const auto origin = options.origins.find("master." + key);
    found.note([&] { probe_file(path, key, origin == options.origins.end() ? config::Origin{key} : origin->second); });
  };
  if (options.master.log != "stderr" && options.master.log != "syslog") probe(options.master.log, "log");
  probe(options.master.pid_file, "pid-file");
  probe(options.master.control, "control");
  for (std::size_t i = 0; i < log_options.size(); ++i) {
    const auto& service = options.services[i];
    const auto log = service.own.find(log_options[i]);
    if (log == service.own.end() || log->second.value.empty() || log->second.value == "stderr") continue;
    const std::string what = log_options[i] + " in [service " + service.name + "]";
    found.note([&] { probe_file(log->second.value, what, log->second.origin); });
  }
  found.throw_if_any();
}

}  // namespace prefork::master
