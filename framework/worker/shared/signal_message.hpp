#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace prefork::worker {

/// A signal on its way through the server's topic of signals. Pure.
///
///   byte  0     length of each of: pool, name, sender's pool (three bytes)
///   bytes 3-6   two 16-bit numbers: the target worker plus one, or 0 for every worker of the pool; then the sender's
///               worker
///   bytes 7-    pool, name, sender's pool, payload
struct SignalMessage {
  std::string_view pool;
  std::optional<unsigned> worker;  ///< nullopt: every worker of the pool
  std::string_view name;
  std::string_view from_pool;
  unsigned from_worker = 0;
  std::string_view payload;
};

constexpr std::size_t kMaxSignalName = 64;
constexpr std::size_t kMaxSignalPayload = 900;
/// How many bytes a message of the topic must hold.
constexpr std::size_t kMaxSignalBytes = 1088;

/// "main", "main/2". @return nullopt: it is neither
std::optional<SignalMessage> parse_signal_target(std::string_view target) noexcept;

/// The lengths must be within the limits.
std::string encode_signal(const SignalMessage& message);
/// @return nullopt if the bytes, which another worker wrote, are no signal
std::optional<SignalMessage> decode_signal(std::string_view bytes) noexcept;

}  // namespace prefork::worker
