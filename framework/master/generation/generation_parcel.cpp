#include "framework/master/generation/generation_parcel.hpp"

#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <stdexcept>
#include <utility>

#include "framework/master/generation/options_archive.hpp"

namespace prefork::master {

namespace {

constexpr std::string_view kDamaged = "what was prepared is damaged: ";

struct PackedFile {
  std::string name;
  int copy = -1;
};

struct PackedPlugin {
  std::optional<std::size_t> running;  ///< its index in the running generation; the other members describe a new one
  std::string path;
  int copy = -1;
  std::string report;
  std::vector<PackedFile> files{};
};

struct PackedService {
  std::size_t plugin = 0;
  std::map<std::string, std::string, std::less<>> options;
};

/// The indices of a socket among the running listeners' sockets.
using RunningSocket = std::pair<std::size_t, std::size_t>;

struct PackedSocket {
  std::optional<RunningSocket> running;
  int fd = -1;
  std::string path;  ///< of a unix socket's file
  FileIdentity file;
};

struct PackedListener {
  std::vector<std::size_t> services;
  config::ListenSpec spec;
  std::string address;
  std::string pool;
  std::string first_service;
  std::vector<PackedSocket> sockets;
  SocketAccess access;
};

struct Packed {
  unsigned number = 0;
  config::Options options;
  std::vector<PackedPlugin> plugins;
  std::vector<PackedService> services;
  std::map<std::string, ipc::Identity> identities;
  std::vector<PackedListener> listeners;
  std::vector<std::string> remarks;
  std::vector<std::string> warnings;
};

template <class A>
void fields(A& archive, ipc::Is<PackedFile> auto& f) {
  archive(f.name);
  archive.descriptor(f.copy);
}
template <class A>
void fields(A& archive, ipc::Is<PackedPlugin> auto& p) {
  archive(p.running, p.path, p.report, p.files);
  archive.descriptor(p.copy);
}
template <class A>
void fields(A& archive, ipc::Is<PackedService> auto& s) {
  archive(s.plugin, s.options);
}
template <class A>
void fields(A& archive, ipc::Is<PackedSocket> auto& s) {
  archive(s.running, s.path, s.file.device, s.file.inode);
  archive.descriptor(s.fd);
}
template <class A>
void fields(A& archive, ipc::Is<PackedListener> auto& l) {
  archive(l.services, l.spec, l.address, l.pool, l.first_service, l.sockets);
  archive(l.access.mode, l.access.owner, l.access.group);
}
template <class A>
void fields(A& archive, ipc::Is<Packed> auto& p) {
  archive(p.number, p.options, p.plugins, p.services, p.identities, p.listeners, p.remarks, p.warnings);
}

PackedPlugin packed(const std::shared_ptr<const SealedPlugin>& plugin, const Generation& running) {
  const auto at = std::find(running.plugins.begin(), running.plugins.end(), plugin);
  if (at != running.plugins.end()) return {static_cast<std::size_t>(at - running.plugins.begin()), {}, -1, {}};
  PackedPlugin to{std::nullopt, plugin->path, plugin->copy.get(), config::encode_report(plugin->report)};
  for (const SealedFile& file : plugin->files) to.files.push_back({file.name, file.copy.get()});
  return to;
}

PackedSocket packed(const std::shared_ptr<ListeningSocket>& socket, const ListenerSet& running) {
  for (std::size_t i = 0; i < running.listeners().size(); ++i) {
    const auto& sockets = running.listeners()[i].sockets;
    const auto at = std::find(sockets.begin(), sockets.end(), socket);
    if (at != sockets.end()) return {RunningSocket(i, at - sockets.begin()), -1, {}, {}};
  }
  return {std::nullopt, socket->get(), socket->path(), socket->file()};
}

PackedListener packed(const BoundListener& listener, const ListenerSet& running) {
  const auto& [services, spec, address, pool, first_service, sockets, access] = listener;
  PackedListener to{services, spec, address, pool, first_service, {}, access};
  for (const auto& socket : sockets) to.sockets.push_back(packed(socket, running));
  return to;
}

template <class T>
const T& at(const std::vector<T>& list, std::size_t place) {
  if (place >= list.size()) throw std::runtime_error(std::string(kDamaged) + "an index beyond its list");
  return list[place];
}

/// The descriptors that came, each to be taken once.
class Descriptors {
 public:
  explicit Descriptors(std::vector<ipc::UniqueFd> all) : all_(std::move(all)) {}
  std::vector<int> numbers() const {
    std::vector<int> numbers;
    for (const ipc::UniqueFd& fd : all_) numbers.push_back(fd.get());
    return numbers;
  }
  ipc::UniqueFd take(int number) {
    const auto found =
        std::find_if(all_.begin(), all_.end(), [&](const auto& fd) { return fd.is_open() && fd.get() == number; });
    if (found == all_.end()) throw std::runtime_error(std::string(kDamaged) + "a descriptor is lacking");
    return std::move(*found);
  }

 private:
  std::vector<ipc::UniqueFd> all_;
};

std::shared_ptr<const SealedPlugin> unpacked(PackedPlugin& from, Descriptors& files, const Generation& running) {
  if (from.running) return at(running.plugins, *from.running);
  SealedPlugin plugin;
  plugin.path = std::move(from.path);
  plugin.copy = files.take(from.copy);
  plugin.report = config::decode_report(from.report);
  for (PackedFile& file : from.files) plugin.files.push_back({std::move(file.name), files.take(file.copy)});
  return std::make_shared<SealedPlugin>(std::move(plugin));
}

std::shared_ptr<ListeningSocket> unpacked(const PackedSocket& from, Descriptors& files, const ListenerSet& running) {
  if (from.running) return at(at(running.listeners(), from.running->first).sockets, from.running->second);
  auto socket = std::make_shared<ListeningSocket>(files.take(from.fd));
  if (!from.path.empty()) socket->owns_file(from.path, ::getpid(), from.file);
  return socket;
}

BoundListener unpacked(PackedListener& from, Descriptors& files, const ListenerSet& running) {
  BoundListener listener{std::move(from.services),
                         std::move(from.spec),
                         std::move(from.address),
                         std::move(from.pool),
                         std::move(from.first_service),
                         {},
                         from.access};
  for (const PackedSocket& socket : from.sockets) listener.sockets.push_back(unpacked(socket, files, running));
  return listener;
}

}  // namespace

PackedGeneration pack_generation(const Generation& prepared, const Generation& running) {
  Packed packed_generation{
      prepared.number,  prepared.options, {}, {}, prepared.identities, {}, prepared.listeners->remarks(),
      prepared.warnings};
  for (const auto& plugin : prepared.plugins) packed_generation.plugins.push_back(packed(plugin, running));
  for (const auto& service : prepared.services) {
    packed_generation.services.push_back({service.plugin, service.options});
  }
  for (const auto& listener : prepared.listeners->listeners()) {
    packed_generation.listeners.push_back(packed(listener, *running.listeners));
  }
  ipc::Encoder encoder;
  encoder(packed_generation);
  return {encoder.take(), encoder.take_descriptors()};
}

Generation unpack_generation(const std::string& text, std::vector<ipc::UniqueFd> descriptors,
                             const Generation& running) {
  Descriptors files(std::move(descriptors));
  const std::vector<int> numbers = files.numbers();
  ipc::Decoder decoder(text, kDamaged, numbers);
  Packed from;
  decoder(from);
  Generation generation;
  generation.number = from.number;
  generation.options = std::move(from.options);
  generation.identities = std::move(from.identities);
  generation.warnings = std::move(from.warnings);
  for (PackedPlugin& plugin : from.plugins) generation.plugins.push_back(unpacked(plugin, files, running));
  for (PackedService& service : from.services) {
    at(generation.plugins, service.plugin);
    generation.services.push_back({service.plugin, std::move(service.options), -1});
  }
  std::vector<BoundListener> listeners;
  for (PackedListener& listener : from.listeners) listeners.push_back(unpacked(listener, files, *running.listeners));
  generation.listeners = std::make_unique<ListenerSet>(std::move(listeners), std::move(from.remarks));
  generation.shared = plan_shared_objects(generation);
  return generation;
}

}  // namespace prefork::master
