#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "services/chat/flood_guard.hpp"
#include "services/chat/notice.hpp"
#include "services/chat/outbox.hpp"
#include "services/chat/peer.hpp"
#include "services/chat/wording.hpp"

#include <prefork/task.hpp>

namespace chat {

class Audience;
class Room;

/// What one client may do.
struct Limits {
  std::size_t max_line = 1024;
  std::size_t backlog = 256 * 1024;
  std::chrono::milliseconds login_timeout{60'000};
  std::chrono::milliseconds silence{0};  ///< zero: no limit
  FloodGuard::Limits flood{};
};

/// One client: one coroutine reads its lines, another writes what is waiting for it, so that neither waits for the
/// other.
class Session {
 public:
  Session(Peer& peer, Room& room, Audience& audience, const Wording& wording, const Limits& limits);
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  std::uint64_t id() const noexcept { return peer_.id(); }
  /// Zero: not a member yet, or no longer.
  std::int64_t join() const noexcept { return join_; }
  const std::string& name() const noexcept { return name_; }
  std::chrono::steady_clock::time_point heard() const noexcept { return heard_; }

  /// The client's whole conversation. When it ends, its departure has been announced.
  prefork::Task<Ending> run();

  /// For members: a line of the room. The next wake() sends it.
  void hear(std::string_view line) {
    if (join_ != 0) outbox_.add(line);
  }
  /// The departure of the member with this join has been announced.
  void see_leaving(std::int64_t join) noexcept {
    if (join == join_) join_ = 0;
  }
  void wake() {
    if (!outbox_.empty() || ending_) written_.notify();
  }
  /// Tells the client the reason, and ends the conversation once that has been sent.
  void end(std::string_view sentence, Ending ending = Ending::goodbye);

 private:
  prefork::Task<void> read_lines();
  prefork::Task<void> write_lines();
  prefork::Task<void> leave();
  bool judge();
  void log_in(const std::string& name);
  bool obey(const std::string& line);
  void say(const std::string& text);
  void whisper(std::string_view rest);
  void answer(std::string_view sentence);
  void question(const std::string& fault);

  Peer& peer_;
  Room& room_;
  Audience& audience_;
  const Wording& wording_;
  Limits limits_;
  FloodGuard guard_;
  Outbox outbox_;
  Notice written_;  // there is something to write
  Notice done_;     // the writer has ended
  std::string name_;
  std::int64_t join_ = 0;
  int bad_names_ = 0;
  std::chrono::steady_clock::time_point heard_;
  std::optional<Ending> ending_;  // nothing more is added to the outbox
  bool reading_ = false;          // run() is waiting for a line
};

}  // namespace chat
