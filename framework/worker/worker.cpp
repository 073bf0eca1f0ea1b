#include "framework/worker/worker.hpp"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <memory>
#include <set>
#include <utility>

#include "framework/worker/duties.hpp"
#include "framework/worker/isolation/fork_guard.hpp"
#include "framework/worker/isolation/orphan_guard.hpp"
#include "framework/worker/last_words.hpp"
#include "framework/worker/master_line.hpp"
#include "framework/worker/master_link.hpp"
#include "framework/worker/net/acceptor.hpp"
#include "framework/worker/net/blocking_stream.hpp"
#include "framework/worker/net/datagram_socket.hpp"
#include "framework/worker/net/proxy_gate.hpp"
#include "framework/worker/net/stream_connection.hpp"
#include "framework/worker/plugin/plugin_loader.hpp"
#include "framework/worker/process_signals.hpp"
#include "framework/worker/service_runtime.hpp"
#include "ipc/posix/syscall.hpp"

namespace prefork::worker {

namespace {

constexpr std::size_t kMostNamed = 5;  // of connections that are cut off

// A worker's descriptors besides connections: standard streams, pipes, epolls, listeners, and a few for the service's
// own files.
constexpr std::size_t kReservedDescriptors = 64;

void close_foreign_descriptors(const WorkerSetup& setup) {
  std::vector<int> keep{0, 1, 2, setup.control_fd, setup.status_fd, setup.seats_fd};
  if (setup.line_fd >= 0) keep.push_back(setup.line_fd);
  keep.insert(keep.end(), setup.ring_fds.begin(), setup.ring_fds.end());
  keep.push_back(setup.bell_fd);
  for (const auto& service : setup.services) {
    keep.push_back(service.plugin_fd);
    if (service.access_log_fd >= 0) keep.push_back(service.access_log_fd);
  }
  for (const auto& listener : setup.listeners) keep.push_back(listener.fd);
  std::sort(keep.begin(), keep.end());
  ipc::close_all_except(keep.data(), keep.size());
}

void name_process(const WorkerIdentity& identity) {
  const std::string name = identity.pool + "/" + std::to_string(identity.index);
  ::prctl(PR_SET_NAME, name.c_str());
}

// If the folder has been removed, the master's present folder, of another release, must not be used instead.
void enter(const std::string& folder) {
  if (folder.empty() || ::chdir(folder.c_str()) == 0) return;
  ipc::check_syscall(::chdir("/"), "chdir /");
}

// If the machine runs out of memory, a worker is easy to replace; the master is not.
void volunteer_for_oom() noexcept {
  constexpr int kAbove = 100, kMost = 1000;
  const ipc::UniqueFd file(::open("/proc/self/oom_score_adj", O_RDWR | O_CLOEXEC));
  char text[16] = {};
  if (!file.is_open() || ::pread(file.get(), text, sizeof text - 1, 0) <= 0) return;
  const std::string wanted = std::to_string(std::min(std::atoi(text) + kAbove, kMost));
  [[maybe_unused]] const ssize_t n = ::pwrite(file.get(), wanted.data(), wanted.size(), 0);
}

std::size_t client_descriptors(std::size_t wakeups) {
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  const std::size_t reserved = kReservedDescriptors + wakeups;
  return limit.rlim_cur > 2 * reserved ? limit.rlim_cur - reserved : limit.rlim_cur / 2;
}

std::size_t connection_limit(std::size_t configured, std::size_t wakeups) {
  const std::size_t allowed = client_descriptors(wakeups);
  return configured == 0 ? allowed : std::min(configured, allowed);
}

// One topic serves all services.
const ipc::SharedObject* signal_topic(const WorkerSetup& setup) {
  for (const auto& service : setup.services) {
    if (service.signals != nullptr) return service.signals;
  }
  return nullptr;
}

}  // namespace

/// One worker: connects the runtime's parts, and goes through start, service and drain.
class Worker final : private DutyOfficer {
 public:
  Worker(WorkerSetup setup, ipc::WorkerSlot& slot);

  int run();

 private:
  void load_services();
  void close_plugins();
  void open_listeners();
  void keep_listeners_from_children();
  void start_services();
  void stop_services();
  /// "2 connections that are still open: 127.0.0.1:4711 (GET /a), ...", for people.
  std::string what_is_open();
  void turn();
  void drain(DrainMode mode, std::chrono::milliseconds limit);

  void obey(const ipc::ControlMessage& order) override;
  void master_died() override;
  void asked_to_retire() override;
  void signalled(int number) override;
  void every_second() override;
  void recycle(const std::optional<std::string>& why);

  WorkerSetup setup_;
  ipc::WorkerSlot& slot_;
  ipc::Seats seats_;
  MasterLink link_;
  ipc::Bells bells_;
  ServiceRuntime services_;
  Runtime& runtime_ = services_.runtime();
  std::optional<MasterLine> line_;
  Duties duties_;
  Acceptor acceptor_;
  std::vector<std::unique_ptr<DatagramSocket>> datagram_sockets_;
  std::uint64_t give_up_ms_ = UINT64_MAX;  // when whatever is still open is ended, by the loop's running time
  int exit_code_ = ipc::kExitRetired;
  Recycling recycling_;
};

Worker::Worker(WorkerSetup setup, ipc::WorkerSlot& slot)
    : setup_(std::move(setup)),
      slot_(slot),
      seats_(ipc::Seats::map(ipc::UniqueFd(std::exchange(setup_.seats_fd, -1)), setup_.slots)),
      link_(setup_.control_fd, setup_.status_fd, slot_),
      bells_(setup_.ring_fds),
      services_(setup_.identity, slot_, link_, {ipc::owner_of(setup_.slot), &bells_}, signal_topic(setup_)),
      duties_(runtime_, link_, setup_.bell_fd, services_.waits(), *this),
      acceptor_(runtime_, FairShare(seats_, setup_.slot),
                connection_limit(setup_.max_connections, setup_.ring_fds.size())),
      recycling_(setup_.recycle, setup_.statm_fd, runtime_.loop.now_ms()) {
  seats_.keep_mapping_only();
  runtime_.seat = &seats_[setup_.slot];
  runtime_.duties = &duties_;
  runtime_.lingering.share(client_descriptors(setup_.ring_fds.size()));
  // A master that hangs up no longer knows this worker's line, as after an upgrade: the next worker gets a new one.
  if (setup_.line_fd >= 0) {
    line_.emplace(runtime_, ipc::UniqueFd(setup_.line_fd), [this] { asked_to_retire(); });
    runtime_.line = &*line_;
  }
}

int Worker::run() {
  try {
    load_services();
    start_services();
    open_listeners();
  } catch (const std::exception& error) {
    link_.say(ipc::StatusKind::cannot_start, error.what());
    return ipc::kExitCannotStart;
  }
  // Also for a worker that is told to leave before it is ready: the master must know that it waits.
  if (services_.has_request_timeouts()) runtime_.loop.tell(slot_);
  if (runtime_.drain == DrainMode::none) {
    if (setup_.tells_load) runtime_.loop.wind(slot_.load);
    slot_.end_activity();
    runtime_.seat->state.store(ipc::SeatState::accepting, std::memory_order_relaxed);
    acceptor_.arm();
    for (auto& socket : datagram_sockets_) socket->arm();
    link_.say(ipc::StatusKind::ready);
  }
  while (runtime_.drain == DrainMode::none || !runtime_.idle() || acceptor_.takes_waiting()) {
    if (runtime_.loop.ran_ms() >= give_up_ms_) {
      if (runtime_.connection_count + runtime_.tasks == 0) break;
      link_.log(LogLevel::warning, "the time to finish is over: closing " + what_is_open());
      break;
    }
    turn();
  }
  stop_services();
  acceptor_.finish();
  slot_.end_activity();
  return exit_code_;
}

std::string Worker::what_is_open() {
  const auto open = runtime_.connection_count;
  std::string text =
      std::to_string(open) + (open == 1 ? " connection that is" : " connections that are") + " still open";
  std::size_t named = 0;
  runtime_.connections.for_each([&](const StreamConnection& connection) {
    if (named < kMostNamed) text.append(named == 0 ? ": " : ", ").append(connection.describe());
    ++named;
  });
  return named > kMostNamed ? text + " and " + std::to_string(named - kMostNamed) + " more" : text;
}

void Worker::turn() {
  runtime_.loop.turn();
  slot_.end_activity();
  acceptor_.reconsider();
  // This tells the master that nobody accepts here any more.
  if (runtime_.drain != DrainMode::none && !acceptor_.takes_waiting()) {
    runtime_.seat->state.store(ipc::SeatState::closed, std::memory_order_relaxed);
  }
  if (recycling_.served_enough(slot_)) recycle(recycling_.served_out());
}

void Worker::every_second() { recycle(recycling_.outlived(runtime_.loop.now_ms())); }

void Worker::recycle(const std::optional<std::string>& why) {
  if (why && runtime_.drain == DrainMode::none) link_.say(ipc::StatusKind::recycle, *why);
}

void Worker::load_services() {
  for (auto& service : setup_.services) {
    const auto index = static_cast<std::uint8_t>(services_.count());
    slot_.begin_activity(ipc::ActivityKind::starting, index, runtime_.loop.now_ns(), {});
    const PluginDescriptor& descriptor = load_plugin(service.plugin_fd, service.plugin, setup_.proc_fds);
    name_library(&descriptor, service.plugin);
    services_.add(service).host(*descriptor.create());
  }
  if (setup_.proc_fds >= 0) ::close(std::exchange(setup_.proc_fds, -1));
  close_plugins();
}

void Worker::close_plugins() {
  std::set<int> copies;  // services of one plugin share its copy
  for (auto& service : setup_.services) copies.insert(std::exchange(service.plugin_fd, -1));
  for (const int fd : copies) {
    if (fd >= 0) ::close(fd);
  }
}

void Worker::open_listeners() {
  auto batch = std::make_shared<DatagramBatch>(setup_.own_addresses);
  for (const auto& listener : setup_.listeners) {
    auto protocol = services_.protocol_of(listener.services);
    ServiceHost& first = services_.host(listener.services.front());
    if (listener.datagram) {
      datagram_sockets_.push_back(std::make_unique<DatagramSocket>(first, listener.fd, std::move(protocol), batch));
    } else {
      if (listener.proxy_protocol) protocol = behind_proxy(first, std::move(protocol));
      acceptor_.add(listener.fd, listener.address, std::move(protocol));
    }
  }
  keep_listeners_from_children();
}

void Worker::keep_listeners_from_children() {
  std::vector<int> fds;
  for (const auto& listener : setup_.listeners) {
    if (listener.fd >= 0) fds.push_back(listener.fd);
  }
  keep_from_children(std::move(fds));
}

void Worker::start_services() {
  services_.start();
  while (services_.busy() && !services_.failure() && runtime_.drain == DrainMode::none) turn();
  if (services_.failure()) throw std::runtime_error(services_.failure()->sentence);
}

void Worker::stop_services() {
  services_.stop();
  while (services_.busy() && runtime_.loop.ran_ms() < give_up_ms_) turn();
}

void Worker::drain(DrainMode mode, std::chrono::milliseconds limit) {
  give_up_ms_ = std::min(give_up_ms_, runtime_.loop.ran_ms() + static_cast<std::uint64_t>(limit.count()));
  duties_.wake_at(runtime_.loop.tick_at(give_up_ms_));
  if (runtime_.drain >= mode) return;
  runtime_.drain = mode;
  acceptor_.stop();
  for (auto& socket : datagram_sockets_) socket->stop();
  // A worker that stops serving must not keep an address from its successor. Datagram sockets may still have answers to
  // send.
  for (auto& listener : setup_.listeners) {
    if (listener.datagram || listener.fd < 0) continue;
    ipc::UniqueFd fd(std::exchange(listener.fd, -1));
    if (listener.last) acceptor_.take_waiting(std::move(fd));
  }
  keep_listeners_from_children();
  runtime_.seat->state.store(ipc::SeatState::draining, std::memory_order_relaxed);
  services_.drain(mode);
}

void Worker::obey(const ipc::ControlMessage& order) {
  const std::chrono::milliseconds limit(order.argument);
  switch (order.kind) {
    case ipc::ControlKind::retire:
      return drain(DrainMode::patient, limit);
    case ipc::ControlKind::finish:
      return drain(DrainMode::closing, limit);
    case ipc::ControlKind::empty:
      for (std::size_t i = 32U * order.group; i < setup_.listeners.size() && i < 32U * (order.group + 1U); ++i) {
        setup_.listeners[i].last = (order.argument >> (i % 32U) & 1U) != 0;
      }
      return;
    case ipc::ControlKind::stop_now:
      std::fflush(nullptr);
      ::_exit(ipc::kExitRetired);
  }
}

void Worker::master_died() {
  exit_code_ = ipc::kExitMasterGone;
  drain(DrainMode::closing, std::chrono::milliseconds(700));
}

void Worker::asked_to_retire() {
  link_.say(ipc::StatusKind::draining);
  drain(DrainMode::patient, std::chrono::milliseconds(UINT32_MAX));
}

void Worker::signalled(int number) { services_.signals().on_number(number); }

void run_worker(WorkerSetup setup) {
  const int status_fd = setup.status_fd;
  const ipc::SharedMemory memory = ipc::map_slot(ipc::UniqueFd(std::exchange(setup.slot_fd, -1)));
  ipc::WorkerSlot& slot = ipc::slot_in(memory);
  int code = ipc::kExitInternal;
  try {
    for (const int fd : {STDOUT_FILENO, STDERR_FILENO}) ipc::check_syscall(::dup2(setup.output_fd, fd), "dup2 output");
    close_foreign_descriptors(setup);
    ProcessSignals::take_over();
    prepare_last_words(status_fd);
    name_process(setup.identity);
    volunteer_for_oom();
    enter(setup.folder);
    setup.statm_fd = Recycling::open_statm(setup.recycle);
    if (!setup.isolation.chroot.empty()) setup.proc_fds = open_proc_fds().release();
    code = ipc::kExitPrivileges;
    isolate(setup.isolation);
    code = ipc::kExitInternal;
    if (guard_against_orphanage(setup.master)) {
      Worker worker(std::move(setup), slot);
      code = worker.run();
      std::fflush(nullptr);
      ::_exit(code);  // statics of plugins and suspended coroutines are not unwound
    }
    code = ipc::kExitMasterGone;
  } catch (const std::exception& error) {
    MasterLink(-1, status_fd, slot).say(ipc::StatusKind::cannot_start, error.what());
  }
  ::_exit(code);
}

}  // namespace prefork::worker
