#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "services/chat/wording.hpp"

namespace chat {

/// Lines for people; the server's own lines begin with "* ".
class LineWording final : public Wording {
 public:
  std::string note(Note about, std::string_view sentence) const override;
  std::string event(const RoomMessage& message) const override;
  std::string welcome(std::string_view name, std::size_t max_line) const override;
  std::string sent(std::string_view to, std::string_view text) const override;
  std::string names(const std::vector<std::string>& names) const override;
};

}  // namespace chat
