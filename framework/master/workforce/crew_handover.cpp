#include "framework/master/workforce/crew_handover.hpp"

#include <algorithm>
#include <map>
#include <utility>

#include "framework/config/listen.hpp"
#include "framework/config/load.hpp"
#include "ipc/objects/wakeup.hpp"
#include "ipc/posix/pidfd.hpp"

namespace prefork::master {

namespace {

/// Numbers things in the order in which they are met.
template <class T>
class Places {
 public:
  /// @return the index, and whether it is new
  std::pair<std::size_t, bool> place(const T* thing) {
    const auto [at, fresh] = places_.emplace(thing, places_.size());
    return {at->second, fresh};
  }

 private:
  std::map<const T*, std::size_t> places_;
};

/// Turns generations into their handed-over form; what they share is written once.
class GenerationWriter {
 public:
  explicit GenerationWriter(Handover& handover) : to_(handover) {}

  void write(const Generation& generation) {
    HandedGeneration handed;
    handed.number = generation.number;
    handed.config = config::dump(generation.options);
    handed.folder = generation.options.folder;
    handed.identities = generation.identities;
    for (const auto& plugin : generation.plugins) handed.plugins.push_back(place(*plugin));
    for (const auto& service : generation.services) handed.services.push_back({service.plugin, service.options});
    for (const auto& object : generation.objects.objects()) handed.objects.push_back(place(*object));
    for (const BoundListener& listener : generation.listeners->listeners()) {
      HandedListener to{listener.services,    config::format_listen(listener.spec),
                        listener.spec.scheme, listener.spec.ipv6only,
                        listener.address,     {}};
      for (const auto& socket : listener.sockets) to.sockets.push_back(place(*socket));
      handed.listeners.push_back(std::move(to));
    }
    to_.generations.push_back(std::move(handed));
  }

 private:
  std::size_t place(const SealedPlugin& plugin) {
    const auto [at, fresh] = plugins_.place(&plugin);
    if (!fresh) return at;
    HandedPlugin handed{plugin.path, plugin.copy.get(), config::encode_report(plugin.report)};
    for (const SealedFile& file : plugin.files) handed.files.push_back({file.name, file.copy.get()});
    to_.plugins.push_back(std::move(handed));
    return at;
  }
  std::size_t place(const ipc::SharedObject& object) {
    const auto [at, fresh] = objects_.place(&object);
    const int notes = object.notes() == nullptr ? -1 : object.notes()->fd();
    if (fresh) to_.objects.push_back({object.name(), object.shape(), object.fd(), notes, object.repairs()});
    return at;
  }
  std::size_t place(const ListeningSocket& socket) {
    const auto [at, fresh] = sockets_.place(&socket);
    if (fresh) to_.sockets.push_back({socket.get(), socket.name(), socket.path(), socket.file()});
    return at;
  }

  Handover& to_;
  Places<SealedPlugin> plugins_;
  Places<ipc::SharedObject> objects_;
  Places<ListeningSocket> sockets_;
};

HandedWorker handed(const WorkerRecord& worker, int memory) {
  return {worker.pool,
          worker.index,
          worker.slot,
          worker.generation,
          worker.pid,
          worker.control.get(),
          worker.status.get(),
          worker.output.get(),
          memory,
          worker.state,
          worker.started,
          worker.entered,
          worker.ready,
          worker.intent,
          worker.start_error,
          worker.recycle.empty() ? worker.recycle_wanted : worker.recycle};
}

std::unique_ptr<WorkerRecord> adopted(const HandedWorker& handed) {
  auto worker = std::make_unique<WorkerRecord>();
  worker->pool = handed.pool;
  worker->index = handed.index;
  worker->slot = handed.slot;
  worker->generation = handed.generation;
  worker->pid = handed.pid;
  worker->pidfd = ipc::open_pidfd(handed.pid);  // it is not reaped yet: the pid still belongs to the worker
  worker->control.reset(handed.control);
  worker->status.reset(handed.status);
  worker->output.reset(handed.output);
  worker->state = handed.state;
  worker->started = handed.started;
  worker->entered = handed.entered;
  worker->ready = handed.ready;
  worker->intent = handed.intent;
  worker->start_error = handed.start_error;
  worker->recycle = handed.recycle;
  return worker;
}

}  // namespace

void hand_over_wakeups(const ipc::Wakeups& wakeups, Handover& handover) {
  for (std::size_t i = 0; i < wakeups.slots(); ++i) {
    handover.wakeups.push_back({wakeups[i].ring_fd(), wakeups[i].wait_fd()});
  }
}

void hand_over_crew(const Crew& crew, Handover& handover) {
  const std::vector<const Generation*> all = crew.generations();
  GenerationWriter writer(handover);
  for (const Generation* generation : all) writer.write(*generation);
  for (const auto& [id, pool] : crew.pools) {
    const auto of = std::find(all.begin(), all.end(), pool.generation.get()) - all.begin();
    const auto known = std::find_if(handover.seats.begin(), handover.seats.end(),
                                    [&](const HandedSeats& seats) { return seats.pool == pool.number; });
    if (known == handover.seats.end()) handover.seats.push_back({pool.number, pool.seats->fd()});
    handover.pools.push_back({id, static_cast<std::size_t>(of), pool.place, pool.number, pool.role, pool.goal,
                              pool.held, pool.policy.memory()});
  }
  handover.next_pool = crew.pools.next().id;
  handover.next_number = crew.pools.next().number;
  crew.workers.for_each(
      [&](const WorkerRecord& worker) { handover.workers.push_back(handed(worker, crew.scoreboard.fd(worker.slot))); });
  handover.retained = crew.totals.retained;
  handover.departures.assign(crew.totals.departures.begin(), crew.totals.departures.end());
  handover.recycled = crew.totals.recycled;
}

void adopt_crew(const Adoption& adoption, Crew& crew) {
  const Handover& state = adoption.state;
  for (const HandedPool& from : state.pools) {
    Pool pool = make_pool(adoption.generations[from.generation], from.place);
    pool.number = from.number;
    pool.seats = adoption.seats.at(from.number);
    pool.role = from.role;
    pool.goal = from.goal;
    pool.held = from.held;
    if (pool.scaler) pool.scaler->keep(pool.goal, Clock::now());
    pool.policy.remember(from.policy);
    crew.pools.restore(from.id, std::move(pool));
  }
  crew.pools.restore_next({state.next_pool, state.next_number});
  for (const HandedWorker& from : state.workers) {
    WorkerRecord& worker = crew.workers.add(adopted(from));
    worker.sockets = sockets_of(crew.pool_of(worker));
    worker.log = LogBudget(options_of(crew.pool_of(worker)).log_rate);
  }
  crew.totals.retained = state.retained;
  std::copy_n(state.departures.begin(), std::min(state.departures.size(), crew.totals.departures.size()),
              crew.totals.departures.begin());
  crew.totals.recycled = state.recycled;
}

}  // namespace prefork::master
