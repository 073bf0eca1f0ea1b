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

/// The clients of one service in one worker. It has one subscription to the topic; what it hears there goes to each of
/// its members. A new member gets the latest messages before the subscription's position, and then everything from
/// there on: nothing is missed in between, and nothing comes twice.
class Audience {
 public:
  Audience(prefork::Context& context, prefork::Topic& topic, const Wording& wording, std::size_t history);

  void start();
  void add(std::shared_ptr<Session> session);
  void remove(const Session& session);
  /// Receives everything that is in the room now, and passes it to the members.
  void catch_up();
  /// The latest messages, oldest first, as lines.
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
