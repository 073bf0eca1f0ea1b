#include "framework/master/master.hpp"

#include <signal.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <system_error>
#include <type_traits>
#include <utility>
#include <variant>

#include "framework/master/control/queue_admin.hpp"
#include "framework/master/control/survey_job.hpp"
#include "framework/master/loop/startup_error.hpp"
#include "framework/master/report/metrics_text.hpp"
#include "ipc/posix/proc_numbers.hpp"
#include "ipc/posix/resident_memory.hpp"
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

std::optional<LatencyStatus> latency_of(const Generation& generation, std::size_t service) {
  const auto place = generation.shared.services.at(service).request_times;
  if (!place) return std::nullopt;
  const ipc::SharedObject& object = *generation.objects.objects().at(*place);
  return LatencyStatus(ipc::SharedHistogram(object.memory(), {}, object.slots(), {ipc::kMasterOwner}).values());
}

std::optional<ipc::ResponseCounts> responses_of(const Generation& generation, std::size_t service) {
  const auto place = generation.shared.services.at(service).responses;
  if (!place) return std::nullopt;
  const ipc::SharedObject& object = *generation.objects.objects().at(*place);
  return ipc::SharedResponses(object.memory(), object.slots(), {ipc::kMasterOwner}).counts();
}

}  // namespace

Master::Master(Setup setup, Log& log, ForkServer& fork_server, ForkWorker fork)
    : log_(log),
      fork_server_(fork_server),
      prepare_again_(std::move(setup.prepare_again)),
      config_file_(std::move(setup.config_file)),
      version_(std::move(setup.version)),
      started_(setup.adopted != nullptr ? setup.adopted->state.started : Clock::now()),
      signals_(open_signals()),
      notifier_(std::move(setup.notify), log_),
      log_writers_(log_, reactor_),
      workforce_(
          first_generation(setup), log_, reactor_, std::move(fork),
          [this](pid_t pid, int status) {
            if (fork_server_.buried(pid) || log_writers_.buried(pid, status, Clock::now())) return;
            if (preparation_ != nullptr && preparation_->pid() == pid) return preparation_->ended(status);
            trial_ended(pid, status);
          },
          setup.adopted.get()),
      control_(
          workforce_.current().options.master.control, reactor_,
          [this](const ControlCommand& command, ControlSocket::ClientId client) { return carry_out(command, client); },
          held_control(setup.adopted.get())),
      program_(std::move(setup.program)),
      lost_request_line_(std::move(setup.lost_request_line)),
      pid_file_(setup.pid_file) {
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
  tell_oddities(workforce_.current());
}

void Master::tell_oddities(const Generation& generation) {
  for (const std::string& note : generation.options.notes) log_.notice(note);
  for (const std::string& warning : generation.warnings) log_.warning(warning);
  for (const std::string& note : generation.listeners->remarks()) log_.warning(note);
}

int Master::run() {
  announce();
  while (stop_level_ == StopLevel::none || !workforce_.empty()) {
    const TimePoint now = Clock::now();
    log_writers_.tend(now);
    workforce_.tend(now);
    log_lost_requests();
    tend_reload(now);
    for (auto& [socket, access] : workforce_.take_lines()) control_.adopt(std::move(socket), access);
    jobs_.tend();
    tend_upgrade(now);
    log_.tend(now);
    notifier_.tend(now, service_report());
    const auto control = control_.expire(now);
    if (stop_level_ != StopLevel::none && workforce_.empty()) break;
    const auto logs = earlier(log_writers_.next_deadline(), log_.next_deadline());
    const auto preparation = preparation_ != nullptr ? std::optional(preparation_->deadline()) : std::nullopt;
    const auto children = earlier(preparation, upgrade_deadline());
    const auto others = earlier(earlier(control, children), notifier_.next_deadline());
    const auto work = jobs_.empty() ? std::nullopt : std::optional(now);
    reactor_.wait(earlier(earlier(workforce_.next_deadline(now), work), earlier(logs, others)));
  }
  jobs_.give_up("the server has stopped");
  log_lost_requests();
  workforce_.tend(Clock::now());  // the listeners are shut down, whoever else has them
  fork_server_.stop();
  log_writers_.finish(kLogsEnd);
  log_.notice("prefork-master (pid " + std::to_string(::getpid()) + ") has stopped");
  return 0;
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
      return ask_reload({}, why);
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
  end_preparation();
  for (; reload_ || next_reload_; reload_ = std::exchange(next_reload_, std::nullopt)) {
    if (reload_) end_reload("the server is stopping", kExitUnavailable);
  }
  if (upgrade_) end_upgrade("the server is stopping", kExitUnavailable);
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

ControlSocket::Reply Master::carry_out(const ControlCommand& command, ControlSocket::ClientId client) {
  return std::visit(
      [this, client](const auto& c) -> ControlSocket::Reply {
        using C = std::decay_t<decltype(c)>;
        if constexpr (std::is_same_v<C, StatusCommand>) {
          return {status_answer(snapshot())};
        } else if constexpr (std::is_same_v<C, WorkersCommand>) {
          return {workers_answer(snapshot())};
        } else if constexpr (std::is_same_v<C, ScaleCommand>) {
          return {scale(c)};
        } else if constexpr (std::is_same_v<C, StopCommand>) {
          stop(std::max(c.fast ? StopLevel::fast : StopLevel::graceful, stop_level_), "stop command");
          return {answer_ok(), true};
        } else if constexpr (std::is_same_v<C, ReloadCommand>) {
          if (stop_level_ != StopLevel::none) return {answer_error("the server is stopping", kExitUnavailable)};
          Reload wanted{c.only, {c.discard.begin(), c.discard.end()}, {}};
          if (c.wait) wanted.waiting.push_back(client);
          ask_reload(std::move(wanted), "reload command");
          if (!c.wait) return {answer_ok("message", "the reload is under way")};
          return {};
        } else if constexpr (std::is_same_v<C, ReopenCommand>) {
          return {reopen()};
        } else if constexpr (std::is_same_v<C, IpcCommand>) {
          return survey(client, [](const auto& objects) { return ipc_answer(objects); });
        } else if constexpr (std::is_same_v<C, MetricsCommand>) {
          return survey(
              client, [this](const auto& objects) { return answer_ok("metrics", metrics_text(snapshot(), objects)); });
        } else if constexpr (std::is_same_v<C, EventsCommand>) {
          return {log_.events().answer(c.since)};
        } else if constexpr (std::is_same_v<C, QueueCommand>) {
          return administer(c, client);
        } else {
          static_assert(std::is_same_v<C, UpgradeCommand>);
          const std::string refusal = ask_upgrade(c.binary, client, "upgrade command");
          if (!refusal.empty()) return {answer_error(refusal, kExitUnavailable)};
          return {};
        }
      },
      command);
}

std::string Master::no_room() const {
  return answer_error(
      "the scoreboard has only " + std::to_string(workforce_.slots()) + " slots for workers (max-workers in [master])",
      kExitRefused);
}

std::string Master::scale_back(std::size_t pool, const std::string& name) {
  if (!workforce_.sizing().follow_load(pool)) return no_room();
  const std::string size = "pool " + name + ": " + workforce_.sizing().size_text(pool) + " workers, as configured";
  log_.notice("scale command: " + size);
  return answer_ok("message", size);
}

std::string Master::scale(const ScaleCommand& command) {
  if (stop_level_ != StopLevel::none) return answer_error("the server is stopping", kExitUnavailable);
  const auto pool = workforce_.find_pool(command.pool);
  if (!pool) return answer_error("there is no pool \"" + command.pool + "\"", kExitRefused);
  if (command.automatic) return scale_back(*pool, command.pool);
  const auto before = static_cast<int>(workforce_.goal(*pool));
  const int wanted = command.relative ? before + command.amount : command.amount;
  if (wanted < 0)
    return answer_error("pool \"" + command.pool + "\" has only " + std::to_string(before) + " workers", kExitRefused);
  if (!workforce_.sizing().set_goal(*pool, static_cast<unsigned>(wanted))) return no_room();
  const std::string change =
      command.pool + ": " + std::to_string(before) + " -> " + std::to_string(wanted) + " workers";
  log_.notice("scale command: pool " + change);
  return answer_ok("message", "pool " + change);
}

std::string Master::reopen() {
  log_writers_.reopen();
  try {
    log_.reopen();
    log_.notice("log reopened");
    return answer_ok();
  } catch (const std::system_error& error) {
    return answer_error(std::string("the log continues in the old file: ") + error.what(), kExitRefused);
  }
}

ControlSocket::Reply Master::begin_job(std::unique_ptr<Job> job) {
  if (upgrade_ && upgrade_->proved) return {answer_error("an upgrade is under way: ask again", kExitUnavailable)};
  if (jobs_.full()) return {answer_error("too much is being done at once: ask again", kExitUnavailable)};
  jobs_.add(std::move(job));
  return {};
}

ControlSocket::Reply Master::administer(const QueueCommand& command, ControlSocket::ClientId client) {
  return begin_job(
      administer_queue(workforce_.shared(), workforce_.bells(), command, [this, client](const QueueOutcome& outcome) {
        if (!outcome.log.empty()) log_.notice("queue command: " + outcome.log);
        control_.answer(client, outcome.answer);
      }));
}

ControlSocket::Reply Master::survey(ControlSocket::ClientId client,
                                    std::function<std::string(const std::vector<SharedStatus>&)> answer) {
  const auto describe = [this](const auto& object, const auto& report) {
    return workforce_.shared_care().describe(object, report);
  };
  const auto done = [this, client, answer = std::move(answer)](const std::vector<SharedStatus>& objects) {
    control_.answer(client, answer(objects));
  };
  const auto given_up = [this, client](std::string_view why) {
    control_.answer(client, answer_error(why, kExitUnavailable));
  };
  return begin_job(std::make_unique<SurveyJob>(workforce_.shared_care().objects_to_report(), describe,
                                               SurveyJob::End{done, given_up}));
}

ServiceReport Master::service_report() const {
  const Strength workers = workforce_.strength();
  return {workforce_.current().number,    workers.ready,  workers.wanted, workers.running, workers.complete,
          stop_level_ != StopLevel::none, reload_phase(), last_reload_};
}

StatusSnapshot Master::snapshot() {
  StatusSnapshot snapshot;
  snapshot.master = {::getpid(),
                     version_,
                     workforce_.current().number,
                     std::chrono::floor<std::chrono::milliseconds>(Clock::now() - started_),
                     config_file_,
                     stop_level_ != StopLevel::none,
                     std::string(reload_phase()),
                     last_reload_,
                     reloads_done_,
                     reloads_failed_,
                     ipc::resident_bytes(::getpid()),
                     ipc::cpu_time(::getpid()),
                     std::chrono::floor<std::chrono::microseconds>(reactor_.longest_turn())};
  snapshot.overflows = ipc::listen_overflows();
  for (const auto& listener : workforce_.current().listeners->listeners()) {
    for (const auto service : listener.services) {
      constexpr std::array<const char*, 4> schemes{"tcp", "udp", "unix", "unix-dgram"};
      snapshot.listeners.push_back({workforce_.current().options.services[service].name, listener.address,
                                    schemes[static_cast<std::size_t>(listener.spec.scheme)], listener.queue()});
    }
  }
  for (std::size_t i = 0; i < workforce_.current().options.services.size(); ++i) {
    const auto& service = workforce_.current().options.services[i];
    snapshot.services.push_back({service.name, service.plugin, service.pool, latency_of(workforce_.current(), i),
                                 responses_of(workforce_.current(), i)});
  }
  snapshot.log.dropped = log_.dropped();
  snapshot.log.access = log_writers_.report();
  workforce_.report(snapshot);
  return snapshot;
}

}  // namespace prefork::master
