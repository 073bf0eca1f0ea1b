#include "framework/cli/rehearsal.hpp"

#include <fcntl.h>
#include <sysexits.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <exception>
#include <system_error>
#include <utility>

#include "framework/cli/wiring.hpp"
#include "framework/config/config_error.hpp"
#include "framework/config/errand.hpp"
#include "framework/config/findings.hpp"
#include "ipc/posix/syscall.hpp"
#include "ipc/posix/unique_fd.hpp"

namespace prefork::cli {

namespace {

/// A sentence and its exit code.
using Found = std::vector<std::pair<int, std::string>>;

int exit_code_of(int error) {
  if (error == EACCES || error == EPERM) return EX_NOPERM;
  return error == ENOENT ? EX_NOINPUT : EX_CONFIG;
}

bool try_isolation(const Rehearsal& rehearsal, Found& found) {
  try {
    if (!rehearsal.folder.empty()) ipc::check_syscall(::chdir(rehearsal.folder.c_str()), "chdir " + rehearsal.folder);
    worker::isolate(rehearsal.isolation);
    return true;
  } catch (const std::system_error& error) {
    const bool no_right =
        error.code() == std::errc::operation_not_permitted || error.code() == std::errc::permission_denied;
    found.emplace_back(no_right ? EX_NOPERM : EX_CONFIG, rehearsal.place + error.what());
  } catch (const std::exception& error) {
    found.emplace_back(EX_CONFIG, rehearsal.place + error.what());
  }
  return false;
}

// A folder may have search permission only.
void try_path(const NeededPath& needed, Found& found) {
  const int flags = needed.is_folder ? O_PATH | O_DIRECTORY : O_RDONLY | O_NONBLOCK | O_NOCTTY;
  const ipc::UniqueFd fd(::open(needed.path.c_str(), flags | O_CLOEXEC));
  if (fd.is_open() && (!needed.is_folder || ::access(needed.path.c_str(), X_OK) == 0)) return;
  const int error = errno;
  found.emplace_back(exit_code_of(error), needed.place + needed.path + ": " + std::strerror(error));
}

Rehearsal rehearsal_of(const master::Generation& generation, const config::PoolOptions& pool) {
  Rehearsal rehearsal{pool.name,
                      pool.origin.text + ": pool \"" + pool.name + "\": ",
                      generation.options.folder,
                      isolation_of(generation, pool),
                      {}};
  for (std::size_t i = 0; i < generation.services.size(); ++i) {
    const config::ServiceOptions& service = generation.options.services[i];
    if (service.pool != pool.name) continue;
    const master::PreparedService& prepared = generation.services[i];
    for (const OptionSpec& option : generation.plugins[prepared.plugin]->report.options) {
      if (option.type != OptionType::folder && option.type != OptionType::file) continue;
      const std::string& path = prepared.options.at(option.name);
      if (path.empty()) continue;
      const auto given = service.own.find(option.name);
      const config::Origin& origin = given != service.own.end() ? given->second.origin : service.origin;
      rehearsal.needed.push_back({path, option.type == OptionType::folder,
                                  origin.text + ": " + option.name + " in [service " + service.name + "]: "});
    }
  }
  return rehearsal;
}

}  // namespace

void rehearse_isolation(const master::Generation& generation, const StartRehearsal& start,
                        const std::optional<std::string>& only) {
  config::Findings all;
  for (const auto& pool : generation.options.pools) {
    if (only && pool.name != *only) continue;
    config::begin_errand("trying the isolation of pool \"" + pool.name + "\"");
    const Rehearsal rehearsal = rehearsal_of(generation, pool);
    all.note([&] {
      const std::string answer = master::Inspector({}).run(
          "pool \"" + pool.name + "\"", [&](const master::Inspector::Child& child) { return start(rehearsal, child); });
      Found found;
      ipc::Decoder decoder(answer, "the answer of a rehearsal is damaged: ");
      decoder(found);
      for (const auto& [code, sentence] : found) all.add(config::ConfigError(sentence, code));
    });
  }
  all.throw_if_any();
}

std::string rehearse(const Rehearsal& rehearsal) {
  Found found;
  if (try_isolation(rehearsal, found)) {
    for (const NeededPath& path : rehearsal.needed) try_path(path, found);
  }
  ipc::Encoder encoder;
  encoder(found);
  return encoder.take();
}

}  // namespace prefork::cli
