#include "framework/master/upgrade/upgrade_trial.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <string_view>
#include <utility>

#include "framework/base/visible.hpp"
#include "ipc/posix/syscall.hpp"

extern char** environ;

namespace prefork::master {

namespace {

constexpr std::string_view kAnswer = "prefork-handover ";
constexpr std::string_view kYes = "yes ";
constexpr std::string_view kNo = "no ";
constexpr std::size_t kMaxWords = 64 * 1024;
constexpr std::size_t kMaxReason = 1024;
/// Written by the child if it could not execute the program, as the answer "errno N".
constexpr std::string_view kErrno = "errno ";

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> all;
  for (std::string& text : texts) all.push_back(text.data());
  all.push_back(nullptr);
  return all;
}

bool set_inherited(int fd, bool inherited) noexcept { return ::fcntl(fd, F_SETFD, inherited ? 0 : FD_CLOEXEC) != -1; }

bool enter(const std::string& folder) noexcept { return folder.empty() || ::chdir(folder.c_str()) == 0; }

/// The last line that is an answer, without kAnswer; else empty.
std::string_view answer_in(std::string_view words) {
  std::string_view answer;
  while (!words.empty()) {
    const std::string_view line = words.substr(0, words.find('\n'));
    if (line.starts_with(kAnswer)) answer = line.substr(kAnswer.size());
    words.remove_prefix(std::min(words.size(), line.size() + 1));
  }
  return answer;
}

/// Takes "NUMBER " off. @return -1: there is none
int take_number(std::string_view& text) {
  int number = -1;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || number < 0) return -1;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  if (!text.empty()) text.remove_prefix(1);
  return number;
}

int exit_code_of(int error) {
  if (error == ENOENT || error == ENOTDIR) return EX_NOINPUT;
  if (error == EACCES || error == EPERM) return EX_NOPERM;
  return error == ENOEXEC ? EX_CONFIG : EX_OSERR;
}

std::string how_it_ended(int wait_status) {
  if (!WIFSIGNALED(wait_status)) return "ends with exit code " + std::to_string(WEXITSTATUS(wait_status));
  const char* name = ::sigabbrev_np(WTERMSIG(wait_status));
  return "crashes: " + (name != nullptr ? std::string("SIG") + name : std::to_string(WTERMSIG(wait_status)));
}

[[noreturn]] void be_trial(const Program& program, int state, const std::vector<int>& handed, int output,
                           pid_t master) noexcept {
  ::setpgid(0, 0);
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != master) ::_exit(EX_OSERR);
  for (int signal = 1; signal < SIGRTMIN; ++signal) ::signal(signal, SIG_DFL);
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::dup2(output, STDOUT_FILENO);
  ::dup2(output, STDERR_FILENO);
  for (const int fd : handed) set_inherited(fd, true);
  set_inherited(state, true);
  std::vector<std::string> words{program.binary};
  words.insert(words.end(), program.arguments.begin(), program.arguments.end());
  words.push_back(kVerifyOption + std::to_string(state));
  if (enter(program.folder)) ::execv(program.binary.c_str(), pointers(words).data());
  const std::string answer = std::string(kAnswer) + std::string(kErrno) + std::to_string(errno) + "\n";
  static_cast<void>(!::write(STDOUT_FILENO, answer.data(), answer.size()));
  ::_exit(EX_OSERR);
}

}  // namespace

std::string upgrade_yes(const std::string& version) {
  return std::string(kAnswer) + std::string(kYes) + version + "\n";
}

std::string upgrade_no(int exit_code, const std::string& reason) {
  std::string line = reason.substr(0, kMaxReason);
  std::replace(line.begin(), line.end(), '\n', ' ');
  return std::string(kAnswer) + std::string(kNo) + std::to_string(exit_code) + " " + line + "\n";
}

TrialVerdict judge_trial(const std::string& binary, const std::string& words, int wait_status, bool late) {
  const auto refuse = [&](int code, const std::string& reason) { return TrialVerdict{false, code, reason}; };
  if (late) return refuse(EX_CONFIG, binary + " does not say in time whether it can take over: it was killed");
  if (words.size() > kMaxWords) return refuse(EX_CONFIG, binary + " is not a prefork-master: it says too much");
  std::string_view answer = answer_in(words);
  const bool well = WIFEXITED(wait_status) && WEXITSTATUS(wait_status) == 0;
  if (answer.starts_with(kYes) && well) {
    return {true, 0, base::escape_untrusted(answer.substr(kYes.size()), 64)};
  }
  if (answer.starts_with(kErrno)) {
    answer.remove_prefix(kErrno.size());
    const int error = take_number(answer);
    return refuse(exit_code_of(error), "exec " + binary + ": " + std::strerror(error));
  }
  if (answer.starts_with(kNo)) {
    answer.remove_prefix(kNo.size());
    const int code = take_number(answer);
    if (code > 0 && code < 256) return refuse(code, base::escape_untrusted(answer, kMaxReason));
  }
  const std::string first = base::escape_untrusted(std::string_view(words).substr(0, words.find('\n')), 256);
  return refuse(EX_CONFIG, binary + " is not a prefork-master that can take over: it " + how_it_ended(wait_status) +
                               (first.empty() ? "" : " and says: " + first));
}

UpgradeTrial::UpgradeTrial(Program program, int state, const std::vector<int>& handed, TimePoint deadline)
    : program_(std::move(program)), deadline_(deadline) {
  int ends[2];
  ipc::check_syscall(::pipe2(ends, O_CLOEXEC), "pipe2");
  output_.reset(ends[0]);
  const ipc::UniqueFd write_end(ends[1]);
  ipc::check_syscall(::fcntl(output_.get(), F_SETFL, O_NONBLOCK), "fcntl O_NONBLOCK");
  const pid_t master = ::getpid();
  pid_ = ipc::check_syscall(::fork(), "fork " + program_.binary);
  if (pid_ == 0) be_trial(program_, state, handed, write_end.get(), master);
  ::setpgid(pid_, pid_);
}

UpgradeTrial::~UpgradeTrial() { kill_group(); }

void UpgradeTrial::kill_group() noexcept {
  if (pid_ > 0) ::kill(-pid_, SIGKILL);
}

bool UpgradeTrial::hear() {
  std::array<char, 4096> chunk;
  for (;;) {
    const ssize_t n = ipc::retry_eintr([&] { return ::read(output_.get(), chunk.data(), chunk.size()); });
    if (n == -1 && errno == EAGAIN) return true;
    if (n <= 0) return false;
    words_.append(chunk.data(), static_cast<std::size_t>(n));
    if (words_.size() <= kMaxWords) continue;
    kill_group();
    return false;
  }
}

void UpgradeTrial::kill_late() noexcept {
  late_ = true;
  deadline_ = TimePoint::max();
  kill_group();
}

// A process that it started and left behind would hold the server's descriptors. The number of its group is free only
// when they are gone too, and nobody can have taken it since the child was reaped a moment ago.
TrialVerdict UpgradeTrial::ended(int wait_status) {
  hear();
  kill_group();
  pid_ = -1;
  return judge_trial(program_.binary, words_, wait_status, late_);
}

int execute_in_place(const Program& program, int state, const std::vector<int>& handed) noexcept {
  std::vector<std::string> words{program.binary};
  words.insert(words.end(), program.arguments.begin(), program.arguments.end());
  const std::string name = std::string(kTakeOverVariable) + "=";
  std::vector<std::string> environment{name + std::to_string(state) + ":" + std::to_string(::getpid())};
  for (char** variable = environ; *variable != nullptr; ++variable) {
    if (!std::string_view(*variable).starts_with(name)) environment.emplace_back(*variable);
  }
  const std::vector<char*> argv = pointers(words), envp = pointers(environment);
  for (const int fd : handed) set_inherited(fd, true);
  set_inherited(state, true);
  const ipc::UniqueFd here(::open(".", O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (enter(program.folder)) ::execve(program.binary.c_str(), argv.data(), envp.data());
  const int error = errno;
  for (const int fd : handed) set_inherited(fd, false);
  set_inherited(state, false);
  if (!program.folder.empty()) static_cast<void>(!::fchdir(here.get()));
  return error;
}

ipc::UniqueFd sealed_text(const std::string& text) {
  ipc::UniqueFd file(
      ipc::check_syscall(::memfd_create("prefork:handover", MFD_CLOEXEC | MFD_ALLOW_SEALING), "memfd_create"));
  ipc::write_all(file.get(), text, "the state to hand over");
  ipc::check_syscall(::fcntl(file.get(), F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL),
                     "fcntl F_ADD_SEALS");
  return file;
}

}  // namespace prefork::master
