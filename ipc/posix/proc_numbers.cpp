#include "ipc/posix/proc_numbers.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <string>

#include "ipc/posix/syscall.hpp"
#include "ipc/posix/unique_fd.hpp"

namespace prefork::ipc {

namespace {

// The file's first `most` bytes; empty: it does not exist.
std::string read_proc(const std::string& path, std::size_t most) {
  const UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  std::string text(file.is_open() ? most : 0, '\0');
  std::size_t length = 0;
  while (length < text.size()) {
    const ssize_t n = retry_eintr([&] { return ::read(file.get(), text.data() + length, text.size() - length); });
    if (n <= 0) break;
    length += static_cast<std::size_t>(n);
  }
  text.resize(length);
  return text;
}

std::string_view take_word(std::string_view& text) {
  text.remove_prefix(std::min(text.find_first_not_of(' '), text.size()));
  const std::string_view word = text.substr(0, text.find(' '));
  text.remove_prefix(word.size());
  return word;
}

std::optional<std::uint64_t> number(std::string_view word) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value);
  if (error != std::errc() || end != word.data() + word.size()) return std::nullopt;
  return value;
}

std::string_view take_line(std::string_view& text) {
  const std::string_view line = text.substr(0, text.find('\n'));
  text.remove_prefix(std::min(line.size() + 1, text.size()));
  return line;
}

}  // namespace

// "4711 (a name, with ) perhaps) S ...": user and system time are fields 14 and 15.
std::optional<std::chrono::milliseconds> cpu_time_of(std::string_view stat, long ticks_per_second) {
  const auto name_end = stat.rfind(')');
  if (name_end == std::string_view::npos || ticks_per_second <= 0) return std::nullopt;
  stat.remove_prefix(name_end + 1);
  for (int field = 3; field < 14; ++field) take_word(stat);
  const auto user = number(take_word(stat));
  const auto system = number(take_word(stat));
  if (!user || !system) return std::nullopt;
  return std::chrono::milliseconds((*user + *system) * 1000 / static_cast<std::uint64_t>(ticks_per_second));
}

std::chrono::milliseconds cpu_time(pid_t pid) {
  constexpr std::size_t kStatBytes = 1024;
  const std::string stat = read_proc("/proc/" + std::to_string(pid) + "/stat", kStatBytes);
  return cpu_time_of(stat, ::sysconf(_SC_CLK_TCK)).value_or(std::chrono::milliseconds(0));
}

// Pairs of lines: "TcpExt: NAME NAME ...", "TcpExt: NUMBER NUMBER ...".
std::optional<std::uint64_t> netstat_number(std::string_view text, std::string_view group, std::string_view name) {
  while (!text.empty()) {
    std::string_view names = take_line(text);
    std::string_view numbers = take_line(text);
    if (take_word(names) != group || take_word(numbers) != group) continue;
    while (!names.empty()) {
      const std::string_view here = take_word(names);
      const std::string_view value = take_word(numbers);
      if (here == name) return number(value);
    }
  }
  return std::nullopt;
}

std::optional<std::uint64_t> listen_overflows() {
  constexpr std::size_t kNetstatBytes = 16384;
  return netstat_number(read_proc("/proc/net/netstat", kNetstatBytes), "TcpExt:", "ListenOverflows");
}

}  // namespace prefork::ipc
