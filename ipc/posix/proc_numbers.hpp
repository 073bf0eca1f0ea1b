#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>

namespace prefork::ipc {

/// @return the time that a process has computed, all its threads, in user and kernel mode; in steps of 10 ms as a
/// rule; zero: it is gone. Source: proc(5), /proc/PID/stat. Blocks: never
std::chrono::milliseconds cpu_time(pid_t pid);

/// The same out of the file's text. nullopt: that is none. Pure.
std::optional<std::chrono::milliseconds> cpu_time_of(std::string_view stat, long ticks_per_second);

/// @return how many connections this host (network namespace) has dropped because a listener's queue was full, of
/// whatever server; nullopt: the kernel does not say. Source: TcpExt ListenOverflows in /proc/net/netstat.
std::optional<std::uint64_t> listen_overflows();

/// A number out of the text of /proc/net/netstat. Pure.
std::optional<std::uint64_t> netstat_number(std::string_view text, std::string_view group, std::string_view name);

}  // namespace prefork::ipc
