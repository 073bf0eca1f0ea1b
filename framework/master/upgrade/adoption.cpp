#include "framework/master/upgrade/adoption.hpp"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <stdexcept>
#include <string>
#include <utility>

#include "framework/config/listen.hpp"
#include "framework/config/load.hpp"
#include "ipc/contract/shared_layout.hpp"
#include "ipc/posix/syscall.hpp"

namespace prefork::master {

namespace {

/// What generations share.
struct Parts {
  std::vector<std::shared_ptr<const SealedPlugin>> plugins;
  SharedSet::Objects objects;
  std::vector<std::shared_ptr<ListeningSocket>> sockets;
};

void take_descriptors(const Handover& state) {
  for (const int fd : descriptors_of(state)) {
    if (::fcntl(fd, F_SETFD, FD_CLOEXEC) == -1) {
      throw std::runtime_error("descriptor " + std::to_string(fd) + " is handed over, but not open");
    }
  }
}

void refuse_no_socket(const HandedSocket& socket) {
  int type = 0;
  socklen_t length = sizeof type;
  ipc::check_syscall(::getsockopt(socket.fd, SOL_SOCKET, SO_TYPE, &type, &length),
                     "getsockopt of a handed-over listener");
}

Parts make_parts(const Handover& state) {
  Parts parts;
  for (const HandedPlugin& handed : state.plugins) {
    SealedPlugin plugin;
    plugin.path = handed.path;
    plugin.copy.reset(handed.copy);
    plugin.report = config::decode_report(handed.report);
    for (const HandedFile& file : handed.files) plugin.files.push_back({file.name, ipc::UniqueFd(file.copy)});
    parts.plugins.push_back(std::make_shared<SealedPlugin>(std::move(plugin)));
  }
  for (const HandedObject& handed : state.objects) {
    ipc::SharedObject::Left left{ipc::UniqueFd(handed.memory), ipc::UniqueFd(handed.notes), handed.repairs};
    parts.objects.push_back(std::make_shared<ipc::SharedObject>(
        ipc::SharedObject::adopt(handed.name, handed.shape, state.wakeups.size(), std::move(left))));
  }
  for (const HandedSocket& handed : state.sockets) {
    refuse_no_socket(handed);
    auto socket = std::make_shared<ListeningSocket>(ipc::UniqueFd(handed.fd), handed.name);
    if (!handed.path.empty()) socket->owns_file(handed.path, state.master, handed.file);
    parts.sockets.push_back(std::move(socket));
  }
  return parts;
}

std::unique_ptr<ListenerSet> make_listeners(const HandedGeneration& handed, const config::Options& options,
                                            const Parts& parts) {
  std::vector<BoundListener> listeners;
  for (const HandedListener& from : handed.listeners) {
    const config::ServiceOptions& first = options.services[from.services.front()];
    BoundListener listener{from.services, config::parse_listen(from.listen), from.address, first.pool, first.name, {}};
    listener.spec.scheme = from.scheme;  // `fd:NAME` does not tell
    listener.spec.ipv6only = from.ipv6only;
    for (const std::size_t socket : from.sockets) listener.sockets.push_back(parts.sockets[socket]);
    listeners.push_back(std::move(listener));
  }
  return std::make_unique<ListenerSet>(std::move(listeners));
}

std::shared_ptr<Generation> make_generation(const HandedGeneration& handed, const Parts& parts) {
  auto generation = std::make_shared<Generation>();
  generation->number = handed.number;
  generation->options =
      config::load_dump(handed.config, "configuration of generation " + std::to_string(handed.number));
  generation->options.folder = handed.folder;
  if (generation->options.services.size() != handed.services.size()) {
    throw std::runtime_error("the handed-over configuration has other services than those that run");
  }
  for (const auto& pool : generation->options.pools) {
    const auto identity = handed.identities.find(pool.name);
    if (identity == handed.identities.end()) {
      throw std::runtime_error("the handed-over state has no user for pool \"" + pool.name + "\"");
    }
    generation->identities.insert(*identity);
  }
  for (const std::size_t plugin : handed.plugins) generation->plugins.push_back(parts.plugins[plugin]);
  for (const HandedService& service : handed.services) {
    generation->services.push_back({service.plugin, service.options, -1});
  }
  generation->shared = plan_shared_objects(*generation);
  SharedSet::Objects objects;
  for (const std::size_t object : handed.objects) objects.push_back(parts.objects[object]);
  generation->objects = SharedSet::take(generation->shared.objects, objects);
  generation->listeners = make_listeners(handed, generation->options, parts);
  return generation;
}

}  // namespace

Adoption adopt(ipc::UniqueFd state) {
  ipc::check_syscall(::lseek(state.get(), 0, SEEK_SET), "lseek of the handed-over state");
  const std::string text = ipc::read_all(state.get(), kMaxHandoverBytes, "the handed-over state");
  Adoption adoption;
  adoption.state = decode_handover(text, ipc::shared_layout());
  Clock::go_on(adoption.state.lost);
  take_descriptors(adoption.state);
  const std::size_t slots = adoption.state.wakeups.size();
  adoption.scoreboard = ipc::Scoreboard::create(slots);
  for (const HandedWorker& worker : adoption.state.workers) {
    adoption.scoreboard->adopt(worker.slot, ipc::UniqueFd(worker.memory));
  }
  for (const HandedSeats& handed : adoption.state.seats) {
    adoption.seats[handed.pool] =
        std::make_shared<const ipc::Seats>(ipc::Seats::map(ipc::UniqueFd(handed.memory), slots));
  }
  for (const HandedWakeup& handed : adoption.state.wakeups) {
    adoption.wakeups.push_back(ipc::Wakeup::adopt(ipc::UniqueFd(handed.ring), ipc::UniqueFd(handed.wait)));
  }
  const Parts parts = make_parts(adoption.state);
  for (const HandedGeneration& handed : adoption.state.generations) {
    adoption.generations.push_back(make_generation(handed, parts));
  }
  for (const HandedPool& pool : adoption.state.pools) {
    if (pool.place >= adoption.generations[pool.generation]->options.pools.size()) {
      throw std::runtime_error("a pool is handed over that its configuration does not have");
    }
  }
  return adoption;
}

}  // namespace prefork::master
