#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <prefork/queue.hpp>
#include <prefork/service.hpp>
#include <prefork/table.hpp>
#include <random>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

// A service whose worker somebody else has taken over: it does whatever a process with its rights and its descriptors
// can do to the master, to the other pools and to its siblings.
namespace {

using namespace std::chrono_literals;

constexpr int kMostDescriptors = 1024;

struct Mapping {
  char* first = nullptr;
  std::size_t length = 0;
  bool shared_writable = false;
  bool readable = false;
};

std::vector<Mapping> mappings() {
  std::vector<Mapping> all;
  std::ifstream maps("/proc/self/maps");
  for (std::string line; std::getline(maps, line);) {
    std::uintptr_t first = 0, last = 0;
    std::array<char, 5> rights{};
    if (std::sscanf(line.c_str(), "%zx-%zx %4s", &first, &last, rights.data()) != 3) continue;
    if (line.ends_with("[vvar]") || line.ends_with("[vsyscall]")) continue;
    all.push_back(
        {reinterpret_cast<char*>(first), last - first, rights[1] == 'w' && rights[3] == 's', rights[0] == 'r'});
  }
  return all;
}

template <class Do>
void each_descriptor(Do what) {
  for (int fd = 0; fd < kMostDescriptors; ++fd) {
    if (::fcntl(fd, F_GETFD) != -1) what(fd);
  }
}

// Its own memory, its siblings' seats, all objects that its services share.
void scribble(std::minstd_rand& random) {
  for (const Mapping& mapping : mappings()) {
    if (!mapping.shared_writable) continue;
    const auto value = static_cast<char>(random() % 3 == 0 ? 0xFF : random());
    if (random() % 2 == 0) std::memset(mapping.first, value, mapping.length);
    for (int i = 0; i < 64; ++i) mapping.first[random() % mapping.length] = static_cast<char>(random());
  }
}

// Flags belong to the open file, which others have too.
void change_flags() {
  each_descriptor([](int fd) {
    const int flags = ::fcntl(fd, F_GETFL);
    ::fcntl(fd, F_SETFL, flags & ~(O_NONBLOCK | O_APPEND));
    [[maybe_unused]] const int result = ::ftruncate(fd, 0);
  });
}

// Bells, orders, words, what it prints: whatever takes bytes, until it takes no more.
void fill(std::minstd_rand& random) {
  std::array<char, 512> bytes;
  for (char& byte : bytes) byte = static_cast<char>(random());
  each_descriptor([&](int fd) {
    struct stat file {};
    ::fstat(fd, &file);
    if (S_ISSOCK(file.st_mode)) {
      for (int i = 0; i < 100'000 && ::send(fd, bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL) > 0; ++i) {
      }
    } else if (S_ISFIFO(file.st_mode)) {
      ::fcntl(fd, F_SETFL, ::fcntl(fd, F_GETFL) | O_NONBLOCK);
      for (int i = 0; i < 2'000 && ::write(fd, bytes.data(), bytes.size()) > 0; ++i) {
      }
      ::fcntl(fd, F_SETFL, ::fcntl(fd, F_GETFL) & ~O_NONBLOCK);
    }
  });
}

void print_lines() {
  for (int i = 0; i < 2'000; ++i) std::fprintf(stderr, "<0>line %d \x1b[2J of a flood\r\n", i);
}

// Each holds all of its descriptors for a while.
void fork_some() {
  for (int i = 0; i < 8; ++i) {
    if (::fork() != 0) continue;
    ::setsid();
    ::usleep(300'000);
    ::_exit(0);
  }
  while (::waitpid(-1, nullptr, WNOHANG) > 0) {
  }
}

void signal_others() {
  for (const int number : {SIGTERM, SIGKILL, SIGSTOP, SIGUSR2, SIGHUP}) ::kill(::getppid(), number);
}

void rage(std::chrono::milliseconds duration, unsigned seed) {
  ::signal(SIGPIPE, SIG_IGN);
  std::minstd_rand random(seed);
  const auto end = std::chrono::steady_clock::now() + duration;
  while (std::chrono::steady_clock::now() < end) {
    switch (random() % 6) {
      case 0:
        scribble(random);
        break;
      case 1:
        change_flags();
        break;
      case 2:
        fill(random);
        break;
      case 3:
        print_lines();
        break;
      case 4:
        fork_some();
        break;
      default:
        signal_others();
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(random() % 5));
  }
}

// The search text is passed with its bits inverted, so that it is not found where it was received.
std::string search(const std::string& turned) {
  const auto is_turned = [](char a, char b) { return static_cast<char>(~a) == b; };
  std::vector<char> copy(std::size_t{1} << 20);
  for (const Mapping& mapping : mappings()) {
    for (std::size_t at = 0; mapping.readable && at < mapping.length; at += copy.size() - turned.size()) {
      // Memory that can't be read, such as beyond the end of a file, is skipped.
      const iovec here{copy.data(), copy.size()}, there{mapping.first + at, std::min(copy.size(), mapping.length - at)};
      const ssize_t n = ::process_vm_readv(::getpid(), &here, 1, &there, 1, 0);
      const auto end = copy.begin() + std::max<ssize_t>(n, 0);
      if (std::search(copy.begin(), end, turned.begin(), turned.end(), is_turned) != end) return "found";
    }
  }
  return "not found";
}

class Hostile final : public prefork::Service {
 public:
  static void describe(prefork::Manifest& manifest) {
    manifest.text("own", "", "A text that only this pool knows.");
    manifest.queue("jobs", {.capacity = 64, .message_bytes = 64}, "Work.");
    manifest.table("rows", {.rows = 16, .key_bytes = 16, .columns = {{"count"}}}, "Rows.");
    manifest.counter("hits", "Hits.");
  }

 private:
  prefork::Task<void> on_connection(prefork::Connection& peer) override {
    while (auto line = co_await peer.read_line()) {
      std::istringstream words{std::string(*line)};
      std::string word, answer = "what?";
      words >> word;
      if (word == "rage") {
        unsigned ms = 0, seed = 0;
        words >> ms >> seed;
        // A thread of its own: the event loop goes on as if nothing were.
        std::thread([=] { rage(std::chrono::milliseconds(ms), seed); }).detach();
        answer = "so be it";
      }
      if (word == "search") {
        std::string turned;
        for (unsigned byte = 0; words >> std::hex >> byte;) turned += static_cast<char>(byte);
        answer = search(turned);
      }
      answer += "\n";
      if (!co_await peer.write(answer)) co_return;
    }
  }
};

}  // namespace

PREFORK_SERVICE(Hostile)
