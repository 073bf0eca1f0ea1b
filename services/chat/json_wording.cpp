#include "services/chat/json_wording.hpp"

#include <array>

namespace chat {

namespace {

/// One object, member by member.
class Object {
 public:
  explicit Object(std::string_view kind) {
    line_ = "{\"kind\":";
    append_json(line_, kind);
  }
  Object& add(std::string_view key, std::string_view text) {
    begin(key);
    append_json(line_, text);
    return *this;
  }
  Object& add(std::string_view key, std::int64_t number) {
    begin(key);
    line_ += std::to_string(number);
    return *this;
  }
  Object& add(std::string_view key, const std::vector<std::string>& texts) {
    begin(key);
    line_ += '[';
    for (const std::string& text : texts) {
      if (line_.back() != '[') line_ += ',';
      append_json(line_, text);
    }
    line_ += ']';
    return *this;
  }
  std::string take() { return std::move(line_.append("}\n")); }

 private:
  void begin(std::string_view key) {
    line_ += ',';
    append_json(line_, key);
    line_ += ':';
  }

  std::string line_;
};

constexpr std::int64_t kMicrosecondsPerMillisecond = 1000;

}  // namespace

void append_json(std::string& json, std::string_view text) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  json += '"';
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20) {
      json.append("\\u00").append({kDigits[byte >> 4], kDigits[byte & 0xf]});
      continue;
    }
    if (c == '"' || c == '\\') json += '\\';
    json += c;
  }
  json += '"';
}

std::string JsonWording::note(Note about, std::string_view sentence) const {
  constexpr std::array<std::string_view, 4> kKinds{"answer", "question", "loss", "farewell"};
  return Object(kKinds[static_cast<std::size_t>(about)]).add("text", sentence).take();
}

std::string JsonWording::event(const RoomMessage& message) const {
  constexpr std::array<std::string_view, 4> kKinds{"joined", "left", "said", "whisper"};
  const bool speech = message.kind == RoomMessage::Kind::said || message.kind == RoomMessage::Kind::whisper;
  Object object(kKinds[static_cast<std::size_t>(message.kind)]);
  object.add(speech ? "from" : "name", message.name);
  if (speech) object.add("text", message.text);
  return object.add("at", message.at_us / kMicrosecondsPerMillisecond)
      .add("id", std::to_string(message.join) + "." + std::to_string(message.at_us))
      .take();
}

std::string JsonWording::welcome(std::string_view name, std::size_t max_line) const {
  return Object("welcome").add("name", name).add("maxLine", static_cast<std::int64_t>(max_line)).take();
}

std::string JsonWording::sent(std::string_view to, std::string_view text) const {
  return Object("sent").add("to", to).add("text", text).take();
}

std::string JsonWording::names(const std::vector<std::string>& names) const {
  return Object("names").add("names", names).take();
}

}  // namespace chat
