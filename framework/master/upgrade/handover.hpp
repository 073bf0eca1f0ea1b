#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "framework/config/listen.hpp"
#include "framework/master/control/control_command.hpp"
#include "framework/master/control/control_session.hpp"
#include "framework/master/generation/file_identity.hpp"
#include "framework/master/log/handed_writer.hpp"
#include "framework/master/loop/clock.hpp"
#include "framework/master/policy/pool_role.hpp"
#include "framework/master/policy/restart_policy.hpp"
#include "framework/master/policy/worker_state.hpp"
#include "framework/master/report/exit_report.hpp"
#include "ipc/memory/scoreboard.hpp"
#include "ipc/objects/shared_shape.hpp"
#include "ipc/posix/privileges.hpp"

/// Everything that a master knows and can't find out again, for the program that it executes in its place (upgrade).
/// Plain data: descriptors are numbers; what generations share is named by its index in a list.
namespace prefork::master {

struct HandedFile {
  std::string name;
  int copy = -1;
};

struct HandedPlugin {
  std::string path;
  int copy = -1;
  std::string report;  ///< config::encode_report
  std::vector<HandedFile> files{};
};

struct HandedObject {
  std::string name;
  ipc::SharedShape shape;
  int memory = -1;
  int notes = -1;  ///< -1: no notes are kept
  std::uint64_t repairs = 0;
};

struct HandedWakeup {
  int ring = -1;
  int wait = -1;
};

struct HandedSocket {
  int fd = -1;
  std::string name;     ///< at the service manager; empty: the server bound it
  std::string path;     ///< of a unix socket's file; empty: none
  FileIdentity file{};  ///< the file that the socket was bound to
};

struct HandedListener {
  std::vector<std::size_t> services;                        ///< indices in the options
  std::string listen;                                       ///< as from config::format_listen
  config::ListenScheme scheme = config::ListenScheme::tcp;  ///< of the socket
  bool ipv6only = true;                                     ///< likewise
  std::string address;
  std::vector<std::size_t> sockets;  ///< indices in Handover::sockets
};

struct HandedService {
  std::size_t plugin = 0;  ///< index in HandedGeneration::plugins
  std::map<std::string, std::string, std::less<>> options;
};

struct HandedGeneration {
  unsigned number = 0;
  std::string config;                ///< as from config::dump
  std::string folder;                ///< Options::folder
  std::vector<std::size_t> plugins;  ///< indices in Handover::plugins
  std::vector<HandedService> services;
  std::map<std::string, ipc::Identity> identities;
  std::vector<std::size_t> objects;  ///< indices in Handover::objects
  std::vector<HandedListener> listeners;
};

/// What the workers of a pool know about each other.
struct HandedSeats {
  std::uint32_t pool = 0;  ///< HandedPool::number
  int memory = -1;
};

struct HandedPool {
  std::size_t id = 0;
  std::size_t generation = 0;  ///< index in Handover::generations
  std::size_t place = 0;
  std::uint32_t number = 0;
  PoolRole role = PoolRole::serving;
  unsigned goal = 0;
  bool held = false;
  RestartPolicy::Memory policy;
};

struct HandedWorker {
  std::size_t pool = 0;  ///< HandedPool::id
  unsigned index = 0;
  std::size_t slot = 0;
  unsigned generation = 0;
  pid_t pid = 0;
  int control = -1;
  int status = -1;
  int output = -1;
  int memory = -1;  ///< of its slot
  WorkerState state = WorkerState::starting;
  TimePoint started{};
  TimePoint entered{};
  std::optional<TimePoint> ready;
  ExitIntent intent = ExitIntent::unexpected;
  std::string start_error;
  std::string recycle;
};

/// What a client of the control socket waits for.
enum class Awaited : std::uint8_t { nothing, upgrade, reload };

struct HandedClient {
  int fd = -1;
  ControlAccess access = ControlAccess::read;
  bool adopted = false;  ///< it is a worker
  ControlSession::Kept session;
  Awaited awaits = Awaited::nothing;
};

struct Handover {
  pid_t master = 0;
  std::string version;     ///< of the program that hands over
  std::uint64_t lost = 0;  ///< lost time of the Clock that all times here refer to
  TimePoint started{};
  unsigned last_number = 0;
  std::string last_reload;
  std::uint64_t reloads_done = 0;
  std::uint64_t reloads_failed = 0;
  bool wants_reload = false;  ///< one was requested meanwhile
  std::optional<std::string> reload_only;
  std::vector<std::string> reload_discard;

  std::string notify_socket;  ///< of the service manager; empty: none
  std::uint64_t watchdog_us = 0;
  bool tells_pid = false;
  bool was_ready = false;  ///< the service manager was told so

  int pid_file = -1;
  int control = -1;
  FileIdentity control_file{};
  std::vector<HandedWakeup> wakeups;  ///< one per slot
  std::vector<HandedPlugin> plugins;
  std::vector<HandedObject> objects;
  std::vector<HandedSocket> sockets;
  std::vector<HandedGeneration> generations;  ///< the first is the current one
  std::vector<HandedPool> pools;
  std::vector<HandedSeats> seats;
  std::size_t next_pool = 0;
  std::uint32_t next_number = 0;
  std::vector<HandedWorker> workers;
  std::vector<HandedWriter> writers;
  std::map<std::string, std::uint64_t> lost_lines;  ///< by access log
  std::vector<HandedClient> clients;
  ipc::CounterValues retained{};
  std::vector<std::uint64_t> departures;
  std::map<std::string, std::uint64_t> recycled;
};

/// Encodes as text, with `layout` (ipc::shared_layout()) and a checksum.
std::string encode_handover(const Handover& handover, const std::string& layout);

/// Checks that every number is in its range, every index in its list, and every descriptor is there once.
/// @throws std::runtime_error in one sentence: the text is malformed, damaged, of another version or of another layout
Handover decode_handover(std::string_view text, const std::string& layout);

/// Every descriptor that is handed over.
std::vector<int> descriptors_of(const Handover& handover);

/// No state is larger; a longer text is refused.
constexpr std::size_t kMaxHandoverBytes = 64U << 20;

}  // namespace prefork::master
