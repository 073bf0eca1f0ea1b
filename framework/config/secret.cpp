#include "framework/config/secret.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <optional>
#include <system_error>

#include "framework/config/config_error.hpp"
#include "framework/config/errand.hpp"
#include "framework/config/wording.hpp"
#include "ipc/posix/syscall.hpp"
#include "ipc/posix/unique_fd.hpp"

namespace prefork::config {

namespace {

constexpr std::string_view kFile = "file:";
constexpr std::string_view kEnvironment = "env:";
constexpr std::string_view kCredential = "credential:";

std::optional<std::string> behind(std::string_view prefix, std::string_view text) {
  if (!text.starts_with(prefix)) return std::nullopt;
  return std::string(text.substr(prefix.size()));
}

[[noreturn]] void fail(const char* call, const std::string& path, int error) {
  throw ConfigError(fmt::format("{} {}: {}", call, path, std::generic_category().message(error)),
                    error == EACCES || error == EPERM ? EX_NOPERM : EX_NOINPUT);
}

std::string read_file(const std::string& path) {
  // A FIFO without a writer does not block.
  const ipc::UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (!file.is_open()) fail("open", path, errno);
  struct stat status {};
  if (::fstat(file.get(), &status) == -1) fail("fstat", path, errno);
  if (!S_ISREG(status.st_mode)) throw ConfigError(path + " is no regular file");
  std::string text;
  std::array<char, 4096> chunk;
  for (;;) {
    const ssize_t n = ipc::retry_eintr([&] { return ::read(file.get(), chunk.data(), chunk.size()); });
    if (n == -1) fail("read", path, errno);
    if (n == 0) break;
    text.append(chunk.data(), static_cast<std::size_t>(n));
    if (text.size() > kMaxSecretBytes) throw ConfigError(path + " has more than 64 KiB");
  }
  if (text.ends_with('\n')) text.pop_back();
  if (text.empty()) throw ConfigError(path + " is empty");
  return text;
}

std::string read_credential(const std::string& name) {
  if (name.empty() || name.find('/') != std::string::npos) throw ConfigError(in_quotes(name) + " names no credential");
  const char* const folder = std::getenv("CREDENTIALS_DIRECTORY");
  if (folder == nullptr || *folder == '\0') {
    throw ConfigError("credential:" + name + ": the service manager has given none ($CREDENTIALS_DIRECTORY is not set)",
                      EX_NOINPUT);
  }
  return read_file(std::string(folder) + '/' + name);
}

std::string read_secret(const std::string& written) {
  if (const auto path = behind(kFile, written)) return read_file(*path);
  if (const auto name = behind(kCredential, written)) return read_credential(*name);
  const auto name = behind(kEnvironment, written);
  if (!name) return written;
  const char* const value = std::getenv(name->c_str());
  if (value == nullptr || *value == '\0') throw ConfigError("env:" + *name + " is not set, or empty", EX_NOINPUT);
  return value;
}

}  // namespace

bool names_secret(std::string_view text) noexcept {
  return text.starts_with(kFile) || text.starts_with(kEnvironment) || text.starts_with(kCredential);
}

std::string masked(std::string_view text) {
  if (text.empty() || names_secret(text)) return std::string(text);
  return "********";
}

ServiceOptions without_secrets(ServiceOptions service, const std::vector<OptionSpec>& declared) {
  for (const OptionSpec& option : declared) {
    const auto given = service.own.find(option.name);
    if (option.type == OptionType::secret && given != service.own.end()) {
      given->second.value = masked(given->second.value);
    }
  }
  return service;
}

std::vector<std::string> secret_variables(const Options& options) {
  std::vector<std::string> names;
  for (const ServiceOptions& service : options.services) {
    for (const auto& [key, option] : service.own) {
      if (auto name = behind(kEnvironment, option.value)) names.push_back(std::move(*name));
    }
  }
  return names;
}

void read_secrets(const ServiceOptions& service, const std::vector<OptionSpec>& declared,
                  std::map<std::string, std::string>& values) {
  for (const OptionSpec& option : declared) {
    if (option.type != OptionType::secret) continue;
    std::string& value = values[option.name];
    begin_errand(fmt::format("reading {} of [service {}]", option.name, service.name));
    try {
      value = read_secret(value);
    } catch (const ConfigError& error) {
      const auto given = service.own.find(option.name);
      const Origin& place = given != service.own.end() ? given->second.origin : service.origin;
      throw ConfigError(fmt::format("{}: {} in [service {}]: {}", place.text, option.name, service.name, error.what()),
                        error.exit_code());
    }
  }
}

}  // namespace prefork::config
