#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

namespace prefork::master {

/// What a log writer reports to the master about lines that it could not write, over a pipe in packet mode: when the
/// trouble begins, every second while it lasts, when it ends, and when the writer ends.
struct LogWriterReport {
  std::uint64_t lost = 0;  ///< lines since the previous report
  int error = 0;           ///< errno of the last attempt to write; zero: writing works
};
constexpr std::size_t kLogWriterReportBytes = 12;
std::array<std::byte, kLogWriterReportBytes> encode(const LogWriterReport& report) noexcept;
/// @return nullopt if the packet is not a report
std::optional<LogWriterReport> decode_log_writer_report(std::span<const std::byte> packet) noexcept;

/// The exit code of a writer that SIGUSR1 asked to make room for one that reopens the file.
constexpr int kExitReopen = 3;

/// The life of a log writer, in a freshly forked child of the master. It appends what comes out of the pipe to the
/// file, and ends when nobody holds the pipe's other end. What can't be written is dropped and reported. Once the file
/// is open it gives up root and takes a user id that nobody else has.
/// @param reports  the write end of a PacketPipe
[[noreturn]] void run_log_writer(int pipe, int reports, const std::string& path) noexcept;

}  // namespace prefork::master
