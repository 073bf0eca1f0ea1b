#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "services/chat/wording.hpp"

namespace chat {

/// Lines for programs: each is a JSON object (RFC 8259) whose `kind` says what it is.
///
///   said, whisper                       from, text, at, id
///   joined, left                        name, at, id
///   sent                                to, text
///   names                               names
///   welcome                             name, maxLine
///   answer, question, loss, farewell    text
///
/// `at` is in milliseconds since 1970, `id` is a text that no other message has.
class JsonWording final : public Wording {
 public:
  std::string note(Note about, std::string_view sentence) const override;
  std::string event(const RoomMessage& message) const override;
  std::string welcome(std::string_view name, std::size_t max_line) const override;
  std::string sent(std::string_view to, std::string_view text) const override;
  std::string names(const std::vector<std::string>& names) const override;
};

/// Appends a text as a JSON string with its quotation marks. UTF-8 is not escaped.
void append_json(std::string& json, std::string_view text);

}  // namespace chat
