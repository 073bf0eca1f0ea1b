#include "tests/system/support/process.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <grp.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <system_error>

namespace prefork::system_test {

namespace {

[[noreturn]] void fail(const std::string& call) { throw std::system_error(errno, std::generic_category(), call); }

std::vector<pid_t> numbers_in(const std::string& folder) {
  std::vector<pid_t> numbers;
  DIR* const dir = ::opendir(folder.c_str());
  if (dir == nullptr) return numbers;
  while (const dirent* entry = ::readdir(dir)) {
    if (entry->d_name[0] >= '0' && entry->d_name[0] <= '9') numbers.push_back(std::atoi(entry->d_name));
  }
  ::closedir(dir);
  std::sort(numbers.begin(), numbers.end());
  return numbers;
}

// The fields of /proc/PID/stat from the third (state) on; the second may hold anything.
std::vector<std::string> stat_of(pid_t pid) {
  const std::string text = read_file("/proc/" + std::to_string(pid) + "/stat");
  const auto end = text.rfind(')');
  std::vector<std::string> fields;
  if (end == std::string::npos) return fields;
  std::istringstream rest(text.substr(end + 1));
  for (std::string field; rest >> field;) fields.push_back(field);
  return fields;
}

[[noreturn]] void become(const Command& command, const std::string& out_path, const std::string& err_path) {
  ::setpgid(0, 0);
  for (const auto& [path, fd] : {std::pair{out_path, 1}, std::pair{err_path, 2}}) {
    const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    if (file == -1 || ::dup2(file, fd) == -1) ::_exit(127);
  }
  if (const int null = ::open("/dev/null", O_RDONLY | O_CLOEXEC); null != -1) ::dup2(null, 0);
  const rlimit no_core{0, 0};  // tests crash on purpose
  ::setrlimit(RLIMIT_CORE, &no_core);
  if (command.descriptors) {
    const rlimit limit{*command.descriptors, *command.descriptors};
    ::setrlimit(RLIMIT_NOFILE, &limit);
  }
  if (command.user) {
    if (::setgroups(0, nullptr) == -1 || ::setgid(*command.user) == -1 || ::setuid(*command.user) == -1) ::_exit(126);
  }
  for (const auto& variable : command.environment) ::putenv(const_cast<char*>(variable.c_str()));
  std::vector<char*> argv;
  for (const auto& word : command.argv) argv.push_back(const_cast<char*>(word.c_str()));
  argv.push_back(nullptr);
  ::execvp(argv[0], argv.data());
  ::_exit(127);
}

}  // namespace

TempDir::TempDir() {
  std::string path = "/tmp/prefork-test-XXXXXX";
  if (::mkdtemp(path.data()) == nullptr) fail("mkdtemp " + path);
  ::chmod(path.c_str(), 0777);  // tests run masters as other users
  path_ = path;
}

TempDir::~TempDir() {
  const auto remove = [](const char* path, const struct stat*, int, FTW*) { return ::remove(path); };
  ::nftw(path_.c_str(), remove, 16, FTW_DEPTH | FTW_PHYS);
}

std::string read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

void write_file(const std::string& path, const std::string& text) {
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  if (!(file << text << std::flush)) throw std::runtime_error("can't write " + path);
}

bool exists(const std::string& path) {
  struct stat status {};
  return ::lstat(path.c_str(), &status) == 0;
}

std::size_t count(const std::string& text, const std::string& part) {
  std::size_t found = 0;
  for (auto at = text.find(part); at != std::string::npos; at = text.find(part, at + part.size())) ++found;
  return found;
}

Process::Process(const Command& command, const std::string& out_path, const std::string& err_path) {
  ::prctl(PR_SET_CHILD_SUBREAPER, 1);  // orphans of the child come here, to be counted and reaped
  pid_ = ::fork();
  if (pid_ == -1) fail("fork");
  if (pid_ == 0) become(command, out_path, err_path);
  ::setpgid(pid_, pid_);
}

Process::~Process() {
  for (int round = 0; round < 100; ++round) {
    const auto left = group();
    if (left.empty()) return;
    for (const pid_t pid : left) ::kill(pid, SIGKILL);
    group_gone(50ms);
  }
}

void Process::signal(int number) const {
  if (!status_ && ::kill(pid_, number) == -1) fail("kill " + std::to_string(pid_));
}

std::optional<int> Process::wait(milliseconds patience) {
  if (status_) return status_;
  int status = 0;
  if (eventually([&] { return ::waitpid(pid_, &status, WNOHANG) == pid_; }, patience)) status_ = status;
  return status_;
}

std::vector<pid_t> Process::group() const {
  std::vector<pid_t> members;
  const std::string wanted = std::to_string(pid_);
  for (const pid_t pid : numbers_in("/proc")) {
    const auto fields = stat_of(pid);
    if (fields.size() > 2 && fields[2] == wanted) members.push_back(pid);
  }
  return members;
}

bool Process::group_gone(milliseconds patience) {
  return eventually(
      [&] {
        int status = 0;
        for (pid_t pid; (pid = ::waitpid(-pid_, &status, WNOHANG)) > 0;) {
          if (pid == pid_) status_ = status;
        }
        return group().empty();
      },
      patience);
}

Outcome run(const Command& command, milliseconds patience) {
  const TempDir dir;
  Process process(command, dir / "out", dir / "err");
  const auto status = process.wait(patience);
  int code = -1000;
  if (status) code = WIFEXITED(*status) ? WEXITSTATUS(*status) : -WTERMSIG(*status);
  return {code, read_file(dir / "out"), read_file(dir / "err")};
}

bool have(const std::string& program) {
  std::istringstream path(std::getenv("PATH") != nullptr ? std::getenv("PATH") : "/usr/bin:/bin");
  for (std::string folder; std::getline(path, folder, ':');) {
    if (::access((folder + "/" + program).c_str(), X_OK) == 0) return true;
  }
  std::printf("skipped: there is no %s here\n", program.c_str());
  return false;
}

std::string proc_status(pid_t pid, const std::string& name) {
  std::istringstream lines(read_file("/proc/" + std::to_string(pid) + "/status"));
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with(name + ":")) continue;
    const auto from = line.find_first_not_of(" \t", name.size() + 1);
    return from == std::string::npos ? "" : line.substr(from, line.find_last_not_of(" \t") + 1 - from);
  }
  return {};
}

milliseconds cpu_time(pid_t pid) {
  const auto fields = stat_of(pid);
  if (fields.size() < 13) return 0ms;
  return milliseconds((std::stol(fields[11]) + std::stol(fields[12])) * 1000 / ::sysconf(_SC_CLK_TCK));
}

bool alive(pid_t pid) {
  const auto fields = stat_of(pid);
  return !fields.empty() && fields[0] != "Z" && fields[0] != "X";
}

// The fork server belongs to the master, like a library: callers want workers, inspectors and writers.
std::vector<pid_t> children_of(pid_t parent) {
  std::vector<pid_t> children;
  for (const pid_t pid : numbers_in("/proc")) {
    const auto fields = stat_of(pid);
    if (fields.size() < 2 || fields[1] != std::to_string(parent)) continue;
    if (read_file("/proc/" + std::to_string(pid) + "/comm") != "fork-server\n") children.push_back(pid);
  }
  return children;
}

std::vector<std::pair<int, std::string>> descriptors_of(pid_t pid) {
  std::vector<std::pair<int, std::string>> all;
  const std::string folder = "/proc/" + std::to_string(pid) + "/fd/";
  for (const int fd : numbers_in(folder)) {
    char target[4096];
    const ssize_t n = ::readlink((folder + std::to_string(fd)).c_str(), target, sizeof target);
    if (n > 0) all.emplace_back(fd, std::string(target, static_cast<std::size_t>(n)));
  }
  return all;
}

}  // namespace prefork::system_test
