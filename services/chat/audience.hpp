#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "services/chat/recent.hpp"

#include <prefork/context.hpp>
#include <prefork/topic.hpp>

namespace chat {

class Session;
class Wording;

/// The clients of one service in one worker. It has one place in the topic; what it hears there goes to each of its
/// members. Who comes in gets what was said last before that place, and what is heard from there on: nothing is
/// missed between the two, and nothing comes twice.
class Audience {
 public:
  Audience(prefork::Context& context, prefork::Topic& topic, const Wording& wording, std::size_t history);

  void start();
  void add(std::shared_ptr<Session> session);
  void remove(const Session& session);
  /// Hears, and has its members hear, all that is in the room now.
  void catch_up();
  /// The last things that were said, oldest first: lines.
  const std::deque<std::string>& history() const noexcept { return history_; }
  const std::map<std::uint64_t, std::shared_ptr<Session>>& sessions() const noexcept { return sessions_; }

 private:
  static constexpr std::size_t kRemembered = 8192;

  prefork::Task<void> listen();
  void hear(const prefork::Publication& publication);
  void wake_all();

  prefork::Context& context_;
  const Wording& wording_;
  prefork::Subscription place_;
  std::size_t most_history_;
  std::deque<std::string> history_;
  Recent joined_{kRemembered};
  Recent left_{kRemembered};
  std::map<std::uint64_t, std::shared_ptr<Session>> sessions_;
};

}  // namespace chat
