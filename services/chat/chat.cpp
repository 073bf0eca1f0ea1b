#include <chrono>
#include <cstddef>
#include <memory>
#include <stdexcept>
#include <string>

#include "services/chat/audience.hpp"
#include "services/chat/room.hpp"
#include "services/chat/session.hpp"
#include "services/chat/udp_desk.hpp"

#include <prefork/service.hpp>

namespace chat {

using namespace std::chrono_literals;
using prefork::Task;

/// A chat room for any number of clients on any worker.
class Chat final : public prefork::Service {
 public:
  static void describe(prefork::Manifest& manifest) {
    manifest.summary("A chat room over TCP and UDP that no worker owns.");
    manifest.size("max-line", 1024, "The longest line that a client may send.", {64, 4096});
    manifest.integer("history", 20, "How many of the last messages a newcomer gets.", {0, 1000});
    manifest.integer("rate", 10, "Lines a second that a client may send.", {1, 100'000});
    manifest.integer("burst", 20, "Lines that it may send at once.", {1, 100'000});
    manifest.integer("patience", 200, "Lines too many before a client is sent away.", {1, 1'000'000});
    manifest.size("backlog", 256 * 1024, "What is kept for a client that reads slowly.", {16'384, 64 * 1024 * 1024});
    manifest.duration("login-timeout", 1min, "How long a client may take to say its name.", {100, 3'600'000});
    manifest.duration("silence", 24h, "How long a TCP member may say nothing; 0: for ever.");
    manifest.duration("udp-ttl", 5min, "How long a UDP member may say nothing.", {100, 86'400'000});
    Room::describe(manifest);
  }

  Task<void> start(prefork::Context& context) override {
    limits_.max_line = context.size("max-line");
    limits_.backlog = context.size("backlog");
    limits_.login_timeout = context.duration("login-timeout");
    limits_.silence = context.duration("silence");
    limits_.flood = {static_cast<double>(context.integer("rate")), static_cast<double>(context.integer("burst")),
                     static_cast<std::uint32_t>(context.integer("patience"))};
    room_ = std::make_unique<Room>(context);
    const std::size_t longest = kRoomMessageOverhead + limits_.max_line;
    if (room_->topic().max_message_bytes() < longest) {
      throw std::invalid_argument("room-message-bytes must be at least " + std::to_string(longest) +
                                  ", for lines of max-line bytes");
    }
    audience_ =
        std::make_unique<Audience>(context, room_->topic(), static_cast<std::size_t>(context.integer("history")));
    desk_ = std::make_unique<UdpDesk>(*room_,
                                      UdpDesk::Limits{limits_.max_line, context.duration("udp-ttl"), limits_.flood});
    co_await room_->start();
    audience_->start();
    ticking_ = context.every(1s, [this] { tick(); });
  }

  Task<void> on_connection(prefork::Connection& peer) override {
    const auto session = std::make_shared<Session>(peer, *room_, *audience_, limits_);
    audience_->add(session);
    co_await session->run();
    audience_->remove(*session);
  }

  void on_datagram(prefork::Datagram& packet) override { desk_->on_datagram(packet); }

  // Clients that were still there when the time to finish was over are seen off as well.
  Task<void> stop() override {
    for (const auto& [id, session] : audience_->sessions()) {
      if (session->join() != 0) room_->leave(session->name(), session->join());
    }
    room_->stop();
    return {};
  }

 private:
  void tick() {
    room_->tick();
    if (limits_.silence == 0ms) return;
    const auto oldest = std::chrono::steady_clock::now() - limits_.silence;
    const auto sessions = audience_->sessions();
    for (const auto& [id, session] : sessions) {
      if (session->join() != 0 && session->heard() < oldest) session->end("you said nothing for too long: goodbye");
    }
  }

  Limits limits_;
  std::unique_ptr<Room> room_;
  std::unique_ptr<Audience> audience_;
  std::unique_ptr<UdpDesk> desk_;
  prefork::Timer ticking_;
};

}  // namespace chat

using chat::Chat;
PREFORK_SERVICE(Chat)
