#include "framework/worker/last_words.hpp"

#include <dlfcn.h>
#include <execinfo.h>
#include <link.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <span>

#include "ipc/posix/syscall.hpp"

namespace prefork::worker {

namespace {

constexpr std::array<int, 5> kFaults{SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGILL};
constexpr int kFrames = 40;
constexpr int kOwnFrames = 2;  // the handler, and the kernel's return frame
constexpr std::size_t kStackBytes = std::size_t{128} * 1024;

struct Library {
  const void* start = nullptr;
  std::array<char, 48> name{};
  std::size_t length = 0;
};

// A signal handler can use only statics.
int status_fd = -1;
volatile sig_atomic_t speaking = 0;
std::array<Library, 16> libraries;
std::size_t library_count = 0;
alignas(16) std::array<char, kStackBytes> own_stack;  // an overflowed stack can't run the handler

std::string_view last_part(std::string_view path) noexcept { return path.substr(path.rfind('/') + 1); }

std::string_view name_of(const dl_find_object& found) noexcept {
  for (std::size_t i = 0; i < library_count; ++i) {
    if (libraries[i].start == found.dlfo_map_start) return {libraries[i].name.data(), libraries[i].length};
  }
  const char* name = found.dlfo_link_map->l_name;
  return name != nullptr && *name != '\0' ? last_part(name) : "prefork-master";
}

void append_cause(BoundedLine& line, int signal, const siginfo_t* info) noexcept {
  const char* const name = ::sigabbrev_np(signal);
  line.text("last words: SIG").text(name != nullptr ? name : "?");
  if (info == nullptr) return;
  if (info->si_code <= 0) {
    line.text(" from pid ").decimal(static_cast<std::uint64_t>(info->si_pid));
  } else {
    line.text(" at address ").hex(reinterpret_cast<std::uintptr_t>(info->si_addr));
  }
}

void say(std::string_view words) noexcept {
  std::array<std::byte, ipc::kMaxStatusBytes> packet;
  const std::size_t length = ipc::encode({ipc::StatusKind::log, 4, words}, packet);
  if (::write(status_fd, packet.data(), length) > 0) return;
  if (::write(STDERR_FILENO, words.data(), words.size()) > 0 && ::write(STDERR_FILENO, "\n", 1) > 0) return;
}

// The signal's action is already the default (SA_RESETHAND). The signal raised here waits until the handler has
// returned to the place of the fault, so that a core shows that place.
[[gnu::noinline]] void on_fault(int signal, siginfo_t* info, void*) {
  const int before = errno;
  if (speaking == 0) {
    speaking = 1;
    std::array<void*, kOwnFrames + kFrames> frames;
    const int count = ::backtrace(frames.data(), static_cast<int>(frames.size()));
    BoundedLine line;
    append_cause(line, signal, info);
    line.text("; backtrace:");
    for (int i = kOwnFrames; i < count; ++i) append_place(line.text(" "), frames[static_cast<std::size_t>(i)]);
    say(line.view());
  }
  ::raise(signal);
  errno = before;
}

}  // namespace

BoundedLine& BoundedLine::text(std::string_view words) noexcept {
  const std::size_t count = std::min(words.size(), bytes_.size() - length_);
  if (count > 0) std::memcpy(bytes_.data() + length_, words.data(), count);
  length_ += count;
  return *this;
}

BoundedLine& BoundedLine::decimal(std::uint64_t number) noexcept {
  std::array<char, 20> digits;
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr;
  return text({digits.data(), static_cast<std::size_t>(end - digits.data())});
}

BoundedLine& BoundedLine::hex(std::uint64_t number) noexcept {
  std::array<char, 16> digits;
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number, 16).ptr;
  return text("0x").text({digits.data(), static_cast<std::size_t>(end - digits.data())});
}

void prepare_last_words(int fd) {
  status_fd = fd;
  std::array<void*, 1> frame;
  ::backtrace(frame.data(), 1);  // the first call loads what later calls need
  const stack_t stack{.ss_sp = own_stack.data(), .ss_flags = 0, .ss_size = own_stack.size()};
  ipc::check_syscall(::sigaltstack(&stack, nullptr), "sigaltstack");
  struct sigaction action {};
  action.sa_sigaction = on_fault;
  action.sa_flags = SA_SIGINFO | SA_ONSTACK | static_cast<int>(SA_RESETHAND);
  for (const int fault : kFaults) ipc::check_syscall(::sigaction(fault, &action, nullptr), "sigaction");
}

void name_library(const void* inside, std::string_view name) noexcept {
  dl_find_object found{};
  if (library_count == libraries.size() || ::_dl_find_object(const_cast<void*>(inside), &found) != 0) return;
  Library& library = libraries[library_count];
  name = last_part(name);
  library.start = found.dlfo_map_start;
  library.length = std::min(name.size(), library.name.size());
  std::copy_n(name.data(), library.length, library.name.data());
  ++library_count;
}

// _dl_find_object(3) is async-signal-safe; dladdr(3) is not, because it takes the loader's lock.
void append_place(BoundedLine& line, const void* address) noexcept {
  dl_find_object found{};
  if (::_dl_find_object(const_cast<void*>(address), &found) != 0) {
    line.hex(reinterpret_cast<std::uintptr_t>(address));
    return;
  }
  line.text(name_of(found)).text("+");
  line.hex(reinterpret_cast<std::uintptr_t>(address) - found.dlfo_link_map->l_addr);
}

}  // namespace prefork::worker
