#include "framework/master/upgrade/handover.hpp"

#include <algorithm>
#include <set>
#include <stdexcept>
#include <utility>

#include "framework/master/generation/options_archive.hpp"
#include "ipc/contract/archive.hpp"
#include "ipc/objects/party.hpp"

namespace prefork::master {

using ipc::Is;

namespace {

constexpr std::string_view kMagic = "prefork-handover 4";

[[noreturn]] void refuse(const std::string& what) {
  throw std::runtime_error("the handed-over state is damaged: " + what);
}

// FNV-1a: protects against a text that was cut or overwritten, not against a forged one.
std::string checksum(std::string_view bytes) {
  std::uint64_t hash = 14695981039346656037U;
  for (const char byte : bytes) hash = (hash ^ static_cast<unsigned char>(byte)) * 1099511628211U;
  return std::to_string(hash);
}

}  // namespace

// Found by argument-dependent lookup, so not in this file's anonymous namespace.

constexpr auto last_of(WorkerState) { return WorkerState::lost; }
constexpr auto last_of(ExitIntent) { return ExitIntent::killed_wanted; }
constexpr auto last_of(PoolRole) { return PoolRole::leaving; }
constexpr auto last_of(ThrottleReason) { return ThrottleReason::fork_failed; }
constexpr auto last_of(Awaited) { return Awaited::reload; }
constexpr auto last_of(ControlAccess) { return ControlAccess::full; }

template <class A>
void fields(A& archive, Is<FileIdentity> auto& f) {
  archive(f.device, f.inode);
}
template <class A>
void fields(A& archive, Is<HandedFile> auto& f) {
  archive(f.name, f.copy);
}
template <class A>
void fields(A& archive, Is<HandedPlugin> auto& p) {
  archive(p.path, p.copy, p.report, p.files);
}
template <class A>
void fields(A& archive, Is<HandedObject> auto& o) {
  archive(o.name, o.shape, o.memory, o.notes, o.repairs);
}
template <class A>
void fields(A& archive, Is<HandedWakeup> auto& w) {
  archive(w.ring, w.wait);
}
template <class A>
void fields(A& archive, Is<HandedSocket> auto& s) {
  archive(s.fd, s.name, s.path, s.file);
}
template <class A>
void fields(A& archive, Is<HandedListener> auto& l) {
  archive(l.services, l.listen, l.scheme, l.ipv6only, l.address, l.sockets);
}
template <class A>
void fields(A& archive, Is<HandedService> auto& s) {
  archive(s.plugin, s.options);
}
template <class A>
void fields(A& archive, Is<HandedGeneration> auto& g) {
  archive(g.number, g.config, g.folder, g.plugins, g.services, g.identities, g.objects, g.listeners);
}
template <class A>
void fields(A& archive, Is<HandedSeats> auto& s) {
  archive(s.pool, s.memory);
}
template <class A>
void fields(A& archive, Is<RestartPolicy::Memory> auto& m) {
  archive(m.failures, m.owed, m.last_reason, m.last_failure, m.well_since, m.hold_until, m.open_since, m.fork_hold);
}
template <class A>
void fields(A& archive, Is<HandedPool> auto& p) {
  archive(p.id, p.generation, p.place, p.number, p.role, p.goal, p.held, p.policy);
}
template <class A>
void fields(A& archive, Is<HandedWorker> auto& w) {
  archive(w.pool, w.index, w.slot, w.generation, w.pid, w.control, w.status, w.output, w.memory, w.state, w.started,
          w.entered, w.ready, w.intent, w.start_error, w.recycle);
}
template <class A>
void fields(A& archive, Is<HandedWriter> auto& w) {
  archive(w.path, w.read_end, w.write_end, w.reports, w.reporter, w.pid, w.error, w.lost);
}
template <class A>
void fields(A& archive, Is<ControlSession::Kept> auto& k) {
  archive(k.input, k.output, k.input_ended, k.waiting, k.closing);
}
template <class A>
void fields(A& archive, Is<HandedClient> auto& c) {
  archive(c.fd, c.access, c.adopted, c.session, c.awaits);
}
template <class A>
void fields(A& archive, Is<Handover> auto& h) {
  archive(h.master, h.version, h.lost, h.started, h.last_number, h.last_reload, h.reloads_done, h.reloads_failed,
          h.wants_reload, h.reload_only, h.reload_discard);
  archive(h.notify_socket, h.watchdog_us, h.tells_pid, h.was_ready);
  archive(h.pid_file, h.control, h.control_file, h.wakeups, h.plugins, h.objects, h.sockets, h.generations, h.pools,
          h.seats);
  archive(h.next_pool, h.next_number, h.workers, h.writers, h.lost_lines, h.clients, h.retained, h.departures,
          h.recycled);
}

namespace {

// Finds what is wrong in a text that decodes well.

void check_places(const std::vector<std::size_t>& places, std::size_t size) {
  for (const std::size_t place : places) {
    if (place >= size) refuse("an index beyond its list");
  }
}

void check(const HandedGeneration& generation, const Handover& handover) {
  check_places(generation.plugins, handover.plugins.size());
  check_places(generation.objects, handover.objects.size());
  for (const auto& service : generation.services) check_places({service.plugin}, generation.plugins.size());
  for (const auto& listener : generation.listeners) {
    check_places(listener.services, generation.services.size());
    check_places(listener.sockets, handover.sockets.size());
    if (listener.services.empty() || listener.sockets.empty()) refuse("a listener without service or socket");
  }
}

void check(const Handover& handover) {
  if (handover.master <= 0) refuse("no master");
  if (handover.generations.empty() || handover.wakeups.empty()) refuse("no generation");
  if (handover.wakeups.size() > ipc::kMaxOwnerSlots) refuse("too many wake-ups");
  for (const auto& generation : handover.generations) check(generation, handover);
  std::set<std::size_t> pools, slots;
  std::set<pid_t> pids;
  for (const auto& pool : handover.pools) {
    check_places({pool.generation}, handover.generations.size());
    if (!pools.insert(pool.id).second || pool.id >= handover.next_pool) refuse("a pool is there twice");
    if (pool.role != PoolRole::serving && pool.role != PoolRole::leaving) refuse("a pool in the middle of a roll");
    const auto sits = [&](const HandedSeats& seats) { return seats.pool == pool.number; };
    if (std::count_if(handover.seats.begin(), handover.seats.end(), sits) != 1) refuse("a pool without its seats");
  }
  for (const auto& worker : handover.workers) {
    check_places({worker.slot}, handover.wakeups.size());
    if (!pools.contains(worker.pool)) refuse("a worker of no pool");
    if (worker.pid <= 0 || !pids.insert(worker.pid).second || !slots.insert(worker.slot).second) {
      refuse("a worker is there twice");
    }
  }
  std::set<int> fds;
  for (const int fd : descriptors_of(handover)) {
    if (fd <= 2 || !fds.insert(fd).second) refuse("a descriptor is there twice");
  }
}

/// Takes a line off the text.
std::string_view take_line(std::string_view& text) {
  const std::size_t end = text.find('\n');
  if (end == std::string_view::npos) refuse("it has no head");
  const std::string_view line = text.substr(0, end);
  text.remove_prefix(end + 1);
  return line;
}

}  // namespace

std::string encode_handover(const Handover& handover, const std::string& layout) {
  ipc::Encoder encoder;
  encoder(handover);
  const std::string body = encoder.take();
  return std::string(kMagic) + '\n' + layout + '\n' + checksum(body) + '\n' + body;
}

Handover decode_handover(std::string_view text, const std::string& layout) {
  const std::string_view magic = take_line(text);
  if (magic != kMagic) {
    throw std::runtime_error("the handed-over state has another version of its format than \"" + std::string(kMagic) +
                             "\"");
  }
  const std::string_view theirs = take_line(text);
  if (theirs != layout) {
    throw std::runtime_error("what workers share has another layout: \"" + std::string(theirs.substr(0, 256)) +
                             "\", not \"" + layout + "\"");
  }
  const std::string_view sum = take_line(text);
  if (sum != checksum(text)) refuse("its checksum is wrong");
  Handover handover;
  ipc::Decoder decoder(text, "the handed-over state is damaged: ");
  decoder(handover);
  if (!decoder.at_end()) refuse("there is more of it than there should be");
  check(handover);
  return handover;
}

std::vector<int> descriptors_of(const Handover& handover) {
  std::vector<int> fds;
  const auto add = [&](int fd) {
    if (fd >= 0) fds.push_back(fd);
  };
  add(handover.pid_file);
  add(handover.control);
  for (const auto& wakeup : handover.wakeups) {
    fds.push_back(wakeup.ring);
    fds.push_back(wakeup.wait);
  }
  for (const auto& plugin : handover.plugins) {
    fds.push_back(plugin.copy);
    for (const auto& file : plugin.files) fds.push_back(file.copy);
  }
  for (const auto& object : handover.objects) {
    fds.push_back(object.memory);
    add(object.notes);
  }
  for (const auto& socket : handover.sockets) fds.push_back(socket.fd);
  for (const auto& seats : handover.seats) fds.push_back(seats.memory);
  for (const auto& worker : handover.workers) {
    fds.push_back(worker.control);
    fds.push_back(worker.status);
    fds.push_back(worker.output);
    fds.push_back(worker.memory);
  }
  for (const auto& writer : handover.writers) {
    fds.push_back(writer.read_end);
    add(writer.write_end);
    fds.push_back(writer.reports);
    fds.push_back(writer.reporter);
  }
  for (const auto& client : handover.clients) fds.push_back(client.fd);
  return fds;
}

}  // namespace prefork::master
