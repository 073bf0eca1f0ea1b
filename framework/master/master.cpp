#include "framework/master/master.hpp"

#include <signal.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <system_error>
#include <utility>

#include "framework/master/loop/startup_error.hpp"
#include "ipc/posix/syscall.hpp"

namespace prefork::master {

namespace {

/// How long it may take at the end until the workers' log lines are on disk.
constexpr std::chrono::milliseconds kLogsEnd{5000};

/// Stop signals of one kind within this time count as one order.
constexpr std::chrono::milliseconds kOneOrder{300};

constexpr std::array kSignals{SIGTERM, SIGQUIT, SIGINT, SIGHUP, SIGUSR1, SIGUSR2, SIGTTIN, SIGTTOU, SIGWINCH, SIGCHLD};

ipc::UniqueFd open_signals() {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : kSignals) sigaddset(&set, signal);
  ipc::check_syscall(::sigprocmask(SIG_BLOCK, &set, nullptr), "sigprocmask");
  for (const int signal : {SIGPIPE, SIGXFSZ}) ::signal(signal, SIG_IGN);  // errno reports it
  return ipc::UniqueFd(ipc::check_syscall(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK), "signalfd"));
}

std::optional<TimePoint> earlier(std::optional<TimePoint> a, std::optional<TimePoint> b) {
  if (!a || !b) return a ? a : b;
  return std::min(*a, *b);
}

}  // namespace

Master::Master(Setup setup, Log& log, ForkServer& fork_server, ForkWorker fork)
    : log_(log),
      fork_server_(fork_server),
      config_file_(std::move(setup.config_file)),
      version_(std::move(setup.version)),
      started_(setup.adopted != nullptr ? setup.adopted->state.started : Clock::now()),
      signals_(open_signals()),
      notifier_(std::move(setup.notify), log_),
      log_writers_(log_, reactor_),
      access_logs_(log_writers_, std::move(setup.lost_request_line)),
      workforce_(
          first_generation(setup), log_, reactor_, std::move(fork),
          [this](pid_t pid, int status) { buried(pid, status); }, setup.adopted.get()),
      control_(
          workforce_.current().options.master.control, reactor_,
          [this](const ControlCommand& command, ControlSocket::ClientId client) { return carry_out(command, client); },
          held_control(setup.adopted.get())),
      pid_file_(setup.pid_file),
      reload_({workforce_, fork_server_, access_logs_, reactor_, log_}, std::move(setup.prepare_again), reload_hooks()),
      upgrade_(std::move(setup.program), version_, reactor_, log_, upgrade_hooks()) {
  if (setup.adopted != nullptr) adopt(setup.adopted->state);
  fork_server_.tell([this](const std::string& trouble) { log_.warning(trouble); });
  reactor_.watch(signals_.get(), EPOLLIN, [this](std::uint32_t) { take_signals(); });
}

void Master::announce() {
  if (upgraded_from_) return begin_upgraded();
  log_.notice("prefork-master " + version_ + " (pid " + std::to_string(::getpid()) + ") starts");
  for (const auto& listener : workforce_.current().listeners->listeners()) {
    log_.info("service " + workforce_.current().options.services[listener.services.front()].name + " listens on " +
              listener.address);
  }
  tell_oddities(workforce_.current(), log_);
}

// Clients get the results that they wait for through the control socket.
Reload::Hooks Master::reload_hooks() {
  const auto begins = [this] {
    restore_files();
    notifier_.reload_began();
  };
  const auto answer = [this](ControlSocket::ClientId client, const std::string& line) {
    control_.answer(client, line);
  };
  return {begins, [this] { notifier_.reload_ended(); }, answer};
}

Upgrade::Hooks Master::upgrade_hooks() {
  const auto answer = [this](ControlSocket::ClientId client, const std::string& line) {
    control_.answer(client, line);
  };
  return {[this] { return hand_over(); }, [this] { workforce_.shared_care().finish_repairs(); }, answer};
}

/// A child that is not a worker has been reaped.
void Master::buried(pid_t pid, int wait_status) {
  if (fork_server_.buried(pid) || log_writers_.buried(pid, wait_status, Clock::now())) return;
  if (!reload_.buried(pid, wait_status)) upgrade_.buried(pid, wait_status);
}

void Master::log_lost_requests() {
  for (const LostRequest& request : workforce_.take_lost_requests()) access_logs_.append(request);
}

int Master::run() {
  announce();
  while (stop_level_ == StopLevel::none || !workforce_.empty()) {
    const TimePoint now = Clock::now();
    tend(now);
    const auto control = control_.expire(now);
    if (stop_level_ != StopLevel::none && workforce_.empty()) break;
    reactor_.wait(earlier(control, next_deadline(now)));
  }
  jobs_.give_up("the server has stopped");
  log_lost_requests();
  workforce_.tend(Clock::now());  // the listeners are shut down, whoever else has them
  fork_server_.stop();
  log_writers_.finish(kLogsEnd);
  log_.notice("prefork-master (pid " + std::to_string(::getpid()) + ") has stopped");
  return 0;
}

void Master::tend(TimePoint now) {
  log_writers_.tend(now);
  workforce_.tend(now);
  log_lost_requests();
  reload_.tend(now, !upgrade_.has_begun());
  for (auto& [socket, access] : workforce_.take_lines()) control_.adopt(std::move(socket), access);
  jobs_.tend();
  upgrade_.tend(now, {reload_.busy(), !jobs_.empty()}, trial_patience(workforce_.current().options));
  log_.tend(now);
  notifier_.tend(now, service_report());
}

std::optional<TimePoint> Master::next_deadline(TimePoint now) {
  const auto logs = earlier(log_writers_.next_deadline(), log_.next_deadline());
  const auto children = earlier(reload_.next_deadline(), upgrade_.next_deadline());
  const auto others = earlier(children, notifier_.next_deadline());
  const auto work = jobs_.empty() ? std::nullopt : std::optional(now);
  return earlier(earlier(workforce_.next_deadline(now), work), earlier(logs, others));
}

// The signals are cleared first, then the dead are reaped: a signal that comes in between wakes the loop again.
void Master::take_signals() {
  signalfd_siginfo info{};
  bool child = false;
  while (::read(signals_.get(), &info, sizeof info) == static_cast<ssize_t>(sizeof info)) {
    const bool from_terminal = info.ssi_code != SI_USER && info.ssi_code != SI_QUEUE;
    const bool about_terminal = info.ssi_signo == SIGWINCH || info.ssi_signo == SIGTTIN || info.ssi_signo == SIGTTOU;
    if (info.ssi_signo == SIGCHLD) {
      child = true;
    } else if (!from_terminal || !about_terminal) {  // a resized window is not an order
      on_signal(static_cast<int>(info.ssi_signo), static_cast<pid_t>(info.ssi_pid));
    }
  }
  if (child) workforce_.reap();
}

void Master::on_signal(int signal, pid_t sender) {
  const std::string from = sender > 0 ? " from pid " + std::to_string(sender) : "";
  const std::string why = std::string("SIG") + ::sigabbrev_np(signal) + from;
  const auto next =
      static_cast<StopLevel>(std::min<int>(static_cast<int>(stop_level_) + 1, static_cast<int>(StopLevel::kill)));
  switch (signal) {
    case SIGTERM:
    case SIGQUIT:
    case SIGINT:
      if (is_repeated(signal)) return log_.info(why + " right after the previous one: it is the same order");
      return stop(signal == SIGINT ? std::max(next, StopLevel::fast) : next, why);
    case SIGUSR1:
      return reopen_log();
    case SIGTTIN:
      return resize_first(+1);
    case SIGTTOU:
      return resize_first(-1);
    case SIGWINCH:
      return retire_all();
    case SIGHUP:
      if (stop_level_ == StopLevel::none) reload_.ask({}, why);
      return;
    case SIGUSR2:
      if (const std::string refusal = ask_upgrade(std::nullopt, std::nullopt, why); !refusal.empty()) {
        log_.warning(why + ": " + refusal);
      }
      return;
    default:
      return;
  }
}

// Somebody who signals the process and its group, or asks a manager that signals it too, wants one stop.
bool Master::is_repeated(int signal) {
  const TimePoint now = Clock::now();
  const bool repeated = last_stop_ && last_stop_->first == signal && now < last_stop_->second + kOneOrder;
  if (!repeated) last_stop_ = {signal, now};
  return repeated;
}

void Master::stop(StopLevel level, std::string_view why) {
  if (level <= stop_level_) return;
  constexpr std::array<std::string_view, 4> words{"", "graceful stop", "fast stop", "kill"};
  constexpr std::array events{WorkerEvent::finish_wanted, WorkerEvent::finish_wanted, WorkerEvent::fast_stop_wanted,
                              WorkerEvent::kill_wanted};
  stop_level_ = level;
  log_.notice(std::string(why) + ": " + std::string(words[static_cast<std::size_t>(level)]));
  notifier_.stopping();
  workforce_.stop(events[static_cast<std::size_t>(level)]);
  reload_.stop();
  upgrade_.stop();
}

std::string Master::ask_upgrade(std::optional<std::string> binary, std::optional<ControlSocket::ClientId> client,
                                std::string_view why) {
  if (stop_level_ != StopLevel::none) return "the server is stopping";
  if (notifier_.is_awaited()) return "the server is starting: it can be upgraded once it is ready";
  return upgrade_.ask(std::move(binary), client, why, reload_.busy());
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

void Master::resize_first(int change) {
  const std::string name = workforce_.current().options.pools.front().name;
  const auto pool = workforce_.find_pool(name);
  if (!pool) return;
  const unsigned now = workforce_.goal(*pool);
  if (change < 0 && now == 0) return;
  const unsigned wanted = change > 0 ? now + 1 : now - 1;
  if (workforce_.sizing().set_goal(*pool, wanted)) {
    log_.notice("pool " + name + ": " + std::to_string(now) + " -> " + std::to_string(wanted) + " workers");
  } else {
    log_.warning("pool " + name + " can't grow: the scoreboard has " + std::to_string(workforce_.slots()) + " slots");
  }
}

void Master::retire_all() {
  log_.notice("SIGWINCH: all workers retire; the master stays");
  workforce_.sizing().empty_all();
}

void Master::reopen_log() {
  log_writers_.reopen();
  try {
    log_.reopen();
    log_.notice("log reopened");
  } catch (const std::system_error& error) {
    log_.error(std::string("the log continues in the old file: ") + error.what());
  }
}

ServiceReport Master::service_report() const {
  const Strength workers = workforce_.strength();
  return {workforce_.current().number,    workers.ready,   workers.wanted, workers.running, workers.complete,
          stop_level_ != StopLevel::none, reload_.phase(), reload_.last()};
}

}  // namespace prefork::master
