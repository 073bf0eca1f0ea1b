#include <sys/epoll.h>
#include <sysexits.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "framework/master/master.hpp"
#include "framework/master/upgrade/adoption.hpp"
#include "framework/master/upgrade/upgrade_trial.hpp"
#include "ipc/contract/shared_layout.hpp"

// How the master makes room for another program in its own process, and how it begins in place of another.
namespace prefork::master {

namespace {

/// If no pool limits how long a new process may take.
constexpr std::chrono::milliseconds kTrialPatience{30'000};
constexpr std::chrono::microseconds kNoWatchdog{0};

std::chrono::milliseconds trial_patience(const config::Options& options) {
  std::chrono::milliseconds longest{0};
  for (const auto& pool : options.pools) longest = std::max(longest, pool.boot_timeout);
  return longest.count() > 0 ? longest : kTrialPatience;
}

}  // namespace

std::string Master::ask_upgrade(std::optional<std::string> binary, std::optional<ControlSocket::ClientId> client,
                                std::string_view why) {
  if (stop_level_ != StopLevel::none) return "the server is stopping";
  if (upgrade_) return "an upgrade is under way already";
  if (notifier_.is_awaited()) return "the server is starting: it can be upgraded once it is ready";
  Program program = program_;
  if (binary) program.binary = std::move(*binary);
  const bool busy = reload_ || next_reload_ || workforce_.rolling();
  log_.notice(std::string(why) + ": upgrade to " + program.binary + (busy ? ", after the reload" : ""));
  upgrade_ = Upgrade{std::move(program), client, nullptr, false};
  return {};
}

// During a reload there are two generations, either of which may stay: the upgrade waits for the result.
void Master::tend_upgrade(TimePoint now) {
  if (!upgrade_) return;
  if (upgrade_->proved) {
    if (jobs_.empty()) execute_upgrade();
    return;
  }
  if (upgrade_->trial == nullptr) {
    if (!reload_ && !next_reload_ && !workforce_.rolling()) begin_trial(now);
  } else if (upgrade_->trial->deadline() <= now) {
    upgrade_->trial->kill_late();
  }
}

std::optional<TimePoint> Master::upgrade_deadline() const {
  if (!upgrade_ || upgrade_->trial == nullptr) return std::nullopt;
  return upgrade_->trial->deadline();
}

void Master::begin_trial(TimePoint now) {
  try {
    const Handover handover = hand_over();
    const ipc::UniqueFd state = sealed_text(encode_handover(handover, ipc::shared_layout()));
    upgrade_->trial = std::make_unique<UpgradeTrial>(upgrade_->program, state.get(), descriptors_of(handover),
                                                     now + trial_patience(workforce_.current().options));
    const int fd = upgrade_->trial->fd();
    reactor_.watch(fd, EPOLLIN, [this, fd](std::uint32_t) {
      if (!upgrade_->trial->hear()) reactor_.forget(fd);
    });
  } catch (const std::exception& error) {
    end_upgrade(error.what(), EX_OSERR);
  }
}

void Master::trial_ended(pid_t pid, int wait_status) {
  if (!upgrade_ || upgrade_->trial == nullptr || upgrade_->trial->pid() != pid) return;
  const TrialVerdict verdict = upgrade_->trial->ended(wait_status);
  reactor_.forget(upgrade_->trial->fd());
  if (!verdict.passed) return end_upgrade(verdict.message, verdict.exit_code);
  log_.info("prefork-master " + verdict.message + " (" + upgrade_->program.binary + ") can take over");
  upgrade_->trial.reset();
  upgrade_->proved = true;
}

// Everything that can fail has been tried in the child, with the same descriptors and a state like this one.
void Master::execute_upgrade() {
  try {
    workforce_.shared_care().finish_repairs();
    const Handover handover = hand_over();
    const ipc::UniqueFd state = sealed_text(encode_handover(handover, ipc::shared_layout()));
    const int error = execute_in_place(upgrade_->program, state.get(), descriptors_of(handover));
    end_upgrade("exec " + upgrade_->program.binary + ": " + std::strerror(error), EX_OSERR);
  } catch (const std::exception& error) {
    end_upgrade(error.what(), EX_OSERR);
  }
}

void Master::end_upgrade(const std::string& failure, int exit_code) {
  const Upgrade ended = std::move(*std::exchange(upgrade_, std::nullopt));
  if (ended.trial != nullptr) reactor_.forget(ended.trial->fd());
  const std::string sentence = "not upgraded, prefork-master " + version_ + " goes on: " + failure;
  log_.error(sentence);
  if (ended.client) control_.answer(*ended.client, answer_error(sentence, exit_code));
}

Handover Master::hand_over() const {
  Handover handover;
  handover.master = ::getpid();
  handover.version = version_;
  handover.lost = Clock::lost();
  handover.started = started_;
  handover.last_number = last_number_;
  handover.last_reload = last_reload_;
  handover.reloads_done = reloads_done_;
  handover.reloads_failed = reloads_failed_;
  handover.wants_reload = next_reload_.has_value();
  if (next_reload_) {
    handover.reload_only = next_reload_->only;
    handover.reload_discard.assign(next_reload_->discard.begin(), next_reload_->discard.end());
  }
  handover.notify_socket = notifier_.setup().socket;
  handover.watchdog_us = static_cast<std::uint64_t>(notifier_.setup().watchdog.value_or(kNoWatchdog).count());
  handover.tells_pid = notifier_.setup().tells_pid;
  handover.was_ready = notifier_.was_ready();
  handover.pid_file = pid_file_ != nullptr ? pid_file_->fd() : -1;
  handover.control = control_.listener();
  handover.control_file = control_.file();
  workforce_.hand_over(handover);
  handover.writers = log_writers_.hand_over();
  handover.lost_lines = log_writers_.lost();
  for (ControlSocket::Kept& client : control_.keep()) {
    HandedClient handed{client.fd, client.access, client.adopted, std::move(client.session), Awaited::nothing};
    if (upgrade_->client == client.id) handed.awaits = Awaited::upgrade;
    if (next_reload_ && std::count(next_reload_->waiting.begin(), next_reload_->waiting.end(), client.id) > 0) {
      handed.awaits = Awaited::reload;
    }
    handover.clients.push_back(std::move(handed));
  }
  return handover;
}

// The other side: this program has been handed the state.

std::shared_ptr<Generation> Master::first_generation(Setup& setup) {
  if (setup.adopted == nullptr) {
    check_access_logs(setup.generation);
    open_access_logs(setup.generation);
    return std::make_shared<Generation>(std::move(setup.generation));
  }
  for (const HandedWriter& writer : setup.adopted->state.writers) log_writers_.adopt(writer);
  log_writers_.adopt_lost(setup.adopted->state.lost_lines);
  for (const auto& generation : setup.adopted->generations) open_access_logs(*generation);
  return setup.adopted->generations.front();
}

std::optional<ControlSocket::Held> Master::held_control(const Adoption* adopted) {
  if (adopted == nullptr) return std::nullopt;
  return ControlSocket::Held{ipc::UniqueFd(adopted->state.control), adopted->state.master, adopted->state.control_file};
}

void Master::adopt(const Handover& state) {
  last_number_ = state.last_number;
  last_reload_ = state.last_reload;
  reloads_done_ = state.reloads_done;
  reloads_failed_ = state.reloads_failed;
  generations_alive_ = workforce_.generations().size();
  if (state.wants_reload) {
    next_reload_ = Reload{state.reload_only, {state.reload_discard.begin(), state.reload_discard.end()}, {}};
  }
  for (const HandedClient& client : state.clients) {
    const auto id = control_.go_on({client.fd, 0, client.access, client.adopted, client.session});
    if (client.awaits == Awaited::upgrade) upgraded_for_ = id;
    if (client.awaits == Awaited::reload && next_reload_) next_reload_->waiting.push_back(id);
  }
  upgraded_from_ = state.version;
}

// Children may have died while there was nobody to take their signal; commands that clients sent meanwhile wait in the
// sockets.
void Master::begin_upgraded() {
  workforce_.reap();
  const std::string message = "prefork-master " + version_ + " takes over from " + *upgraded_from_;
  log_.notice("upgraded: " + message + " (pid " + std::to_string(::getpid()) + ")");
  if (upgraded_for_) control_.answer(*upgraded_for_, answer_ok("message", message));
  control_.serve_kept();
}

}  // namespace prefork::master
