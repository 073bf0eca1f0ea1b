#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

namespace prefork::master {

/// What a log writer tells the master of lines that it could not write, over a pipe in packet mode: when that begins,
/// each second while it lasts, when it ends, and at its own end.
struct LogWriterReport {
  std::uint64_t lost = 0;  ///< lines since the report before
  int error = 0;           ///< errno of the last attempt to write; zero: the file is written
};
constexpr std::size_t kLogWriterReportBytes = 12;
std::array<std::byte, kLogWriterReportBytes> encode(const LogWriterReport& report) noexcept;
/// @return nullopt where the packet is no report.
std::optional<LogWriterReport> decode_log_writer_report(std::span<const std::byte> packet) noexcept;

/// The exit code of a writer that was asked by SIGUSR1 to make room for one that opens the file anew.
constexpr int kExitReopen = 3;

/// The life of a log writer, in a freshly forked child of the master: appends what comes out of the pipe to the file,
/// ends when nobody holds the pipe's other end. What can't be written is dropped and reported. Once the file is open it
/// drops root's rights: it is nobody whom anybody else is.
/// @param reports  write end of a PacketPipe
[[noreturn]] void run_log_writer(int pipe, int reports, const std::string& path) noexcept;

}  // namespace prefork::master
