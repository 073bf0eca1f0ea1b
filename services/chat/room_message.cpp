#include "services/chat/room_message.hpp"

#include <cstring>

#include "services/chat/text.hpp"

namespace chat {

namespace {

constexpr std::size_t kHeaderBytes = 26;
static_assert(kHeaderBytes + kMaxNameBytes == kRoomMessageOverhead);

void append(std::string& bytes, std::int64_t number) {
  bytes.append(reinterpret_cast<const char*>(&number), sizeof number);
}

std::int64_t number_at(std::string_view bytes, std::size_t at) noexcept {
  std::int64_t number = 0;
  std::memcpy(&number, bytes.data() + at, sizeof number);
  return number;
}

}  // namespace

std::string encode(const RoomMessage& message) {
  std::string bytes{static_cast<char>(message.kind), static_cast<char>(message.name.size())};
  append(bytes, message.join);
  append(bytes, message.to);
  append(bytes, message.at_us);
  return bytes.append(message.name).append(message.text);
}

std::optional<RoomMessage> decode(std::string_view bytes) noexcept {
  if (bytes.size() < kHeaderBytes) return std::nullopt;
  const auto kind = static_cast<unsigned char>(bytes[0]);
  const auto name_bytes = static_cast<unsigned char>(bytes[1]);
  if (kind > static_cast<unsigned char>(RoomMessage::Kind::whisper)) return std::nullopt;
  if (name_bytes > bytes.size() - kHeaderBytes) return std::nullopt;
  RoomMessage message{static_cast<RoomMessage::Kind>(kind),
                      number_at(bytes, 2),
                      number_at(bytes, 10),
                      bytes.substr(kHeaderBytes, name_bytes),
                      bytes.substr(kHeaderBytes + name_bytes),
                      number_at(bytes, 18)};
  if (!name_fault(message.name).empty() || !text_fault(message.text).empty()) return std::nullopt;
  return message;
}

}  // namespace chat
