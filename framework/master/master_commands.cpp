#include <unistd.h>

#include <algorithm>
#include <array>
#include <system_error>
#include <type_traits>
#include <utility>
#include <variant>

#include "framework/master/control/queue_admin.hpp"
#include "framework/master/control/survey_job.hpp"
#include "framework/master/master.hpp"
#include "framework/master/report/metrics_text.hpp"
#include "ipc/posix/proc_numbers.hpp"
#include "ipc/posix/resident_memory.hpp"

// Requests from clients of the control socket, and the answers.
namespace prefork::master {

namespace {

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
          Reload::Wanted wanted{c.only, {c.discard.begin(), c.discard.end()}, {}};
          if (c.wait) wanted.waiting.push_back(client);
          reload_.ask(std::move(wanted), "reload command");
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
  if (upgrade_.is_proved()) return {answer_error("an upgrade is under way: ask again", kExitUnavailable)};
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

StatusSnapshot Master::snapshot() {
  StatusSnapshot snapshot;
  MasterStatus& master = snapshot.master;
  master.pid = ::getpid();
  master.version = version_;
  master.generation = workforce_.current().number;
  master.uptime = std::chrono::floor<std::chrono::milliseconds>(Clock::now() - started_);
  master.config_file = config_file_;
  master.stopping = stop_level_ != StopLevel::none;
  reload_.report(master);
  master.rss_bytes = ipc::resident_bytes(::getpid());
  master.cpu = ipc::cpu_time(::getpid());
  master.longest_turn = std::chrono::floor<std::chrono::microseconds>(reactor_.longest_turn());
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
