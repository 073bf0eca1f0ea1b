#include "framework/master/handover.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <concepts>
#include <set>
#include <stdexcept>
#include <type_traits>
#include <utility>

// Numbers are written as "12,", texts as "3:abc", lists as their length and their members. One description of each
// structure, fields(), serves both directions.
namespace prefork::master {

namespace {

constexpr std::string_view kMagic = "prefork-handover 2";

[[noreturn]] void refuse(const std::string& what) {
  throw std::runtime_error("the state that is handed over is damaged: " + what);
}

// FNV-1a: against a text that was cut or overwritten, not against one that was forged.
std::string checksum(std::string_view bytes) {
  std::uint64_t hash = 14695981039346656037U;
  for (const char byte : bytes) hash = (hash ^ static_cast<unsigned char>(byte)) * 1099511628211U;
  return std::to_string(hash);
}

template <class T>
concept Number = std::integral<T> && !std::same_as<T, bool>;
template <class T>
concept Enumeration = std::is_enum_v<T>;

constexpr auto last_of(WorkerState) { return WorkerState::lost; }
constexpr auto last_of(ExitIntent) { return ExitIntent::killed_wanted; }
constexpr auto last_of(Pool::Role) { return Pool::Role::leaving; }
constexpr auto last_of(ThrottleReason) { return ThrottleReason::fork_failed; }
constexpr auto last_of(Awaited) { return Awaited::reload; }
constexpr auto last_of(ControlAccess) { return ControlAccess::full; }
constexpr auto last_of(config::ListenScheme) { return config::ListenScheme::fd_dgram; }
constexpr auto last_of(ipc::SharedKind) { return ipc::SharedKind::table; }
constexpr auto last_of(ipc::ColumnType) { return ipc::ColumnType::text; }

class Encoder {
 public:
  template <class... Ts>
  void operator()(const Ts&... values) {
    (put(values), ...);
  }
  std::string take() { return std::move(text_); }

 private:
  template <Number T>
  void put(T value) {
    text_ += std::to_string(value) + ',';
  }
  void put(bool value) { put(value ? 1 : 0); }
  template <Enumeration E>
  void put(E value) {
    put(static_cast<int>(value));
  }
  void put(TimePoint value) { put(value.time_since_epoch().count()); }
  void put(const std::string& value) { text_ += std::to_string(value.size()) + ':' + value; }
  template <class T>
  void put(const std::optional<T>& value) {
    put(value.has_value());
    if (value) put(*value);
  }
  template <class T>
  void put(const std::vector<T>& values) {
    put(values.size());
    for (const T& value : values) put(value);
  }
  template <class T, std::size_t n>
  void put(const std::array<T, n>& values) {
    for (const T& value : values) put(value);
  }
  template <class T, class Less>
  void put(const std::map<std::string, T, Less>& values) {
    put(values.size());
    for (const auto& [key, value] : values) (*this)(key, value);
  }
  template <class T>
  requires std::is_class_v<T>
  void put(const T& value) { fields(*this, value); }

  std::string text_;
};

class Decoder {
 public:
  explicit Decoder(std::string_view text) : rest_(text) {}
  template <class... Ts>
  void operator()(Ts&... values) {
    (get(values), ...);
  }
  bool at_end() const noexcept { return rest_.empty(); }

 private:
  template <Number T>
  void number(T& value, char end) {
    const auto [stop, error] = std::from_chars(rest_.data(), rest_.data() + rest_.size(), value);
    if (error != std::errc() || stop == rest_.data() + rest_.size() || *stop != end) refuse("no number where one was");
    rest_.remove_prefix(static_cast<std::size_t>(stop - rest_.data()) + 1);
  }
  template <Number T>
  void get(T& value) {
    number(value, ',');
  }
  void get(bool& value) {
    unsigned number = 0;
    get(number);
    if (number > 1) refuse("neither yes nor no");
    value = number == 1;
  }
  template <Enumeration E>
  void get(E& value) {
    unsigned number = 0;
    get(number);
    if (number > static_cast<unsigned>(last_of(E{}))) refuse("a word that is none of those known");
    value = static_cast<E>(number);
  }
  void get(TimePoint& value) {
    TimePoint::rep count = 0;
    get(count);
    value = TimePoint(TimePoint::duration(count));
  }
  void get(std::string& value) {
    std::size_t size = 0;
    number(size, ':');
    if (size > rest_.size()) refuse("a text has no end");
    value.assign(rest_.substr(0, size));
    rest_.remove_prefix(size);
  }
  template <class T>
  void get(std::optional<T>& value) {
    bool is_there = false;
    get(is_there);
    value.reset();
    if (is_there) get(value.emplace());
  }
  // Each member takes a byte at the least, so that no length makes more than the text is long.
  std::size_t length() {
    std::size_t length = 0;
    get(length);
    if (length > rest_.size()) refuse("a list has no end");
    return length;
  }
  template <class T>
  void get(std::vector<T>& values) {
    for (std::size_t left = length(); left > 0; --left) get(values.emplace_back());
  }
  template <class T, std::size_t n>
  void get(std::array<T, n>& values) {
    for (T& value : values) get(value);
  }
  template <class T, class Less>
  void get(std::map<std::string, T, Less>& values) {
    for (std::size_t left = length(); left > 0; --left) {
      std::string key;
      T value{};
      (*this)(key, value);
      if (!values.emplace(std::move(key), std::move(value)).second) refuse("a name is there twice");
    }
  }
  template <class T>
  requires std::is_class_v<T>
  void get(T& value) { fields(*this, value); }

  std::string_view rest_;
};

/// `T`, or a constant one: what fields() takes.
template <class T, class Of>
concept Is = std::same_as<std::remove_const_t<T>, Of>;

template <class A>
void fields(A& archive, Is<ipc::Column> auto& c) {
  archive(c.name, c.type, c.text_bytes);
}
template <class A>
void fields(A& archive, Is<ipc::SharedShape> auto& s) {
  archive(s.kind, s.capacity, s.message_bytes, s.dead_letters, s.key_bytes, s.columns);
}
template <class A>
void fields(A& archive, Is<ipc::Identity> auto& i) {
  archive(i.uid, i.gid, i.groups, i.user);
}
template <class A>
void fields(A& archive, Is<HandedPlugin> auto& p) {
  archive(p.path, p.copy, p.report);
}
template <class A>
void fields(A& archive, Is<HandedObject> auto& o) {
  archive(o.name, o.shape, o.memory, o.notes, o.repairs);
}
template <class A>
void fields(A& archive, Is<HandedSocket> auto& s) {
  archive(s.fd, s.name, s.path, s.device, s.inode);
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
  archive(g.number, g.config, g.plugins, g.services, g.identities, g.objects, g.listeners);
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
  archive(w.pool, w.index, w.slot, w.generation, w.pid, w.control, w.status, w.state, w.started, w.entered, w.ready,
          w.intent, w.start_error, w.recycle);
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
  archive(h.master, h.version, h.started, h.last_number, h.last_reload, h.reloads_done, h.reloads_failed,
          h.wants_reload, h.reload_only);
  archive(h.notify_socket, h.watchdog_us, h.tells_pid, h.was_ready);
  archive(h.pid_file, h.control, h.scoreboard, h.wakeups, h.plugins, h.objects, h.sockets, h.generations, h.pools);
  archive(h.next_pool, h.next_number, h.workers, h.writers, h.lost_lines, h.clients, h.retained, h.departures,
          h.recycled);
}

// What is out of place within a text that reads well.

void check_places(const std::vector<std::size_t>& places, std::size_t size) {
  for (const std::size_t place : places) {
    if (place >= size) refuse("a place beyond its list");
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
  for (const auto& generation : handover.generations) check(generation, handover);
  std::set<std::size_t> pools, slots;
  std::set<pid_t> pids;
  for (const auto& pool : handover.pools) {
    check_places({pool.generation}, handover.generations.size());
    if (!pools.insert(pool.id).second || pool.id >= handover.next_pool) refuse("a pool is there twice");
    if (pool.role != Pool::Role::serving && pool.role != Pool::Role::leaving) refuse("a pool in the middle of a roll");
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
  Encoder encoder;
  encoder(handover);
  const std::string body = encoder.take();
  return std::string(kMagic) + '\n' + layout + '\n' + checksum(body) + '\n' + body;
}

Handover decode_handover(std::string_view text, const std::string& layout) {
  const std::string_view magic = take_line(text);
  if (magic != kMagic) {
    throw std::runtime_error("the state is handed over in another version of its format than \"" + std::string(kMagic) +
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
  Decoder decoder(text);
  decoder(handover);
  if (!decoder.at_end()) refuse("there is more of it than there should be");
  check(handover);
  return handover;
}

std::vector<int> descriptors_of(const Handover& handover) {
  std::vector<int> fds{handover.scoreboard};
  const auto add = [&](int fd) {
    if (fd >= 0) fds.push_back(fd);
  };
  add(handover.pid_file);
  add(handover.control);
  fds.insert(fds.end(), handover.wakeups.begin(), handover.wakeups.end());
  for (const auto& plugin : handover.plugins) fds.push_back(plugin.copy);
  for (const auto& object : handover.objects) {
    fds.push_back(object.memory);
    add(object.notes);
  }
  for (const auto& socket : handover.sockets) fds.push_back(socket.fd);
  for (const auto& worker : handover.workers) {
    fds.push_back(worker.control);
    fds.push_back(worker.status);
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
