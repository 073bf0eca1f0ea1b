#include "services/chat/line_wording.hpp"

namespace chat {

namespace {

constexpr std::size_t kNamesLineBytes = 400;

std::string own(std::string_view sentence) { return std::string("* ").append(sentence).append("\n"); }

}  // namespace

std::string LineWording::note(Note, std::string_view sentence) const { return own(sentence); }

std::string LineWording::event(const RoomMessage& message) const {
  std::string line(message.name);
  switch (message.kind) {
    case RoomMessage::Kind::joined:
      return line.append(" joined\n");
    case RoomMessage::Kind::left:
      return line.append(" left\n");
    case RoomMessage::Kind::said:
      return line.append(": ").append(message.text).append("\n");
    case RoomMessage::Kind::whisper:
      return line.append(" (only to you): ").append(message.text).append("\n");
  }
  return {};
}

std::string LineWording::welcome(std::string_view, std::size_t) const { return {}; }

std::string LineWording::sent(std::string_view to, std::string_view text) const {
  return own(std::string("to ").append(to).append(": ").append(text));
}

std::string LineWording::names(const std::vector<std::string>& names) const {
  std::string all, line = std::to_string(names.size()) + " here:";
  for (const std::string& name : names) {
    if (line.size() + 1 + name.size() > kNamesLineBytes) {
      all += own(line);
      line = "    ";
    }
    line += " " + name;
  }
  return all + own(line);
}

}  // namespace chat
