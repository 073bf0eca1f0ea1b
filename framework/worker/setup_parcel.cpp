#include "framework/worker/setup_parcel.hpp"

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "framework/worker/isolation/isolation_fields.hpp"
#include "ipc/contract/archive.hpp"

namespace prefork {

constexpr auto last_of(LogLevel) { return LogLevel::error; }

}  // namespace prefork

namespace prefork::worker {

using ipc::Is;

namespace {

constexpr std::string_view kDamaged = "the setup of a worker is damaged: ";

}  // namespace

// Each shared object is sent once, and named by its index.

struct PackedObject {
  std::string name;
  ipc::SharedShape shape;
  int memory = -1;
  int notes = -1;
};

struct PackedUse {
  std::string name;
  std::size_t object = 0;
  std::uint32_t max_deliveries = 0;
};

struct PackedChannel {
  std::string name;
  ChannelSetup::End first;
  ChannelSetup::End second;
  std::size_t to_second = 0;
  std::size_t to_first = 0;
};

struct PackedSharing {
  std::vector<PackedUse> shared;
  std::vector<PackedChannel> channels;
  std::optional<std::size_t> signals;
  std::optional<std::size_t> request_times;
  std::optional<std::size_t> responses;
};

// Found by argument-dependent lookup, so not in this file's anonymous namespace. All members are named, even those that
// are not archived, so that a new one does not compile until it is dealt with here.

template <class A>
void fields(A& archive, Is<PackedObject> auto& o) {
  archive(o.name, o.shape);
  archive.descriptor(o.memory);
  archive.descriptor(o.notes);
}
template <class A>
void fields(A& archive, Is<PackedUse> auto& u) {
  archive(u.name, u.object, u.max_deliveries);
}
template <class A>
void fields(A& archive, Is<ChannelSetup::End> auto& e) {
  archive(e.pool, e.index);
}
template <class A>
void fields(A& archive, Is<PackedChannel> auto& c) {
  archive(c.name, c.first, c.second, c.to_second, c.to_first);
}
template <class A>
void fields(A& archive, Is<PackedSharing> auto& s) {
  archive(s.shared, s.channels, s.signals, s.request_times, s.responses);
}
template <class A>
void fields(A& archive, Is<WorkerIdentity> auto& i) {
  archive(i.pool, i.index, i.generation);
}
template <class A>
void fields(A& archive, Is<RecycleLimits> auto& r) {
  auto& [requests, lifetime_ms, rss_bytes] = r;
  archive(requests, lifetime_ms, rss_bytes);
}
template <class A>
void fields(A& archive, Is<ServiceLimits> auto& l) {
  auto& [idle, write, request] = l;
  archive(idle, write, request);
}
template <class A>
void fields(A& archive, Is<SealedSetup> auto& f) {
  archive(f.name);
  archive.descriptor(f.fd);
}
template <class A>
void fields(A& archive, Is<ServiceSetup> auto& s) {
  auto& [name, plugin, plugin_fd, options, limits, log_fd, log_level, shared, channels, signals, times, responses,
         sealed] = s;
  archive(name, plugin);
  archive.descriptor(plugin_fd);
  archive(options, limits);
  archive.descriptor(log_fd);
  archive(log_level, sealed);
}
template <class A>
void fields(A& archive, Is<ListenerSetup> auto& l) {
  auto& [fd, datagram, address, proxy_protocol, services, last] = l;
  archive.descriptor(fd);
  archive(datagram, address, proxy_protocol, services);
}
template <class A>
void fields(A& archive, Is<WorkerSetup> auto& s) {
  auto& [identity, master, slot, slots, slot_fd, seats_fd, control_fd, status_fd, output_fd, line_fd, bell_fd, ring_fds,
         proc_fds, folder, isolation, max_connections, recycle, tells_load, statm_fd, services, listeners, objects,
         own_addresses] = s;
  archive(identity, master, slot, slots);
  for (auto* fd : {&slot_fd, &seats_fd, &control_fd, &status_fd, &output_fd, &line_fd, &bell_fd}) {
    archive.descriptor(*fd);
  }
  archive(folder, isolation, max_connections, recycle, tells_load, services, listeners);
}

namespace {

/// Numbers the objects that services name.
class ObjectPacker {
 public:
  std::size_t place(const ipc::SharedObject* object) {
    const auto known = std::find(objects_.begin(), objects_.end(), object);
    const auto at = static_cast<std::size_t>(known - objects_.begin());
    if (known == objects_.end()) objects_.push_back(object);
    return at;
  }
  std::optional<std::size_t> place_if(const ipc::SharedObject* object) {
    return object == nullptr ? std::nullopt : std::optional(place(object));
  }
  std::vector<PackedObject> packed() const {
    std::vector<PackedObject> all;
    for (const ipc::SharedObject* object : objects_) {
      const int notes = object->notes() == nullptr ? -1 : object->notes()->fd();
      all.push_back({object->name(), object->shape(), object->fd(), notes});
    }
    return all;
  }

 private:
  std::vector<const ipc::SharedObject*> objects_;
};

PackedSharing pack(const ServiceSetup& service, ObjectPacker& objects) {
  PackedSharing packed;
  for (const auto& use : service.shared) {
    packed.shared.push_back({use.name, objects.place(use.object), use.max_deliveries});
  }
  for (const auto& channel : service.channels) {
    packed.channels.push_back({channel.name, channel.first, channel.second, objects.place(channel.to_second),
                               objects.place(channel.to_first)});
  }
  packed.signals = objects.place_if(service.signals);
  packed.request_times = objects.place_if(service.request_times);
  packed.responses = objects.place_if(service.responses);
  return packed;
}

/// Gives a service the objects that it shares, by their indexes.
class Unpacker {
 public:
  explicit Unpacker(const WorkerSetup& setup) : objects_(setup.objects) {}

  void unpack(const PackedSharing& packed, ServiceSetup& service) const {
    for (const auto& use : packed.shared) service.shared.push_back({use.name, at(use.object), use.max_deliveries});
    for (const auto& channel : packed.channels) {
      service.channels.push_back(
          {channel.name, channel.first, channel.second, at(channel.to_second), at(channel.to_first)});
    }
    if (packed.signals) service.signals = at(*packed.signals);
    if (packed.request_times) service.request_times = at(*packed.request_times);
    if (packed.responses) service.responses = at(*packed.responses);
  }

 private:
  const ipc::SharedObject* at(std::size_t place) const {
    if (place >= objects_.size()) throw std::runtime_error(std::string(kDamaged) + "a missing object");
    return objects_[place].get();
  }

  const std::vector<std::unique_ptr<const ipc::SharedObject>>& objects_;
};

}  // namespace

SetupParcel pack_setup(const WorkerSetup& setup) {
  ObjectPacker objects;
  std::vector<PackedSharing> sharing;
  for (const auto& service : setup.services) sharing.push_back(pack(service, objects));
  ipc::Encoder encoder;
  encoder(setup, setup.own_addresses.packed(), objects.packed(), sharing, setup.ring_fds.size());
  for (const int fd : setup.ring_fds) encoder.descriptor(fd);
  return {encoder.take(), encoder.take_descriptors()};
}

WorkerSetup unpack_setup(std::string_view text, std::span<const int> descriptors) {
  WorkerSetup setup;
  std::vector<PackedObject> objects;
  std::vector<PackedSharing> sharing;
  std::size_t rings = 0;
  std::string own_addresses;
  ipc::Decoder decoder(text, kDamaged, descriptors);
  decoder(setup, own_addresses, objects, sharing, rings);
  setup.own_addresses = OwnAddresses::unpacked(own_addresses);
  if (sharing.size() != setup.services.size() || rings > descriptors.size()) {
    throw std::runtime_error(std::string(kDamaged) + "lists of other lengths than announced");
  }
  setup.ring_fds.resize(rings);
  for (int& fd : setup.ring_fds) decoder.descriptor(fd);
  for (auto& packed : objects) {
    ipc::SharedObject::Left left{ipc::UniqueFd(packed.memory), ipc::UniqueFd(packed.notes), 0};
    auto object = std::make_unique<ipc::SharedObject>(
        ipc::SharedObject::adopt(std::move(packed.name), std::move(packed.shape), setup.slots, std::move(left)));
    object->keep_mapping_only();
    setup.objects.push_back(std::move(object));
  }
  const Unpacker unpacker(setup);
  for (std::size_t i = 0; i < sharing.size(); ++i) unpacker.unpack(sharing[i], setup.services[i]);
  return setup;
}

}  // namespace prefork::worker
