// Kills workers of a busy pool at random while they use every kind of shared object heavily (hammer.cpp), and checks
// the counts: every accepted message is acknowledged at least once, none twice unless its delivery count says so, all
// in order except redelivered ones; permits are exact, counters never go back, nothing grows. Then kills masters.
//
//   ipc_kill MASTER PLUGINS [--kills N] [--workers N] [--master-kills N] [--seed N]
//
// MASTER: the program prefork-master; PLUGINS: the folder of hammer.so. Exit code 1: something was wrong.
#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <random>
#include <set>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "ipc/posix/syscall.hpp"
#include "ipc/posix/unique_fd.hpp"

namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;
using prefork::ipc::UniqueFd;
using Id = std::uint64_t;

constexpr int kClients = 3;
// Younger ones count as a pool that can't start, and are throttled (restart_policy.hpp).
constexpr auto kYoungestVictim = 230ms;

struct Arguments {
  std::string master, plugins;
  unsigned long kills = 10'000, workers = 16, master_kills = 20, seed = 1;
};

sockaddr_un address_of(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
  return address;
}

UniqueFd connect_to(const std::string& path) {
  UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const sockaddr_un address = address_of(path);
  timeval limit{3, 0};
  ::setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  ::setsockopt(fd.get(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
  if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == -1) return {};
  return fd;
}

std::optional<std::string> ask(int fd, const std::string& line) {
  if (::send(fd, line.data(), line.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(line.size())) return std::nullopt;
  std::string answer;
  char chunk[16384];
  while (answer.empty() || answer.back() != '\n') {
    const ssize_t n = ::recv(fd, chunk, sizeof chunk, 0);
    if (n <= 0) return std::nullopt;
    answer.append(chunk, static_cast<std::size_t>(n));
  }
  return answer;
}

/// The server under test, in a folder of its own.
class Server {
 public:
  explicit Server(const Arguments& arguments) {
    char name[] = "/tmp/prefork-kill-XXXXXX";
    folder_ = ::mkdtemp(name);
    std::filesystem::permissions(folder_, std::filesystem::perms(0755));  // workers are another user
    std::ofstream(folder_ + "/prefork.conf")
        << "[master]\ncontrol = " << folder_ << "/control.sock\nlog = " << folder_ << "/log\nlog-level = warning\n"
        << "plugin-path = " << arguments.plugins << "\n[pool main]\nworkers = " << arguments.workers
        << "\n[service hammer]\nplugin = hammer\nlisten = unix:" << folder_ << "/jobs.sock\ncollector = " << folder_
        << "/collector.sock\n";
    program_ = arguments.master;
  }
  ~Server() {
    stop();
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }

  std::string path(const char* name) const { return folder_ + "/" + name; }
  pid_t pid() const noexcept { return pid_; }

  void start(std::size_t workers) {
    pid_ = ::fork();
    if (pid_ == 0) {
      ::prctl(PR_SET_PDEATHSIG, SIGKILL);
      const int quiet = ::open(path("stderr").c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
      ::dup2(quiet, 2);
      ::execl(program_.c_str(), program_.c_str(), "-c", path("prefork.conf").c_str(), nullptr);
      ::_exit(127);
    }
    wait_until_ready(workers);
  }
  void stop() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGTERM);
    reap();
  }
  void reap() {
    ::waitpid(pid_, nullptr, 0);
    pid_ = -1;
  }
  std::optional<nlohmann::json> command(const std::string& words) const {
    const UniqueFd fd = connect_to(path("control.sock"));
    if (!fd.is_open()) return std::nullopt;
    const auto answer = ask(fd.get(), words + "\n");
    if (!answer) return std::nullopt;
    return nlohmann::json::parse(*answer, nullptr, false);
  }
  /// Once all workers serve: until then the master has fewer than it will.
  void wait_until_ready(std::size_t workers) const {
    const auto end = Clock::now() + 20s;
    while (Clock::now() < end) {
      const auto status = command("status");
      if (status && (*status)["pools"][0]["ready"] == workers) return;
      std::this_thread::sleep_for(10ms);
    }
    std::fprintf(stderr, "ipc_kill: the server does not get ready: %s\n", path("stderr").c_str());
    std::exit(1);
  }
  /// Workers, and the fork server.
  std::vector<pid_t> children() const {
    std::ifstream file("/proc/" + std::to_string(pid_) + "/task/" + std::to_string(pid_) + "/children");
    std::vector<pid_t> pids;
    for (pid_t pid = 0; file >> pid;) pids.push_back(pid);
    return pids;
  }
  std::size_t descriptors() const {
    std::error_code error;
    std::filesystem::directory_iterator folder("/proc/" + std::to_string(pid_) + "/fd", error);
    return static_cast<std::size_t>(std::distance(folder, {}));
  }
  std::size_t rss_kib() const {
    std::ifstream file("/proc/" + std::to_string(pid_) + "/status");
    std::string word;
    std::size_t kib = 0;
    while (file >> word) {
      if (word == "VmRSS:") file >> kib;
    }
    return kib;
  }

 private:
  std::string folder_, program_;
  pid_t pid_ = -1;
};

/// What clients were told and what workers saw.
class Ledger {
 public:
  void accepted(Id id) {
    const std::lock_guard lock(mutex_);
    accepted_.insert(id);
  }
  void report(const std::string& line) {
    std::istringstream words(line);
    std::string kind;
    words >> kind;
    const std::lock_guard lock(mutex_);
    if (kind == "J") {
      Seen now{};
      Id id = 0;
      words >> id >> now.deliveries >> now.sequence;
      delivered(id, now);
    } else if (kind == "T") {
      std::uint64_t value = 0;
      words >> value;
      if (value <= guarded_)
        wrong("the number behind the mutex was " + std::to_string(guarded_) + ", then " + std::to_string(value));
      guarded_ = value;
    } else {
      wrong(line);
    }
  }
  /// Accepted and never seen.
  std::size_t missing() const {
    const std::lock_guard lock(mutex_);
    std::size_t missing = 0;
    for (const Id id : accepted_) missing += seen_.count(id) == 0 ? 1 : 0;
    return missing;
  }
  void forget() {
    const std::lock_guard lock(mutex_);
    accepted_.clear();
    seen_.clear();
    places_.clear();
    guarded_ = 0;
  }
  void wrong(const std::string& what) {
    if (++wrongs_ <= 20) std::fprintf(stderr, "wrong: %s\n", what.c_str());
  }
  std::size_t wrongs() const noexcept { return wrongs_; }
  std::size_t accepted_count() const {
    const std::lock_guard lock(mutex_);
    return accepted_.size();
  }
  std::size_t redelivered() const noexcept { return redelivered_; }
  std::uint64_t guarded() const noexcept { return guarded_; }

 private:
  struct Seen {
    std::uint32_t deliveries;
    std::uint64_t sequence;
  };

  void delivered(Id id, Seen now) {
    const auto [at, fresh] = seen_.emplace(id, now);
    if (!fresh) {
      ++redelivered_;
      if (now.deliveries <= at->second.deliveries)
        wrong("message " + std::to_string(id) + " came twice, and its count does not say so");
      if (now.sequence != at->second.sequence) wrong("message " + std::to_string(id) + " changed its place");
      at->second = now;
      return;
    }
    // A client puts one message after the other: their places must be in that order.
    auto& places = places_[id >> 32];
    const auto next = places.emplace(id, now.sequence).first;
    if (next != places.begin() && std::prev(next)->second >= now.sequence)
      wrong("message " + std::to_string(id) + " is before its elder");
    if (std::next(next) != places.end() && std::next(next)->second <= now.sequence)
      wrong("message " + std::to_string(id) + " is behind its younger");
    if (places.size() > 4096) places.erase(places.begin());
  }

  mutable std::mutex mutex_;
  std::set<Id> accepted_;
  std::map<Id, Seen> seen_;
  std::map<Id, std::map<Id, std::uint64_t>> places_;
  std::uint64_t guarded_ = 0;
  std::atomic<std::size_t> wrongs_{0}, redelivered_{0};
};

/// Takes the workers' reports.
class Collector {
 public:
  Collector(const std::string& path, Ledger& ledger) : fd_(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
    const sockaddr_un address = address_of(path);
    prefork::ipc::check_syscall(::bind(fd_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address),
                                "bind " + path);
    std::filesystem::permissions(path, std::filesystem::perms::all);
    thread_ = std::thread([this, &ledger] {
      char line[512];
      for (;;) {
        const ssize_t n = ::recv(fd_.get(), line, sizeof line, 0);
        if (n <= 0) return;
        const std::string text(line, static_cast<std::size_t>(n));
        if (text != "mark") {
          ledger.report(text);
        } else {
          ++marks_;
          marks_.notify_all();
        }
      }
    });
  }
  /// Waits until all that was reported before is in the ledger.
  void settle() {
    const std::uint64_t wanted = marks_ + 1;
    sockaddr_un own{};
    socklen_t length = sizeof own;
    ::getsockname(fd_.get(), reinterpret_cast<sockaddr*>(&own), &length);
    const UniqueFd sender(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    ::sendto(sender.get(), "mark", 4, 0, reinterpret_cast<const sockaddr*>(&own), length);
    marks_.wait(wanted - 1);
  }
  ~Collector() {
    ::shutdown(fd_.get(), SHUT_RDWR);
    thread_.join();
  }

 private:
  UniqueFd fd_;
  std::atomic<std::uint64_t> marks_{0};
  std::thread thread_;
};

/// Puts messages one after the other, on a new connection whenever the worker behind the last one died.
class Client {
 public:
  Client(const Server& server, Ledger& ledger, Id number)
      : thread_([this, &server, &ledger, number] {
          UniqueFd fd;
          for (Id id = number << 32; !stop_; ++id) {
            if (!fd.is_open()) fd = connect_to(server.path("jobs.sock"));
            if (!fd.is_open()) {
              std::this_thread::sleep_for(5ms);
              continue;
            }
            if (ask(fd.get(), std::to_string(id) + "\n")) {
              ledger.accepted(id);
            } else {
              fd.reset();  // nobody knows whether it was put
            }
          }
        }) {}
  ~Client() {
    stop_ = true;
    thread_.join();
  }

 private:
  std::atomic<bool> stop_{false};
  std::thread thread_;
};

/// Kills and stops workers that have lived long enough.
class Killer {
 public:
  Killer(const Server& server, unsigned long seed) : server_(server), random_(seed) {}

  /// @return whether it killed one; of a worker and the fork server each as often as any
  bool kill_one() {
    const auto now = Clock::now();
    const std::vector<pid_t> workers = server_.children();
    std::erase_if(born_, [&](const auto& entry) {
      return std::find(workers.begin(), workers.end(), entry.first) == workers.end();
    });
    std::vector<pid_t> grown;
    for (const pid_t pid : workers) {
      const auto born = born_.emplace(pid, now).first->second;
      if (now - born >= kYoungestVictim) grown.push_back(pid);
    }
    if (grown.empty()) return false;
    const pid_t victim = grown[random_() % grown.size()];
    if (random_() % 20 == 0) {
      ::kill(victim, SIGSTOP);
      ++stops;
      std::this_thread::sleep_for(std::chrono::milliseconds(random_() % 60));
      if (random_() % 2 == 0) {
        ::kill(victim, SIGCONT);
        return false;
      }
    }
    std::this_thread::sleep_for(std::chrono::microseconds(random_() % 2000));
    ::kill(victim, SIGKILL);
    ++kills;
    return true;
  }

  unsigned long kills = 0, stops = 0;

 private:
  const Server& server_;
  std::minstd_rand random_;
  std::map<pid_t, Clock::time_point> born_;
};

nlohmann::json object(const nlohmann::json& answer, const std::string& name) {
  for (const auto& entry : answer.value("objects", nlohmann::json::array())) {
    if (entry.value("name", "") == name) return entry;
  }
  return {};
}

/// Waits until everything that was accepted has been seen and nothing is left.
void settle(const Server& server, Ledger& ledger) {
  const auto end = Clock::now() + 15s;
  nlohmann::json jobs;
  while (Clock::now() < end) {
    const auto answer = server.command("ipc");
    if (answer) jobs = object(*answer, "hammer.jobs");
    if (jobs.value("fill", 1) == 0 && ledger.missing() == 0) return;
    std::this_thread::sleep_for(20ms);
  }
  ledger.wrong(std::to_string(ledger.missing()) + " accepted messages were never seen; queue: " + jobs.dump());
}

void kill_workers(const Arguments& arguments, Server& server, Ledger& ledger) {
  server.start(arguments.workers);
  std::vector<std::unique_ptr<Client>> clients;
  for (int i = 1; i <= kClients; ++i) clients.push_back(std::make_unique<Client>(server, ledger, static_cast<Id>(i)));
  Killer killer(server, arguments.seed);
  std::size_t descriptors = 0, rss = 0;
  std::uint64_t hits = 0;
  const auto begin = Clock::now();
  auto progress = begin;
  while (killer.kills < arguments.kills) {
    if (!killer.kill_one()) std::this_thread::sleep_for(1ms);
    if (descriptors == 0 && killer.kills * 10 >= arguments.kills) {
      server.wait_until_ready(arguments.workers);
      descriptors = server.descriptors();
      rss = server.rss_kib();
    }
    if (Clock::now() - progress < 1s) continue;
    progress = Clock::now();
    const auto answer = server.command("ipc");
    const std::uint64_t now = answer ? object(*answer, "hammer.hits").value("fill", std::uint64_t{0}) : hits;
    if (now < hits) ledger.wrong("the master saw the counter go back");
    hits = now;
  }
  const double seconds = std::chrono::duration<double>(Clock::now() - begin).count();
  clients.clear();
  settle(server, ledger);
  const auto permits = object(server.command("ipc").value_or(nlohmann::json()), "hammer.gate").value("fill", 99);
  if (permits > 3) ledger.wrong(std::to_string(permits) + " permits of 3 are held");
  server.wait_until_ready(arguments.workers);
  const std::size_t descriptors_now = server.descriptors(), rss_now = server.rss_kib();
  if (descriptors_now > descriptors + 4)
    ledger.wrong("descriptors of the master grew from " + std::to_string(descriptors) + " to " +
                 std::to_string(descriptors_now));
  if (rss_now > rss + rss / 10 + 1024)
    ledger.wrong("memory of the master grew from " + std::to_string(rss) + " to " + std::to_string(rss_now) + " KiB");
  std::printf(
      "%lu workers killed in %.0f s, %lu stopped: %zu messages accepted, %zu delivered again, %llu turns behind the "
      "mutex, "
      "%llu counted; master: %zu -> %zu descriptors, %zu -> %zu KiB; %zu wrong\n",
      killer.kills, seconds, killer.stops, ledger.accepted_count(), ledger.redelivered(),
      static_cast<unsigned long long>(ledger.guarded()), static_cast<unsigned long long>(hits), descriptors,
      descriptors_now, rss, rss_now, ledger.wrongs());
  std::fflush(stdout);
  server.stop();
}

void kill_masters(const Arguments& arguments, Server& server, Collector& collector, Ledger& ledger) {
  std::minstd_rand random(static_cast<unsigned>(arguments.seed));
  double slowest_ms = 0;
  for (unsigned long round = 0; round < arguments.master_kills; ++round) {
    collector.settle();
    ledger.forget();
    server.start(arguments.workers);
    {
      Client client(server, ledger, 1);
      std::this_thread::sleep_for(std::chrono::milliseconds(50 + random() % 100));
      const std::vector<pid_t> workers = server.children();
      ::kill(server.pid(), SIGKILL);
      const auto begin = Clock::now();
      server.reap();
      const auto left = [&] {
        return std::count_if(workers.begin(), workers.end(), [](pid_t pid) {
          ::waitpid(pid, nullptr, WNOHANG);
          return ::kill(pid, 0) == 0;
        });
      };
      while (left() > 0 && Clock::now() - begin < 10s) std::this_thread::sleep_for(2ms);
      slowest_ms = std::max(slowest_ms, std::chrono::duration<double, std::milli>(Clock::now() - begin).count());
      if (left() > 0) ledger.wrong(std::to_string(left()) + " workers outlive their master");
    }
  }
  std::printf("%lu masters killed: the last worker was gone after at most %.0f ms; %zu wrong\n", arguments.master_kills,
              slowest_ms, ledger.wrongs());
}

Arguments read_arguments(int argc, char** argv) {
  if (argc < 3) {
    std::fprintf(stderr, "usage: ipc_kill MASTER PLUGINS [--kills N] [--workers N] [--master-kills N] [--seed N]\n");
    std::exit(64);
  }
  Arguments arguments;
  arguments.master = argv[1];
  arguments.plugins = std::filesystem::absolute(argv[2]).string();  // else it is looked for beside the configuration
  for (int i = 3; i + 1 < argc; i += 2) {
    const std::string name = argv[i];
    const unsigned long value = std::strtoul(argv[i + 1], nullptr, 10);
    if (name == "--kills") arguments.kills = value;
    if (name == "--workers") arguments.workers = value;
    if (name == "--master-kills") arguments.master_kills = value;
    if (name == "--seed") arguments.seed = value;
  }
  return arguments;
}

}  // namespace

int main(int argc, char** argv) {
  const Arguments arguments = read_arguments(argc, argv);
  ::prctl(PR_SET_CHILD_SUBREAPER, 1);  // the workers of a killed master are reaped here
  Ledger ledger;
  Server server(arguments);
  Collector collector(server.path("collector.sock"), ledger);
  if (arguments.kills > 0) kill_workers(arguments, server, ledger);
  kill_masters(arguments, server, collector, ledger);
  return ledger.wrongs() == 0 ? 0 : 1;
}
