#include "framework/master/generation/preparation.hpp"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <exception>
#include <span>
#include <string_view>
#include <utility>

#include "framework/config/config_error.hpp"
#include "framework/config/errand.hpp"
#include "framework/master/generation/generation_parcel.hpp"
#include "framework/master/loop/startup_error.hpp"
#include "ipc/posix/passed_descriptors.hpp"
#include "ipc/posix/syscall.hpp"

namespace prefork::master {

namespace {

// The first byte of a packet tells its kind.
constexpr char kErrand = 'e';   // an errand begins: its name
constexpr char kPart = 'p';     // of the generation, and descriptors
constexpr char kFailure = 'f';  // exit code, a blank, a sentence
constexpr char kEnd = '.';

constexpr std::size_t kPacketBytes = 32 * 1024;
constexpr std::size_t kMostText = 64U << 20;

void send(int socket, char kind, std::string_view text, std::span<const int> descriptors = {}) {
  ipc::PassedSpace space{};
  text = text.substr(0, kPacketBytes - 1);
  std::array<iovec, 2> parts{iovec{&kind, 1}, iovec{const_cast<char*>(text.data()), text.size()}};
  msghdr message{};
  message.msg_iov = parts.data();
  message.msg_iovlen = parts.size();
  ipc::pass_descriptors(message, space, descriptors);
  ipc::check_syscall(ipc::retry_eintr([&] { return ::sendmsg(socket, &message, MSG_NOSIGNAL); }), "sendmsg");
}

void send(int socket, const PackedGeneration& generation) {
  std::string_view text = generation.text;
  std::span<const int> descriptors = generation.descriptors;
  while (!text.empty() || !descriptors.empty()) {
    const auto part = text.substr(0, kPacketBytes - 1);
    const auto some = descriptors.first(std::min(descriptors.size(), ipc::kMostPassed));
    send(socket, kPart, part, some);
    text.remove_prefix(part.size());
    descriptors = descriptors.subspan(some.size());
  }
  send(socket, kEnd, {});
}

void send_failure(int socket, int exit_code, const std::string& sentence) {
  send(socket, kFailure, std::to_string(exit_code) + ' ' + sentence);
}

/// The descriptors that the child needs from the master: what the running generation listens on and is made of.
std::vector<int> needed(const Generation& running, int socket) {
  std::vector<int> keep{STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO, socket};
  for (const auto& plugin : running.plugins) keep.push_back(plugin->copy.get());
  for (const auto& listener : running.listeners->listeners()) {
    for (const auto& one : listener.sockets) keep.push_back(one->get());
  }
  std::sort(keep.begin(), keep.end());
  keep.erase(std::unique(keep.begin(), keep.end()), keep.end());
  return keep;
}

void become_preparation(const std::vector<int>& keep, pid_t master) {
  ipc::close_all_except(keep.data(), keep.size());
  ::prctl(PR_SET_NAME, "preparation");
  for (int signal = 1; signal < SIGRTMIN; ++signal) ::signal(signal, SIG_DFL);
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != master) ::_exit(EX_OSERR);
}

void send_result(int socket, const Generation& running, const Preparation::Work& work) {
  try {
    const Generation prepared = work();
    send(socket, pack_generation(prepared, running));
    ::_exit(0);  // what is bound belongs to the master now
  } catch (const config::ConfigError& error) {
    send_failure(socket, error.exit_code(), error.what());
  } catch (const std::exception& error) {
    send_failure(socket, EX_OSERR, error.what());
  }
}

[[noreturn]] void be_preparation(int socket, const Generation& running, const Preparation::Work& work,
                                 pid_t master) noexcept {
  try {
    become_preparation(needed(running, socket), master);
    config::on_errand([socket](const std::string& what) { send(socket, kErrand, what); });
    send_result(socket, running, work);
  } catch (...) {
  }
  ::_exit(EX_OSERR);
}

std::string how_it_ended(int wait_status) {
  if (!WIFSIGNALED(wait_status)) return "has ended with exit code " + std::to_string(WEXITSTATUS(wait_status));
  const char* const name = ::sigabbrev_np(WTERMSIG(wait_status));
  return "was killed by " + (name != nullptr ? std::string("SIG") + name : std::to_string(WTERMSIG(wait_status)));
}

}  // namespace

Preparation::Preparation(const Generation& running, const Work& work, std::chrono::milliseconds patience)
    : patience_(patience), deadline_(Clock::now() + patience) {
  int ends[2];
  ipc::check_syscall(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), "socketpair");
  socket_.reset(ends[0]);
  const ipc::UniqueFd theirs(ends[1]);
  const pid_t master = ::getpid();
  child_ = ipc::check_syscall(::fork(), "fork of the preparation");
  if (child_ == 0) be_preparation(theirs.get(), running, work, master);
}

Preparation::~Preparation() {
  if (!is_over()) ::kill(child_, SIGKILL);
}

bool Preparation::hear() {
  std::array<char, kPacketBytes> packet;
  ipc::PassedSpace space;
  for (;;) {
    iovec part{packet.data(), packet.size()};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = space.bytes;
    message.msg_controllen = sizeof space.bytes;
    const ssize_t got =
        ipc::retry_eintr([&] { return ::recvmsg(socket_.get(), &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC); });
    if (got == -1 && errno == EAGAIN) return true;
    if (got <= 0) return false;
    ipc::take_descriptors(message, descriptors_);
    short_of_descriptors_ = short_of_descriptors_ || (message.msg_flags & MSG_CTRUNC) != 0;
    heard({packet.data(), static_cast<std::size_t>(got)});
  }
}

void Preparation::heard(std::string_view packet) {
  const std::string_view text = packet.substr(1);
  if (packet.front() == kErrand) {
    errand_ = text;
    deadline_ = Clock::now() + patience_;
  } else if (packet.front() == kPart) {
    if (text_.size() + text.size() <= kMostText) {
      text_ += text;
    } else {
      failure_code_ = EX_CONFIG;
      failure_ = "the configuration is too large";
    }
  } else if (packet.front() == kFailure) {
    const auto blank = text.find(' ');
    std::from_chars(text.data(), text.data() + blank, failure_code_);
    failure_ = text.substr(blank + 1);
  } else if (packet.front() == kEnd) {
    complete_ = true;
  }
}

std::string Preparation::late_sentence() const { return config::late_errand(errand_); }

Generation Preparation::take(const Generation& running) {
  hear();
  if (failure_) throw StartupError(failure_code_, *failure_);
  if (!complete_) {
    throw StartupError(EX_OSERR, "the process that prepares it " + how_it_ended(*wait_status_) +
                                     (errand_.empty() ? "" : ", " + errand_));
  }
  if (short_of_descriptors_) throw StartupError(EX_OSERR, "the master has too few descriptors left");
  return unpack_generation(text_, std::move(descriptors_), running);
}

}  // namespace prefork::master
