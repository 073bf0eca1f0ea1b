#include "framework/master/access_logs.hpp"

#include <sysexits.h>

#include <set>
#include <string>
#include <system_error>

#include "framework/config/errand.hpp"
#include "framework/master/loop/startup_error.hpp"

namespace prefork::master {

namespace {

/// @return the path of a service's access log; empty: it has none
std::string access_log_of(const Generation& generation, std::size_t service) {
  const std::string* const path = value_of(generation, service, OptionRole::log_file);
  if (path == nullptr || path->empty()) return {};
  const bool is_relative = path->front() != '/' && *path != "stderr" && !generation.options.folder.empty();
  return is_relative ? generation.options.folder + "/" + *path : *path;
}

/// @param visit  called with the index of each service that has an access log, and its path
template <class Visit>
void visit_access_logs(const Generation& generation, Visit visit) {
  for (std::size_t i = 0; i < generation.services.size(); ++i) {
    const std::string path = access_log_of(generation, i);
    if (path.empty()) continue;
    try {
      visit(i, path);
    } catch (const std::system_error& error) {
      const config::ServiceOptions& options = generation.options.services[i];
      throw StartupError(EX_CANTCREAT,
                         options.origin.text + ": service \"" + options.name + "\": access log: " + error.what());
    }
  }
}

}  // namespace

void AccessLogs::check(const Generation& generation) const {
  visit_access_logs(generation, [&](std::size_t, const std::string& path) {
    config::begin_errand("opening access log " + path);
    writers_.check(path);
  });
}

void AccessLogs::open(Generation& generation) {
  visit_access_logs(generation, [&](std::size_t service, const std::string& path) {
    generation.services[service].access_log_fd = writers_.pipe_for(path);
  });
}

void AccessLogs::append(const LostRequest& request) {
  const PreparedService& service = request.generation->services[request.service];
  if (service.access_log_fd < 0 || !line_) return;
  const std::string line = line_(request);
  if (line.empty()) return;
  writers_.append(access_log_of(*request.generation, request.service), line);
}

// A writer leaves once no generation with workers writes to it.
void AccessLogs::keep_only(const std::vector<const Generation*>& generations) {
  std::set<std::string> used;
  for (const Generation* generation : generations) {
    for (std::size_t i = 0; i < generation->services.size(); ++i) {
      if (generation->services[i].access_log_fd >= 0) used.insert(access_log_of(*generation, i));
    }
  }
  writers_.keep_only(used);
}

}  // namespace prefork::master
