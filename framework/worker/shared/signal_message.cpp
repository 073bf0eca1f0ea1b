#include "framework/worker/shared/signal_message.hpp"

#include <charconv>
#include <cstdint>
#include <cstring>

#include "ipc/posix/check.hpp"

namespace prefork::worker {

namespace {

constexpr std::size_t kHeaderBytes = 7;
constexpr std::size_t kMaxPoolName = 64;

std::uint16_t number_at(std::string_view bytes, std::size_t at) noexcept {
  std::uint16_t number = 0;
  std::memcpy(&number, bytes.data() + at, sizeof number);
  return number;
}

void append(std::string& bytes, unsigned number) {
  const auto value = static_cast<std::uint16_t>(number);
  bytes.append(reinterpret_cast<const char*>(&value), sizeof value);
}

}  // namespace

std::optional<SignalMessage> parse_signal_target(std::string_view target) noexcept {
  SignalMessage message;
  const auto slash = target.find('/');
  message.pool = target.substr(0, slash);
  if (message.pool.empty() || message.pool.size() > kMaxPoolName) return std::nullopt;
  if (slash == std::string_view::npos) return message;
  const std::string_view digits = target.substr(slash + 1);
  std::uint16_t worker = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), worker);
  if (error != std::errc() || end != digits.data() + digits.size() || worker == UINT16_MAX) return std::nullopt;
  message.worker = worker;
  return message;
}

std::string encode_signal(const SignalMessage& message) {
  PREFORK_CHECK(message.pool.size() <= kMaxPoolName && message.from_pool.size() <= kMaxPoolName);
  PREFORK_CHECK(message.name.size() <= kMaxSignalName && message.payload.size() <= kMaxSignalPayload);
  std::string bytes;
  for (const auto part : {message.pool, message.name, message.from_pool}) {
    bytes.push_back(static_cast<char>(part.size()));
  }
  append(bytes, message.worker ? *message.worker + 1 : 0);
  append(bytes, message.from_worker);
  for (const auto part : {message.pool, message.name, message.from_pool, message.payload}) bytes.append(part);
  return bytes;
}

std::optional<SignalMessage> decode_signal(std::string_view bytes) noexcept {
  if (bytes.size() < kHeaderBytes) return std::nullopt;
  SignalMessage message;
  std::string_view rest = bytes.substr(kHeaderBytes);
  std::size_t at = 0;
  for (std::string_view* part : {&message.pool, &message.name, &message.from_pool}) {
    const auto length = static_cast<unsigned char>(bytes[at++]);
    if (length > rest.size()) return std::nullopt;
    *part = rest.substr(0, length);
    rest.remove_prefix(length);
  }
  if (const std::uint16_t worker = number_at(bytes, 3); worker > 0) message.worker = worker - 1U;
  message.from_worker = number_at(bytes, 5);
  message.payload = rest;
  return message;
}

}  // namespace prefork::worker
