#include "services/chat/hall.hpp"

#include <cstdint>
#include <stdexcept>
#include <string>
#include <utility>

#include "services/chat/peer.hpp"

namespace chat {

using namespace std::chrono_literals;
using prefork::Task;

namespace {

Limits limits_of(const prefork::Context& context) {
  Limits limits;
  limits.max_line = context.options().size("max-line");
  limits.backlog = context.options().size("backlog");
  limits.login_timeout = context.options().duration("login-timeout");
  limits.silence = context.options().duration("silence");
  limits.flood = {static_cast<double>(context.options().integer("rate")),
                  static_cast<double>(context.options().integer("burst")),
                  static_cast<std::uint32_t>(context.options().integer("patience"))};
  return limits;
}

}  // namespace

void Hall::describe(prefork::Manifest& manifest) {
  manifest.size("max-line", 1024, "The longest line that a client may send.", {64, 4096});
  manifest.integer("history", 20, "How many of the last messages a newcomer gets.", {0, 1000});
  manifest.integer("rate", 10, "Lines a second that a client may send.", {1, 100'000});
  manifest.integer("burst", 20, "Lines that it may send at once.", {1, 100'000});
  manifest.integer("patience", 200, "Lines too many before a client is sent away.", {1, 1'000'000});
  manifest.size("backlog", 256 * 1024, "What is kept for a client that reads slowly.", {16'384, 64 * 1024 * 1024});
  manifest.duration("login-timeout", 1min, "How long a client may take to say its name.", {100, 3'600'000});
  manifest.duration("silence", 24h, "How long a connected member may say nothing; 0: for ever.");
  Room::describe(manifest);
}

Hall::Hall(prefork::Context& context, std::unique_ptr<const Wording> wording)
    : context_(context),
      wording_(std::move(wording)),
      limits_(limits_of(context)),
      room_(context),
      audience_(context, room_.topic(), *wording_, static_cast<std::size_t>(context.options().integer("history"))) {
  const std::size_t longest = kRoomMessageOverhead + limits_.max_line;
  if (room_.topic().max_message_bytes() < longest) {
    throw std::invalid_argument("chat-room-message-bytes must be at least " + std::to_string(longest) +
                                ", for lines of max-line bytes");
  }
}

Task<void> Hall::start() {
  co_await room_.start();
  audience_.start();
  ticking_ = context_.every(1s, [this] { tick(); });
}

Task<Ending> Hall::serve(Peer& peer) {
  const auto session = std::make_shared<Session>(peer, room_, audience_, *wording_, limits_);
  audience_.add(session);
  const Ending ending = co_await session->run();
  audience_.remove(*session);
  co_return ending;
}

void Hall::stop() {
  for (const auto& [id, session] : audience_.sessions()) {
    if (session->join() != 0) room_.leave(session->name(), session->join());
  }
  room_.stop();
}

void Hall::tick() {
  room_.tick();
  const auto now = std::chrono::steady_clock::now();
  const auto sessions = audience_.sessions();
  for (const auto& [id, session] : sessions) {
    const auto silent = now - session->heard();
    if (session->name().empty()) {
      if (silent > limits_.login_timeout) session->end("you did not say your name in time: goodbye");
    } else if (limits_.silence > 0ms && silent > limits_.silence) {
      session->end("you said nothing for too long: goodbye");
    }
  }
}

}  // namespace chat
