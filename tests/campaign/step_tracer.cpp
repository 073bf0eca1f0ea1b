// Starts a program, traces it or one of its children with ptrace, and kills that process at its Nth system call, or
// makes calls fail. It is the parent of everything that the program leaves behind, and reports when none of it is left.
//
//   step_tracer [--of 0|K|K+|server] [--from PATH] [--kill N [--hold MS] | --fail CALL:ERRNO:N[+]] [--wait] -- PROGRAM
//   [ARGUMENT]...
//
// --of: the target: the program itself (0); the Kth process that it or its fork server forks while it is traced (K), or
// that one and all later ones (K+); or its fork servers, each from its exec on (server). --from: calls count from the
// one that opens PATH. --kill N: SIGKILL at the entry of the Nth call, which is not executed. --hold MS: processes that
// the program forks do not run before the program waits for something; if it is killed before that, they run MS after
// its end. (A busy machine does the same.) --fail: the Nth CALL (with + also every later one) is not executed and
// returns ERRNO. close(2) is executed anyway: the kernel frees the descriptor whatever it returns. --on PATH: for
// --fail, only calls whose first argument is a descriptor of that file count. --wait: the program runs untraced until
// "follow" is received.
//
// Standard input: "follow PID" (whose calls count as the program's), "cease" (no more kills and no more failing calls),
// "signal N" (for the program), "report" (the calls so far, by name). Its end kills all processes. Standard output:
// "started PID", "following", "hit CALL PID", "ceased", "calls CALL N"..., "reported", "ended CODE" (or -SIGNAL) of the
// program, "gone CALLS" once it has no descendants left.
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdarg>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <optional>
#include <set>
#include <sstream>
#include <stdexcept>
#include <string>
#include <utility>

namespace {

#define CALL(name) \
  { #name, SYS_##name }
constexpr std::pair<const char*, long> kCalls[] = {
#if defined(__x86_64__)
    CALL(open),           CALL(pipe),
    CALL(fork),           CALL(vfork),
    CALL(epoll_wait),     CALL(poll),
    CALL(unlink),         CALL(chmod),
    CALL(stat),           CALL(lstat),
    CALL(access),         CALL(readlink),
    CALL(getrlimit),      CALL(setrlimit),
    CALL(arch_prctl),
#endif
    CALL(read),           CALL(write),
    CALL(writev),         CALL(pread64),
    CALL(close),          CALL(close_range),
    CALL(openat),         CALL(newfstatat),
    CALL(fstat),          CALL(faccessat),
    CALL(readlinkat),     CALL(unlinkat),
    CALL(getdents64),     CALL(lseek),
    CALL(fcntl),          CALL(flock),
    CALL(ftruncate),      CALL(fallocate),
    CALL(sendfile),       CALL(umask),
    CALL(fchmod),         CALL(fchmodat),
    CALL(mmap),           CALL(munmap),
    CALL(mprotect),       CALL(brk),
    CALL(madvise),        CALL(memfd_create),
    CALL(socket),         CALL(socketpair),
    CALL(capset),         CALL(bind),
    CALL(listen),         CALL(connect),
    CALL(accept4),        CALL(getsockname),
    CALL(getsockopt),     CALL(setsockopt),
    CALL(sendto),         CALL(sendmsg),
    CALL(sendmmsg),       CALL(recvfrom),
    CALL(recvmsg),        CALL(recvmmsg),
    CALL(shutdown),       CALL(epoll_create1),
    CALL(epoll_ctl),      CALL(epoll_pwait),
    CALL(ppoll),          CALL(pipe2),
    CALL(dup2),           CALL(dup3),
    CALL(eventfd2),       CALL(signalfd4),
    CALL(timer_create),   CALL(timer_settime),
    CALL(timerfd_create), CALL(timerfd_settime),
    CALL(clone),          CALL(clone3),
    CALL(execve),         CALL(exit_group),
    CALL(wait4),          CALL(waitid),
    CALL(kill),           CALL(pidfd_open),
    CALL(prlimit64),      CALL(pidfd_send_signal),
    CALL(getpid),         CALL(getppid),
    CALL(getuid),         CALL(geteuid),
    CALL(getgid),         CALL(getgroups),
    CALL(setgroups),      CALL(setuid),
    CALL(setgid),         CALL(setresuid),
    CALL(setresgid),      CALL(getresuid),
    CALL(getresgid),      CALL(prctl),
    CALL(seccomp),        CALL(rt_sigaction),
    CALL(rt_sigprocmask), CALL(rt_sigreturn),
    CALL(futex),          CALL(getrandom),
    CALL(sysinfo),        CALL(uname),
    CALL(clock_gettime),  CALL(clock_nanosleep),
    CALL(set_robust_list)};
#undef CALL

std::string name_of(long number) {
  for (const auto& [name, known] : kCalls) {
    if (known == number) return name;
  }
  return "call-" + std::to_string(number);
}

long number_of(const std::string& wanted) {
  for (const auto& [name, number] : kCalls) {
    if (wanted == name) return number;
  }
  throw std::runtime_error("no call " + wanted + " is known");
}

bool waits(long number) {
#if defined(__x86_64__)
  if (number == SYS_poll || number == SYS_epoll_wait) return true;
#endif
  return number == SYS_ppoll || number == SYS_epoll_pwait || number == SYS_wait4;
}

int error_of(const std::string& wanted) {
  for (int error = 1; error < 200; ++error) {
    const char* name = ::strerrorname_np(error);
    if (name != nullptr && wanted == name) return error;
  }
  throw std::runtime_error("no error " + wanted + " is known");
}

[[gnu::format(printf, 1, 2)]] void say(const char* format, ...) {
  va_list arguments;
  va_start(arguments, format);
  std::vprintf(format, arguments);
  va_end(arguments);
  std::putchar('\n');
  std::fflush(stdout);
}

struct Wish {
  unsigned first = 0, last = 0;  ///< of the program's children; 0: the program itself
  bool servers = false;          ///< its fork servers instead
  std::string from;              ///< calls count once it is opened
  unsigned kill_at = 0;
  long fail_call = -1;
  int fail_error = 0;
  std::string on;  ///< only calls with a descriptor of this file fail
  unsigned fail_first = 0, fail_last = 0;
  bool wait = false;
  int hold_ms = 0;
};

// A call's result can be set only where its registers are known.
#if defined(__x86_64__)
void skip_call(pid_t pid) {
  user_regs_struct registers{};
  ::ptrace(PTRACE_GETREGS, pid, nullptr, &registers);
  registers.orig_rax = ~0ULL;
  ::ptrace(PTRACE_SETREGS, pid, nullptr, &registers);
}
void set_result(pid_t pid, long result) {
  user_regs_struct registers{};
  ::ptrace(PTRACE_GETREGS, pid, nullptr, &registers);
  registers.rax = static_cast<unsigned long long>(result);
  ::ptrace(PTRACE_SETREGS, pid, nullptr, &registers);
}
constexpr bool kCanFail = true;
#else
void skip_call(pid_t) {}
void set_result(pid_t, long) {}
constexpr bool kCanFail = false;
#endif

bool leads_to(pid_t pid, std::uint64_t fd, const std::string& path) {
  std::array<char, 4096> target{};
  const std::string link = "/proc/" + std::to_string(pid) + "/fd/" + std::to_string(fd);
  const ssize_t n = ::readlink(link.c_str(), target.data(), target.size());
  return n > 0 && path == std::string(target.data(), static_cast<std::size_t>(n));
}

class Tracer {
 public:
  explicit Tracer(Wish wish) : wish_(std::move(wish)), counting_(wish_.from.empty()) {}

  void start(char** argv);
  /// Until nothing is left.
  void run();

 private:
  void attend(pid_t pid, int status);
  void on_stop(pid_t pid, int status);
  void on_call(pid_t pid);
  void on_entry(pid_t pid, const __ptrace_syscall_info& info);
  void on_fork(pid_t parent);
  void on_born(pid_t child);
  void on_exec(pid_t pid);
  void on_trap(pid_t pid);
  void let_go(pid_t child);
  void leave(pid_t child);
  bool traces_births() const { return wish_.last > 0 || wish_.servers || wish_.hold_ms > 0; }
  void seize(pid_t pid) const;
  void found_server(pid_t pid);
  void release();
  void release_orphans();
  void follow(pid_t pid);
  void command(const std::string& line);
  bool is_meant(pid_t pid) const { return meant_.contains(pid); }
  void go_on(pid_t pid, int signal = 0) const {
    ::ptrace(is_meant(pid) ? PTRACE_SYSCALL : PTRACE_CONT, pid, nullptr, signal);
  }

  Wish wish_;
  bool counting_;
  pid_t program_ = 0;
  pid_t followed_ = 0;
  pid_t server_ = 0;  // which forks for the one that is followed
  unsigned born_ = 0;
  unsigned calls_ = 0;  // of the target processes
  unsigned named_ = 0;  // of the call that is to fail
  bool hit_ = false;
  bool is_following_ = false;
  bool holding_ = false;  // since the last birth
  std::set<pid_t> meant_;
  std::set<pid_t> unknown_;         // stopped before their parent's word of them came
  std::set<pid_t> announced_;       // the other way round
  std::set<pid_t> held_;            // do not run yet
  std::set<pid_t> own_;             // children of the one that is followed: one may become its fork server
  std::map<pid_t, int> result_of_;  // the result for the call being made
  std::map<long, unsigned> count_;
  std::string input_;
};

void Tracer::start(char** argv) {
  int gate[2];
  if (::pipe2(gate, O_CLOEXEC) == -1) throw std::runtime_error("pipe2");
  program_ = ::fork();
  if (program_ == 0) {
    sigset_t none;
    sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
    char go = 0;
    if (::read(gate[0], &go, 1) == 1) ::execvp(argv[0], argv);
    ::_exit(127);
  }
  say("started %d", program_);
  if (!wish_.wait) follow(program_);
  if (::write(gate[1], "g", 1) != 1) throw std::runtime_error("write");
  ::close(gate[0]);
  ::close(gate[1]);
}

std::string read_file(const std::string& path) {
  std::array<char, 65536> text{};
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  const ssize_t n = file == -1 ? 0 : ::read(file, text.data(), text.size());
  ::close(file);
  return {text.data(), static_cast<std::size_t>(std::max<ssize_t>(n, 0))};
}

// Once it is executed, and once it has named itself.
bool is_fork_server(pid_t pid) {
  const std::string line = read_file("/proc/" + std::to_string(pid) + "/cmdline");
  return line.find("--fork-server=") != std::string::npos || line.find(": fork server") != std::string::npos;
}

bool is_orphan(pid_t pid) {
  const std::string text = read_file("/proc/" + std::to_string(pid) + "/stat");
  const auto name_end = text.rfind(") ");
  int parent = 0;
  return name_end != std::string::npos && std::sscanf(text.c_str() + name_end, ") %*c %d", &parent) == 1 &&
         parent == ::getpid();
}

std::set<pid_t> children_of(pid_t pid) {
  const std::string text = read_file("/proc/" + std::to_string(pid) + "/task/" + std::to_string(pid) + "/children");
  std::set<pid_t> children;
  std::istringstream numbers(text);
  for (pid_t child = 0; numbers >> child;) children.insert(child);
  return children;
}

void Tracer::seize(pid_t pid) const {
  const long births = PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACEEXEC;
  const long options = PTRACE_O_TRACESYSGOOD | (traces_births() ? births : 0);
  if (::ptrace(PTRACE_SEIZE, pid, nullptr, options) == -1 || ::ptrace(PTRACE_INTERRUPT, pid, nullptr, nullptr) == -1) {
    throw std::runtime_error(std::string("ptrace: ") + std::strerror(errno));
  }
}

void Tracer::found_server(pid_t pid) {
  server_ = pid;
  if (wish_.servers) meant_.insert(pid);
}

void Tracer::follow(pid_t pid) {
  for (const pid_t child : traces_births() ? children_of(pid) : std::set<pid_t>{}) {
    if (!is_fork_server(child)) continue;
    seize(child);
    found_server(child);
  }
  seize(pid);
  followed_ = pid;
  if (wish_.last == 0 && !wish_.servers) meant_.insert(pid);
}

void Tracer::on_born(pid_t child) {
  ++born_;
  holding_ = wish_.hold_ms > 0;
  const bool meant = born_ >= wish_.first && born_ <= wish_.last;
  if (meant) meant_.insert(child);
  if (unknown_.erase(child) == 0) {
    announced_.insert(child);
  } else {
    let_go(child);
  }
}

// A child that is stopped at its birth.
void Tracer::let_go(pid_t child) {
  if (is_meant(child)) return go_on(child);
  if (holding_) {
    held_.insert(child);
  } else {
    leave(child);
  }
}

void Tracer::leave(pid_t child) {
  ::ptrace(own_.contains(child) ? PTRACE_CONT : PTRACE_DETACH, child, nullptr, nullptr);
}

void Tracer::release() {
  holding_ = false;
  for (const pid_t child : std::exchange(held_, {})) leave(child);
}

// Their parent was killed before it could say that it had forked them: nobody else's word of them comes.
void Tracer::release_orphans() {
  std::erase_if(unknown_,
                [](pid_t child) { return is_orphan(child) && ::ptrace(PTRACE_DETACH, child, nullptr, nullptr) == 0; });
}

void Tracer::on_fork(pid_t parent) {
  unsigned long number = 0;
  ::ptrace(PTRACE_GETEVENTMSG, parent, nullptr, &number);
  const auto child = static_cast<pid_t>(number);
  if (parent == followed_) own_.insert(child);
  if (parent == followed_ || parent == server_) {
    on_born(child);
  } else if (unknown_.erase(child) > 0) {
    ::ptrace(PTRACE_DETACH, child, nullptr, nullptr);
  } else {
    announced_.insert(child);
  }
  go_on(parent);
}

void Tracer::on_exec(pid_t pid) {
  const bool is_child = own_.erase(pid) > 0;
  if (is_child && is_fork_server(pid)) found_server(pid);
  if (is_child && pid != server_ && !is_meant(pid)) {
    ::ptrace(PTRACE_DETACH, pid, nullptr, nullptr);
  } else {
    go_on(pid);
  }
}

void Tracer::on_entry(pid_t pid, const __ptrace_syscall_info& info) {
  const auto number = static_cast<long>(info.entry.nr);
  if (!counting_ && number == SYS_openat) {
    std::array<char, 4096> path{};
    iovec into{path.data(), std::min(wish_.from.size() + 1, path.size() - 1)};
    iovec from{reinterpret_cast<void*>(info.entry.args[1]), into.iov_len};
    ::process_vm_readv(pid, &into, 1, &from, 1, 0);
    counting_ = wish_.from == path.data();
  }
  if (!counting_) return;
  ++calls_;
  ++count_[number];
  if (calls_ == wish_.kill_at) {
    ::kill(pid, SIGKILL);
    hit_ = true;
    return say("hit %s %d", name_of(number).c_str(), pid);
  }
  if (waits(number)) release();
  if (number != wish_.fail_call) return;
  if (!wish_.on.empty() && !leads_to(pid, info.entry.args[0], wish_.on)) return;
  if (++named_ < wish_.fail_first || named_ > wish_.fail_last) return;
  if (number != SYS_close) skip_call(pid);
  result_of_[pid] = -wish_.fail_error;
  if (!std::exchange(hit_, true)) say("hit %s %d", name_of(number).c_str(), pid);
}

void Tracer::on_call(pid_t pid) {
  __ptrace_syscall_info info{};
  ::ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof info, &info);
  if (info.op == PTRACE_SYSCALL_INFO_ENTRY) {
    on_entry(pid, info);
  } else if (const auto result = result_of_.find(pid); result != result_of_.end()) {
    set_result(pid, result->second);
    result_of_.erase(result);
  }
  go_on(pid);
}

// At its birth, when it is seized, or by SIGCONT, which a child is sent at its parent's death.
void Tracer::on_trap(pid_t pid) {
  if (pid == followed_ && !std::exchange(is_following_, true)) say("following");
  if (announced_.erase(pid) > 0) return let_go(pid);
  if (pid == followed_ || pid == server_ || is_meant(pid) || own_.contains(pid)) return go_on(pid);
  unknown_.insert(pid);
  release_orphans();
}

void Tracer::on_stop(pid_t pid, int status) {
  const int signal = WSTOPSIG(status);
  if (signal == (SIGTRAP | 0x80)) return on_call(pid);
  switch (status >> 16) {
    case 0:
      return go_on(pid, signal);
    case PTRACE_EVENT_FORK:
    case PTRACE_EVENT_VFORK:
      return on_fork(pid);
    case PTRACE_EVENT_EXEC:
      return on_exec(pid);
    case PTRACE_EVENT_STOP:
      if (signal == SIGTRAP) return on_trap(pid);
      ::ptrace(PTRACE_LISTEN, pid, nullptr, nullptr);  // it is stopped by job control and stays so
      return;
    default:
      return go_on(pid);
  }
}

void Tracer::attend(pid_t pid, int status) {
  if (WIFSTOPPED(status)) return on_stop(pid, status);
  meant_.erase(pid);
  unknown_.erase(pid);
  announced_.erase(pid);
  result_of_.erase(pid);
  if (pid == followed_) followed_ = 0;
  if (pid == server_) server_ = 0;
  held_.erase(pid);
  own_.erase(pid);
  release_orphans();
  if (pid != program_) return;
  program_ = 0;
  say("ended %d", WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status));
}

void Tracer::command(const std::string& line) {
  if (line.starts_with("follow ")) return follow(std::stoi(line.substr(7)));
  if (line.starts_with("signal ") && program_ != 0) ::kill(program_, std::stoi(line.substr(7)));
  if (line == "cease") {
    wish_.fail_call = -1;
    wish_.kill_at = 0;
    say("ceased");
  } else if (line == "report") {
    for (const auto& [number, times] : count_) say("calls %s %u", name_of(number).c_str(), times);
    say("reported");
  }
}

void Tracer::run() {
  sigset_t child;
  sigemptyset(&child);
  sigaddset(&child, SIGCHLD);
  const int signals = ::signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK);
  for (;;) {
    int status = 0;
    pid_t pid = 0;
    while ((pid = ::waitpid(-1, &status, __WALL | WNOHANG)) > 0) attend(pid, status);
    if (pid == -1 && errno == ECHILD) return say("gone %u", calls_);
    std::array<pollfd, 2> ready{pollfd{signals, POLLIN, 0}, pollfd{STDIN_FILENO, POLLIN, 0}};
    const bool over = program_ == 0 && !held_.empty();
    if (::poll(ready.data(), ready.size(), over ? wish_.hold_ms : -1) == 0) release();
    signalfd_siginfo info{};
    if (ready[0].revents != 0 && ::read(signals, &info, sizeof info) == -1 && errno != EAGAIN) return;
    if (ready[1].revents == 0) continue;
    std::array<char, 256> chunk{};
    const ssize_t n = ::read(STDIN_FILENO, chunk.data(), chunk.size());
    if (n <= 0) return;
    input_.append(chunk.data(), static_cast<std::size_t>(n));
    for (auto end = input_.find('\n'); end != std::string::npos; end = input_.find('\n')) {
      const std::string line = input_.substr(0, end);
      input_.erase(0, end + 1);
      command(line);
    }
  }
}

void read_fault(const std::string& text, Wish& wish) {
  const auto first = text.find(':'), second = text.find(':', first + 1);
  if (second == std::string::npos) throw std::runtime_error("--fail takes CALL:ERRNO:N or CALL:ERRNO:N+");
  if (!kCanFail) throw std::runtime_error("calls can be made to fail on x86-64 only");
  wish.fail_call = number_of(text.substr(0, first));
  wish.fail_error = error_of(text.substr(first + 1, second - first - 1));
  wish.fail_first = static_cast<unsigned>(std::stoul(text.substr(second + 1)));
  wish.fail_last = text.ends_with('+') ? ~0U : wish.fail_first;
}

/// @return the index of the program in argv
int read_arguments(int argc, char** argv, Wish& wish) {
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    if (word == "--" && i + 1 < argc) return i + 1;
    if (word == "--wait") {
      wish.wait = true;
      continue;
    }
    if (i + 1 == argc) break;
    const std::string value = argv[++i];
    if (word == "--of" && value == "server") {
      wish.servers = true;
    } else if (word == "--of") {
      wish.first = static_cast<unsigned>(std::stoul(value));
      wish.last = value.ends_with('+') ? ~0U : wish.first;
    } else if (word == "--from") {
      wish.from = value;
    } else if (word == "--on") {
      wish.on = value;
    } else if (word == "--kill") {
      wish.kill_at = static_cast<unsigned>(std::stoul(value));
    } else if (word == "--hold") {
      wish.hold_ms = std::stoi(value);
    } else if (word == "--fail") {
      read_fault(value, wish);
    } else {
      throw std::runtime_error("unknown option " + word);
    }
  }
  throw std::runtime_error("no program is given");
}

// Whatever still hangs below the tracer goes with it.
void kill_descendants() {
  for (int round = 0; round < 100; ++round) {
    const std::set<pid_t> children = children_of(::getpid());
    if (children.empty()) return;
    for (const pid_t child : children) ::kill(child, SIGKILL);
    while (::waitpid(-1, nullptr, __WALL | WNOHANG) > 0) continue;
    ::poll(nullptr, 0, 10);
  }
}

}  // namespace

int main(int argc, char** argv) {
  try {
    Wish wish;
    const int program = read_arguments(argc, argv, wish);
    ::prctl(PR_SET_CHILD_SUBREAPER, 1);
    sigset_t child;
    sigemptyset(&child);
    sigaddset(&child, SIGCHLD);
    ::sigprocmask(SIG_BLOCK, &child, nullptr);
    Tracer tracer(std::move(wish));
    tracer.start(argv + program);
    tracer.run();
    kill_descendants();
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "step_tracer: %s\n", error.what());
    kill_descendants();
    return 2;
  }
}
