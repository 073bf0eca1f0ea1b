#include "framework/master/workforce/spawner.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <tuple>
#include <utility>

#include "ipc/contract/contract.hpp"
#include "ipc/posix/pidfd.hpp"
#include "ipc/posix/pipe.hpp"
#include "ipc/posix/syscall.hpp"

namespace prefork::master {

namespace {

constexpr int kStatusPipeBytes = 256 * 1024;

// The child never unwinds its parent's frames.
[[noreturn]] void be_worker(const SpawnOrder& order, const RunWorker& run) noexcept {
  try {
    run(order);
  } catch (...) {
  }
  ::_exit(ipc::kExitInternal);
}

ipc::UniqueFd read_end_of(ipc::UniqueFd& write_end) {
  int ends[2];
  ipc::check_syscall(::pipe2(ends, O_CLOEXEC), "pipe2");
  write_end.reset(ends[1]);
  ipc::UniqueFd read_end(ends[0]);
  ipc::check_syscall(::fcntl(read_end.get(), F_SETFL, O_NONBLOCK), "fcntl O_NONBLOCK");
  return read_end;
}

/// A slot and a seat, released unless a worker has got them.
class Place {
 public:
  explicit Place(const SpawnOrder& order) : order_(order) {
    order_.scoreboard.assign(order_.slot);
    order_.pool.seats->clear(order_.slot, ipc::SeatState::starting);
  }
  Place(const Place&) = delete;
  Place& operator=(const Place&) = delete;
  ~Place() {
    if (taken_) return;
    order_.scoreboard.clear(order_.slot);
    order_.pool.seats->clear(order_.slot, ipc::SeatState::empty);
  }
  void take() noexcept { taken_ = true; }

 private:
  const SpawnOrder& order_;
  bool taken_ = false;
};

std::pair<ipc::UniqueFd, ipc::UniqueFd> open_line() {
  int ends[2];
  ipc::check_syscall(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends), "socketpair");
  return {ipc::UniqueFd(ends[0]), ipc::UniqueFd(ends[1])};
}

}  // namespace

ForkWorker fork_here(RunWorker run) {
  return [run = std::move(run)](const SpawnOrder& order) {
    const pid_t pid = ::fork();
    if (pid == -1) ipc::throw_errno("fork");
    if (pid == 0) be_worker(order, run);
    return pid;
  };
}

std::unique_ptr<WorkerRecord> spawn_worker(SpawnOrder order, const ForkWorker& fork) {
  auto record = std::make_unique<WorkerRecord>();
  ipc::PacketPipe control = ipc::PacketPipe::create();
  ipc::PacketPipe status = ipc::PacketPipe::create();
  // A packet takes a page of the pipe: the default of 16 is too few for a worker that logs much.
  ::fcntl(status.write_end.get(), F_SETPIPE_SZ, kStatusPipeBytes);
  order.master = ::getpid();
  order.control_fd = control.read_end.get();
  order.status_fd = status.write_end.get();
  ipc::UniqueFd line;
  if (options_of(order.pool).master_access != config::MasterAccess::none) {
    std::tie(record->line, line) = open_line();
    order.line_fd = line.get();
  }
  ipc::UniqueFd output;
  record->output = read_end_of(output);
  order.output_fd = output.get();
  Place place(order);
  const pid_t pid = fork(order);
  place.take();
  record->pool = order.pool_id;
  record->index = order.index;
  record->slot = order.slot;
  record->generation = order.pool.generation->number;
  record->pid = pid;
  // Without a pidfd (no descriptors left, or a filter refuses it) the pid suffices: it is the master's own child, not
  // yet reaped.
  record->pidfd = ipc::open_pidfd(pid);
  record->control = std::move(control.write_end);
  record->status = std::move(status.read_end);
  return record;
}

void signal_worker(const WorkerRecord& worker, int signal) noexcept {
  const bool sent =
      worker.pidfd.is_open() && ::syscall(SYS_pidfd_send_signal, worker.pidfd.get(), signal, nullptr, 0) == 0;
  if (!sent) ::kill(worker.pid, signal);
}

}  // namespace prefork::master
