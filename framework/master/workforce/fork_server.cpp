#include "framework/master/workforce/fork_server.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/prctl.h>
#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <system_error>
#include <utility>

#include "framework/master/loop/startup_error.hpp"
#include "framework/master/workforce/fork_wire.hpp"
#include "ipc/contract/contract.hpp"
#include "ipc/posix/syscall.hpp"

extern char** environ;

namespace prefork::master {

namespace {

constexpr std::chrono::seconds kPatience{1};
constexpr std::chrono::seconds kStartPatience{5};
constexpr std::chrono::milliseconds kEndPatience{500};
constexpr const char* kOwnProgram = "/proc/self/exe";

/// What the server sends first.
struct Greeting {
  unsigned threads = 1;
  std::string build;
};
std::string encode(const Greeting& greeting) { return std::to_string(greeting.threads) + ' ' + greeting.build; }
Greeting decode_greeting(const std::string& packet) {
  const auto space = packet.find(' ');
  if (space == std::string::npos) return {};
  return {static_cast<unsigned>(std::strtoul(packet.c_str(), nullptr, 10)), packet.substr(space + 1)};
}

/// What it answers to each order.
struct Answer {
  pid_t pid = -1;
  int error = 0;
};

// Variables that only make the configuration: they are for the master, not for a service.
bool is_configuration(const char* variable) { return std::strncmp(variable, "PREFORK_", 8) == 0; }

// Allocates nothing: another thread may have held the allocator's lock.
[[noreturn]] void become_server(int socket, char* const* arguments, char* const* environment) {
  const std::array<int, 4> keep{0, 1, 2, socket};
  ipc::close_all_except(keep.data(), keep.size());
  ::fcntl(socket, F_SETFD, 0);
  for (int signal = 1; signal < SIGRTMIN; ++signal) ::signal(signal, SIG_DFL);
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::execve(kOwnProgram, arguments, environment);
  ::_exit(127);
}

// Like fork(3), but the child's parent is the caller's parent. As with fork, the C library learns its thread's id if
// the kernel says at which address it wants it.
pid_t fork_sibling() noexcept {
  int* thread_id = nullptr;
  ::prctl(PR_GET_TID_ADDRESS, &thread_id);
  unsigned long flags = CLONE_PARENT | SIGCHLD;
  if (thread_id != nullptr) flags |= CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID;
#if defined(__s390__)
#error "the order of clone's arguments"
#elif defined(__x86_64__)
  return static_cast<pid_t>(::syscall(SYS_clone, flags, nullptr, nullptr, thread_id, nullptr));
#else
  return static_cast<pid_t>(::syscall(SYS_clone, flags, nullptr, nullptr, nullptr, thread_id));
#endif
}

[[noreturn]] void carry_out_in_child(const CarryOut& carry_out, std::string_view text,
                                     std::vector<int> descriptors) noexcept {
  try {
    carry_out(text, descriptors);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "prefork-master: an order to the fork server: %s\n", error.what());
  } catch (...) {
  }
  ::_exit(ipc::kExitInternal);
}

// Also wipes it from memory, which /proc/PID/environ shows.
void forget(const std::string& variable) {
  while (char* const value = ::getenv(variable.c_str())) {
    ::explicit_bzero(value, std::strlen(value));
    if (::unsetenv(variable.c_str()) == -1) return;
  }
}

Answer answer(ReceivedOrder& order, int socket, const CarryOut& carry_out) {
  if (order.withheld) {
    forget(std::string(order.text.view()));
    return {};
  }
  if (order.error != 0) return {-1, order.error};
  if (count_threads() > 1) return {-1, EDEADLK};
  const pid_t pid = fork_sibling();
  if (pid == -1) return {-1, errno};
  if (pid > 0) return {pid, 0};
  ::close(socket);
  std::vector<int> descriptors;
  for (ipc::UniqueFd& fd : order.descriptors) descriptors.push_back(fd.release());
  carry_out_in_child(carry_out, order.text.view(), std::move(descriptors));
}

}  // namespace

unsigned count_threads() noexcept {
  struct stat tasks {};
  if (::stat("/proc/self/task", &tasks) == -1 || tasks.st_nlink <= 2) return 1;
#if defined(__SANITIZE_THREAD__)
  return static_cast<unsigned>(std::max<nlink_t>(tasks.st_nlink - 3, 1));  // the sanitizer has a thread of its own
#else
  return static_cast<unsigned>(tasks.st_nlink - 2);
#endif
}

std::string threads_sentence(unsigned threads) {
  return "the master would have " + std::to_string(threads) +
         " threads, of which a fork copies one: what is preloaded (LD_PRELOAD: an allocator with background threads, "
         "an "
         "agent) must not start any";
}

void serve_forks(ipc::UniqueFd socket, const std::string& build, const CarryOut& carry_out) noexcept {
  ::prctl(PR_SET_NAME, "fork-server");
  // Signals from a terminal or a service manager are for the master, and this process ends with it. Signals sent to a
  // child wait until the child takes them over.
  sigset_t all;
  sigfillset(&all);
  ::sigprocmask(SIG_SETMASK, &all, nullptr);
  try {
    ipc::check_syscall(::fcntl(socket.get(), F_SETFD, FD_CLOEXEC), "fcntl fork server");
    const std::string greeting = encode({count_threads(), build});
    // The master would wait for a server that stayed without a greeting.
    if (::send(socket.get(), greeting.data(), greeting.size(), MSG_NOSIGNAL) == -1) ::_exit(ipc::kExitInternal);
    while (auto order = receive_order(socket.get())) {
      const Answer said = answer(*order, socket.get(), carry_out);
      if (::send(socket.get(), &said, sizeof said, MSG_NOSIGNAL) == -1) break;
    }
  } catch (const std::exception& error) {
    std::fprintf(stderr, "prefork-master: fork server: %s\n", error.what());
    ::_exit(ipc::kExitInternal);
  }
  ::_exit(0);
}

void ForkServer::begin() {
  if (owner_ != ::getpid()) {  // this is a copy of the process that started it: the children would be that process's
    socket_.reset();
    pid_ = -1;
    owner_ = ::getpid();
    forlorn_ = false;
  }
  if (!forlorn_ && !socket_.is_open()) start();
}

pid_t ForkServer::fork(const ForkOrder& order) {
  // If somebody kills it once, a copy of the master must not be the answer.
  for (int tries = 2; tries > 0; --tries) {
    begin();
    if (!socket_.is_open()) continue;
    if (const auto pid = ask(order)) return *pid;
  }
  if (!forlorn_) trouble("no fork server lives long enough: the new process is a copy of the master");
  return fork_here(order);
}

void ForkServer::begin_anew() noexcept {
  static_cast<void>(socket_.release());  // the number may belong to another file
  pid_ = -1;
  owner_ = ::getpid();
  forlorn_ = false;
  tell_ = [](const std::string&) {};
}

void ForkServer::start() {
  int ends[2];
  ipc::check_syscall(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), "socketpair");
  socket_.reset(ends[0]);
  ipc::UniqueFd theirs(ends[1]);
  std::string option = kForkServerOption + std::to_string(theirs.get());
  std::string name = "prefork-master";
  // Room for the titles of its children in ps(1).
  std::string room(128, ' ');
  std::array<char*, 4> arguments{name.data(), option.data(), room.data(), nullptr};
  std::vector<char*> environment;
  for (char** variable = environ; *variable != nullptr; ++variable) {
    const std::string_view text = *variable;
    const bool is_withheld = withheld_.contains(std::string(text.substr(0, text.find('='))));
    if (!is_configuration(*variable) && !is_withheld) environment.push_back(*variable);
  }
  environment.push_back(nullptr);
  pid_ = ::fork();
  if (pid_ == 0) become_server(theirs.get(), arguments.data(), environment.data());
  if (pid_ == -1) {
    socket_.reset();
    ipc::throw_errno("fork of the fork server");
  }
  theirs.reset();
  greet();
}

void ForkServer::greet() {
  ipc::Patience patience(kStartPatience);
  std::optional<std::string> packet;
  try {
    packet = receive_packet(socket_.get(), patience);
  } catch (const std::system_error&) {  // it hangs
  }
  if (!packet) {
    stop();
    return trouble("the fork server did not start");
  }
  const Greeting greeting = decode_greeting(*packet);
  if (greeting.threads == 1 && greeting.build == build_) return;
  stop();
  forlorn_ = true;
  const bool has_threads = greeting.threads > 1;
  if (has_threads && !tell_) throw StartupError(EX_CONFIG, threads_sentence(greeting.threads));
  const std::string why = has_threads ? threads_sentence(greeting.threads) : "the files of this build no longer exist";
  trouble("no fork server: " + why + "; workers are copies of the master until it is upgraded or restarted");
}

void ForkServer::withhold(const std::vector<std::string>& variables) {
  for (const std::string& variable : variables) {
    const bool is_known = !withheld_.insert(variable).second || ::getenv(variable.c_str()) == nullptr;
    if (is_known || !socket_.is_open() || owner_ != ::getpid()) continue;
    ipc::Patience patience(kPatience);
    try {
      send_withheld(socket_.get(), variable, patience);
      if (receive_packet(socket_.get(), patience)) continue;
    } catch (const std::system_error&) {
    }
    stop();  // the next order starts a server that has never had it
  }
}

std::optional<pid_t> ForkServer::ask(const ForkOrder& order) {
  ipc::Patience patience(kPatience);
  try {
    send_order(socket_.get(), order.text, order.descriptors, patience);
  } catch (const std::system_error& error) {  // incomplete: it made no child
    trouble(std::string("the fork server does not take an order: ") + error.what());
    stop();
    return std::nullopt;
  }
  std::optional<std::string> packet;
  try {
    packet = receive_packet(socket_.get(), patience);
  } catch (const std::system_error&) {
  }
  Answer said;
  if (!packet || packet->size() != sizeof said) {
    stop();
    ipc::throw_errno(EPIPE, "the fork server gives no answer");
  }
  std::memcpy(&said, packet->data(), sizeof said);
  if (said.error == 0) return said.pid;
  if (said.error == EAGAIN || said.error == ENOMEM) ipc::throw_errno(said.error, "fork");
  const bool has_threads = said.error == EDEADLK;
  if (has_threads && !tell_) throw StartupError(EX_CONFIG, threads_sentence(2));
  trouble(has_threads ? "the fork server has threads: workers are copies of the master from now on"
                      : std::string("the fork server can't carry out an order: ") + std::strerror(said.error));
  stop();
  forlorn_ = forlorn_ || has_threads;
  return std::nullopt;
}

// This class exists to keep a copy of the master's memory out of children: only if there is no other way.
pid_t ForkServer::fork_here(const ForkOrder& order) {
  const pid_t pid = ::fork();
  if (pid == -1) ipc::throw_errno("fork");
  if (pid == 0) carry_out_in_child(carry_out_, order.text, order.descriptors);
  return pid;
}

void ForkServer::trouble(const std::string& sentence) {
  if (std::exchange(told_, sentence) == sentence) return;
  if (tell_) return tell_(sentence);
  std::fprintf(stderr, "prefork-master: %s\n", sentence.c_str());
}

bool ForkServer::buried(pid_t pid) {
  if (pid != pid_ || pid <= 0) return false;
  pid_ = -1;
  if (socket_.is_open()) trouble("the fork server (pid " + std::to_string(pid) + ") has ended: another one is started");
  socket_.reset();
  return true;
}

void ForkServer::stop() noexcept {
  socket_.reset();
  if (pid_ <= 0 || owner_ != ::getpid()) return;
  ipc::Patience patience(kEndPatience);
  while (::waitpid(pid_, nullptr, WNOHANG) == 0) {
    if (patience.is_over()) {
      ::kill(pid_, SIGKILL);
      ::waitpid(pid_, nullptr, 0);
      break;
    }
    const timespec moment{0, 1'000'000};
    ::nanosleep(&moment, nullptr);
  }
  pid_ = -1;
}

}  // namespace prefork::master
