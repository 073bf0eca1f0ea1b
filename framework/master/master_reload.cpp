#include <sys/epoll.h>

#include <set>
#include <system_error>
#include <utility>

#include "framework/config/config_error.hpp"
#include "framework/config/errand.hpp"
#include "framework/config/findings.hpp"
#include "framework/config/secret.hpp"
#include "framework/master/log/log_settings.hpp"
#include "framework/master/loop/startup_error.hpp"
#include "framework/master/master.hpp"

// How the master takes on a new configuration.
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

void Master::check_access_logs(const Generation& generation) const {
  visit_access_logs(generation, [&](std::size_t, const std::string& path) {
    config::begin_errand("opening access log " + path);
    log_writers_.check(path);
  });
}

void Master::open_access_logs(Generation& generation) {
  visit_access_logs(generation, [&](std::size_t service, const std::string& path) {
    generation.services[service].access_log_fd = log_writers_.pipe_for(path);
  });
}

void Master::log_lost_requests() {
  for (const LostRequest& request : workforce_.take_lost_requests()) {
    const PreparedService& service = request.generation->services[request.service];
    if (service.access_log_fd < 0 || !lost_request_line_) continue;
    const std::string line = lost_request_line_(request);
    if (!line.empty()) log_writers_.append(access_log_of(*request.generation, request.service), line);
  }
}

// A writer leaves once no generation with workers writes to it.
void Master::close_access_logs() {
  std::set<std::string> used;
  for (const Generation* generation : workforce_.generations()) {
    for (std::size_t i = 0; i < generation->services.size(); ++i) {
      if (generation->services[i].access_log_fd >= 0) used.insert(access_log_of(*generation, i));
    }
  }
  log_writers_.keep_only(used);
}

// One at a time: requests during a reload are carried out after it, once for all who asked.
void Master::ask_reload(Reload wanted, std::string_view why) {
  if (stop_level_ != StopLevel::none) return;
  const bool busy = reload_.has_value() || workforce_.rolling();
  std::string what = std::string(why) + ": reload" + (wanted.only ? " of pool " + *wanted.only : "");
  for (const std::string& name : wanted.discard) what += ", discarding " + name;
  log_.notice(what + (busy ? ", after the previous one" : ""));
  if (!next_reload_) {
    next_reload_ = std::move(wanted);
    return;
  }
  if (next_reload_->only != wanted.only) next_reload_->only.reset();
  next_reload_->discard.merge(wanted.discard);
  next_reload_->waiting.insert(next_reload_->waiting.end(), wanted.waiting.begin(), wanted.waiting.end());
}

void Master::tend_reload(TimePoint now) {
  tend_preparation(now);
  if (const auto end = workforce_.take_rollout_end()) {
    end_reload(end->failure, kExitRefused);
  }
  const bool upgrading = upgrade_ && (upgrade_->trial != nullptr || upgrade_->proved);
  if (next_reload_ && !reload_ && !workforce_.rolling() && !upgrading) begin_reload();
  const std::size_t alive = workforce_.generations().size();
  if (alive < generations_alive_) close_access_logs();
  generations_alive_ = alive;
}

// Programs that clean up temporary folders take old files for abandoned ones.
void Master::restore_files() {
  const auto restore = [this](auto& file, const std::string& what) {
    try {
      if (file.restore()) log_.warning(what + " was removed by somebody: it is made again");
    } catch (const StartupError& error) {
      log_.error(what + " was removed by somebody, and can't be made again: " + error.what());
    }
  };
  const config::MasterOptions& options = workforce_.current().options.master;
  restore(control_, "control socket " + options.control);
  if (pid_file_ != nullptr) restore(*pid_file_, "pid file " + options.pid_file);
}

void Master::begin_reload() {
  restore_files();
  reload_ = std::exchange(next_reload_, std::nullopt);
  notifier_.reload_began();
  const Generation& running = workforce_.current();
  const unsigned number = ++last_number_;
  try {
    preparation_ = std::make_unique<Preparation>(
        running, [this, number] { return prepare_next(number); }, running.options.master.prepare_timeout);
    reactor_.watch(preparation_->fd(), EPOLLIN, [this](std::uint32_t) {
      if (!preparation_->hear()) reactor_.forget(preparation_->fd());
    });
  } catch (const std::exception& error) {
    end_preparation();
    end_reload(error.what(), EX_OSERR);
  }
}

// Runs in the child.
Generation Master::prepare_next(unsigned number) const {
  const Generation& running = workforce_.current();
  Generation next = prepare_again_(running, number, reload_->only);
  refuse_master_changes(running.options, next.options);
  check_access_logs(next);
  next.listeners = std::make_unique<ListenerSet>(next.options, running.listeners.get());
  return next;
}

void Master::tend_preparation(TimePoint now) {
  if (preparation_ == nullptr) return;
  if (preparation_->is_over()) return begin_rollout();
  if (now < preparation_->deadline()) return;
  const std::string late = preparation_->late_sentence();
  end_preparation();  // killed, but not waited for: it may be stuck in the kernel
  end_reload(late, EX_TEMPFAIL);
}

void Master::end_preparation() noexcept {
  if (preparation_ != nullptr) reactor_.forget(preparation_->fd());
  preparation_.reset();
}

std::string_view Master::reload_phase() const noexcept {
  return preparation_ != nullptr ? "preparing" : workforce_.rollout_phase();
}

void Master::begin_rollout() {
  try {
    auto next = std::make_shared<Generation>(preparation_->take(workforce_.current()));
    end_preparation();
    next->discard = reload_->discard;
    fork_server_.withhold(config::secret_variables(next->options));
    open_access_logs(*next);
    tell_oddities(*next);
    workforce_.begin_rollout(std::move(next), reload_->only);
    log_.info("generation " + std::to_string(last_number_) + " is prepared");
    workforce_.tend(Clock::now());  // the canaries start
  } catch (const config::ConfigError& error) {
    end_preparation();
    end_reload(config::in_one_line(error.what()), error.exit_code());
  } catch (const std::exception& error) {
    end_preparation();
    end_reload(error.what(), EX_OSERR);
  }
}

void Master::end_reload(const std::string& failure, int exit_code) {
  std::string answer;
  const std::string current = "generation " + std::to_string(workforce_.current().number);
  if (failure.empty()) {
    const LogSettings log = log_settings(workforce_.current().options.master);
    log_.set(log.threshold, log.format);
    ++reloads_done_;
    last_reload_ = current + " serves";
    log_.notice("reloaded: " + last_reload_);
    answer = answer_ok("message", last_reload_);
  } else {
    ++reloads_failed_;
    last_reload_ = "failed: " + failure;
    const std::string sentence = "not reloaded, " + current + " goes on: " + failure;
    log_.error(sentence);
    answer = answer_error(sentence, exit_code);
  }
  notifier_.reload_ended();
  for (const auto client : std::exchange(reload_, std::nullopt).value_or(Reload{}).waiting) {
    control_.answer(client, answer);
  }
  close_access_logs();
}

}  // namespace prefork::master
