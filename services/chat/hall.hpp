#pragma once

#include <chrono>
#include <cstddef>
#include <memory>

#include "services/chat/audience.hpp"
#include "services/chat/room.hpp"
#include "services/chat/session.hpp"
#include "services/chat/wording.hpp"

#include <prefork/context.hpp>
#include <prefork/manifest.hpp>
#include <prefork/task.hpp>

namespace chat {

class Peer;

/// One service's part of the room in one worker: its clients, their limits, and what must be done for them once a
/// second. The services differ in how their clients are connected, not in what these can do.
class Hall {
 public:
  /// Declares the options that every service of the room has, and the room itself.
  static void describe(prefork::Manifest& manifest);

  /// @throws std::invalid_argument: the sizes of the room do not fit the options
  Hall(prefork::Context& context, std::unique_ptr<const Wording> wording);
  Hall(const Hall&) = delete;
  Hall& operator=(const Hall&) = delete;

  prefork::Task<void> start();
  /// Serves one client's whole conversation. @return how it ended
  prefork::Task<Ending> serve(Peer& peer);
  /// The worker ends. Clients that were still there when the time to finish was over leave the room too.
  void stop();

  Room& room() noexcept { return room_; }
  const Limits& limits() const noexcept { return limits_; }

 private:
  void tick();

  prefork::Context& context_;
  std::unique_ptr<const Wording> wording_;
  Limits limits_;
  Room room_;
  Audience audience_;
  prefork::Timer ticking_;
};

}  // namespace chat
