#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>

namespace prefork::ipc {

/// @return the CPU time of a process, all its threads, in user and kernel mode, usually in steps of 10 ms; zero: it is
/// gone. Source: proc(5), /proc/PID/stat. Blocks: never
std::chrono::milliseconds cpu_time(pid_t pid);

/// Parses the file's text. nullopt: it is malformed. Pure.
std::optional<std::chrono::milliseconds> cpu_time_of(std::string_view stat, long ticks_per_second);

/// @return how many connections this host (network namespace) has dropped because a listener's queue was full, whatever
/// server they were for; nullopt: the kernel does not say. Source: TcpExt ListenOverflows in /proc/net/netstat.
std::optional<std::uint64_t> listen_overflows();

/// Finds a number in the text of /proc/net/netstat. Pure.
std::optional<std::uint64_t> netstat_number(std::string_view text, std::string_view group, std::string_view name);

}  // namespace prefork::ipc
