#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string_view>

/// Everything that the master and a worker say to each other. Both are the same program (a worker is a fork), so
/// numbers are in the machine's byte order.
///
/// Control pipe, master to worker, packets of 8 bytes. End of file: the master is dead.
///
///   byte  0     ControlKind
///   byte  1     empty: which 32 of the worker's listeners, in the order in which it got them; else zero
///   bytes 2-3   zero
///   bytes 4-7   argument: retire, finish: milliseconds until the worker is aborted; empty: a bit for each of these
///               listeners, the lowest first; stop_now: zero
///
/// Status pipe, worker to master, packets of 8 to 1032 bytes. End of file: the worker is dead, or as good as dead.
///
///   byte  0     StatusKind
///   byte  1     log: level, 0 (debug) to 4 (error); else zero
///   byte  2     log: the index, from 1, of the service that logs among the worker's; 0: none; else zero
///   byte  3     zero
///   bytes 4-7   length of the text that follows, 0 to 1024
///   bytes 8-    text: log: the line; cannot_start, recycle: the reason; else empty
///
/// What the worker is doing at each moment is in its scoreboard slot (scoreboard.hpp).
namespace prefork::ipc {

enum class ControlKind : std::uint8_t {
  retire = 1,    ///< take no more connections, serve the present ones to their end, exit
  finish = 2,    ///< the same, but the whole server stops: idle connections are closed
  stop_now = 3,  ///< exit at once
  empty = 4,  ///< precedes retire or finish: nobody accepts from these listeners afterwards, so the worker must first
              ///< accept what waits in their backlogs
};

struct ControlMessage {
  ControlKind kind;
  std::uint32_t argument = 0;
  std::uint8_t group = 0;  ///< empty: byte 1
};

enum class StatusKind : std::uint8_t {
  ready = 1,         ///< every service has started; the listeners are armed
  draining = 2,      ///< the worker retires by its own decision (it got SIGTERM)
  cannot_start = 3,  ///< followed by exit with kExitCannotStart, kExitPrivileges or kExitInternal
  log = 4,
  recycle = 5,  ///< the worker has reached a limit of its pool; it keeps serving until it is told to retire
};

struct StatusMessage {
  StatusKind kind;
  std::uint8_t level = 0;
  std::string_view text;
  std::uint8_t service = 0;
};

constexpr std::size_t kControlBytes = 8;
constexpr std::size_t kStatusHeaderBytes = 8;
constexpr std::size_t kMaxStatusText = 1024;
constexpr std::size_t kMaxStatusBytes = kStatusHeaderBytes + kMaxStatusText;

/// Why a worker exited by itself.
enum WorkerExit : int {
  kExitRetired = 0,
  kExitInternal = 70,
  kExitPrivileges = 77,   ///< the pool's isolation could not be put in force
  kExitCannotStart = 81,  ///< a plugin did not load or a service's start failed: an immediate retry is of no use
  kExitMasterGone = 82,   ///< the control pipe reached its end
};

inline void encode(const ControlMessage& message, std::span<std::byte, kControlBytes> out) noexcept {
  std::memset(out.data(), 0, out.size());
  out[0] = static_cast<std::byte>(message.kind);
  out[1] = static_cast<std::byte>(message.group);
  std::memcpy(&out[4], &message.argument, 4);
}

/// @return nullopt if the packet is not a control message
inline std::optional<ControlMessage> decode_control(std::span<const std::byte> packet) noexcept {
  if (packet.size() != kControlBytes) return std::nullopt;
  const auto kind = static_cast<ControlKind>(packet[0]);
  if (kind < ControlKind::retire || kind > ControlKind::empty) return std::nullopt;
  const auto group = static_cast<std::uint8_t>(packet[1]);
  if (group != 0 && kind != ControlKind::empty) return std::nullopt;
  if (packet[2] != std::byte{} || packet[3] != std::byte{}) return std::nullopt;
  ControlMessage message{kind, 0, group};
  std::memcpy(&message.argument, &packet[4], 4);
  if (kind == ControlKind::stop_now && message.argument != 0) return std::nullopt;
  return message;
}

/// Encodes into `out`. Cuts a text of more than kMaxStatusText bytes. @return the packet's length
inline std::size_t encode(const StatusMessage& message, std::span<std::byte, kMaxStatusBytes> out) noexcept {
  const auto length =
      static_cast<std::uint32_t>(message.text.size() < kMaxStatusText ? message.text.size() : kMaxStatusText);
  std::memset(out.data(), 0, kStatusHeaderBytes);
  out[0] = static_cast<std::byte>(message.kind);
  out[1] = static_cast<std::byte>(message.level);
  out[2] = static_cast<std::byte>(message.service);
  std::memcpy(&out[4], &length, 4);
  if (length > 0) std::memcpy(&out[kStatusHeaderBytes], message.text.data(), length);
  return kStatusHeaderBytes + length;
}

/// The text of the result points into `packet`. The master calls this on bytes that a broken worker may have written.
/// @return nullopt if the packet is not a status message
inline std::optional<StatusMessage> decode_status(std::span<const std::byte> packet) noexcept {
  if (packet.size() < kStatusHeaderBytes || packet.size() > kMaxStatusBytes) return std::nullopt;
  const auto kind = static_cast<StatusKind>(packet[0]);
  if (kind < StatusKind::ready || kind > StatusKind::recycle) return std::nullopt;
  const auto level = static_cast<std::uint8_t>(packet[1]);
  if (level > (kind == StatusKind::log ? 4 : 0)) return std::nullopt;
  const auto service = static_cast<std::uint8_t>(packet[2]);
  if ((service > 0 && kind != StatusKind::log) || packet[3] != std::byte{}) return std::nullopt;
  std::uint32_t length = 0;
  std::memcpy(&length, &packet[4], 4);
  if (length != packet.size() - kStatusHeaderBytes) return std::nullopt;
  if (length > 0 && (kind == StatusKind::ready || kind == StatusKind::draining)) return std::nullopt;
  const auto text = packet.subspan(kStatusHeaderBytes);
  return StatusMessage{kind, level, {reinterpret_cast<const char*>(text.data()), text.size()}, service};
}

}  // namespace prefork::ipc
