#include <unistd.h>

#include <utility>

#include "framework/master/master.hpp"
#include "framework/master/upgrade/adoption.hpp"

// What the master knows, for the program that takes its place, and how it begins in place of another.
namespace prefork::master {

namespace {

constexpr std::chrono::microseconds kNoWatchdog{0};

}  // namespace

Handover Master::hand_over() const {
  Handover handover;
  handover.master = ::getpid();
  handover.version = version_;
  handover.lost = Clock::lost();
  handover.started = started_;
  reload_.hand_over(handover);
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
  handover.clients = handed_clients();
  return handover;
}

std::vector<HandedClient> Master::handed_clients() const {
  std::vector<HandedClient> clients;
  for (ControlSocket::Kept& client : control_.keep()) {
    const Awaited awaits = reload_.is_awaited_by(client.id)    ? Awaited::reload
                           : upgrade_.is_awaited_by(client.id) ? Awaited::upgrade
                                                               : Awaited::nothing;
    clients.push_back({client.fd, client.access, client.adopted, std::move(client.session), awaits});
  }
  return clients;
}

// The other side: this program has been handed the state.

std::shared_ptr<Generation> Master::first_generation(Setup& setup) {
  if (setup.adopted == nullptr) {
    access_logs_.check(setup.generation);
    access_logs_.open(setup.generation);
    return std::make_shared<Generation>(std::move(setup.generation));
  }
  for (const HandedWriter& writer : setup.adopted->state.writers) log_writers_.adopt(writer);
  log_writers_.adopt_lost(setup.adopted->state.lost_lines);
  for (const auto& generation : setup.adopted->generations) access_logs_.open(*generation);
  return setup.adopted->generations.front();
}

std::optional<ControlSocket::Held> Master::held_control(const Adoption* adopted) {
  if (adopted == nullptr) return std::nullopt;
  return ControlSocket::Held{ipc::UniqueFd(adopted->state.control), adopted->state.master, adopted->state.control_file};
}

void Master::adopt(const Handover& state) {
  reload_.adopt(state);
  for (const HandedClient& client : state.clients) {
    const auto id = control_.go_on({client.fd, 0, client.access, client.adopted, client.session});
    if (client.awaits == Awaited::upgrade) upgraded_for_ = id;
    if (client.awaits == Awaited::reload) reload_.adopt_waiting(id);
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
