#include "services/chat/audience.hpp"

#include <chrono>
#include <utility>
#include <vector>

#include "services/chat/room_message.hpp"
#include "services/chat/session.hpp"
#include "services/chat/wording.hpp"

namespace chat {

using namespace std::chrono_literals;
using prefork::Task;

// A worker that starts later than others learns from the ring what was said before.
Audience::Audience(prefork::Context& context, prefork::Topic& topic, const Wording& wording, std::size_t history)
    : context_(context), wording_(wording), place_(topic.subscribe(topic.capacity() / 2)), most_history_(history) {}

void Audience::start() {
  while (const auto publication = place_.next_nowait()) hear(*publication);
  context_.spawn(listen());
}

void Audience::add(std::shared_ptr<Session> session) {
  const std::uint64_t id = session->id();
  sessions_.emplace(id, std::move(session));
}

void Audience::remove(const Session& session) { sessions_.erase(session.id()); }

void Audience::catch_up() {
  while (const auto publication = place_.next_nowait()) hear(*publication);
  wake_all();
}

Task<void> Audience::listen() {
  constexpr int kMostInOneTurn = 256;
  while (auto publication = co_await place_.next()) {
    int heard = 0;
    do hear(*publication);
    while (++heard < kMostInOneTurn && (publication = place_.next_nowait()));
    wake_all();
    if (context_.draining()) break;
    if (heard == kMostInOneTurn) co_await context_.sleep_for(1ms);
  }
  const auto sessions = sessions_;
  for (const auto& [id, session] : sessions) session->end("this worker ends: please connect again", Ending::come_again);
}

// Waking a session may end it, and so remove it from sessions_.
void Audience::wake_all() {
  std::vector<std::shared_ptr<Session>> sessions;
  sessions.reserve(sessions_.size());
  for (const auto& [id, session] : sessions_) sessions.push_back(session);
  for (const auto& session : sessions) session->wake();
}

void Audience::hear(const prefork::Publication& publication) {
  if (publication.lost > 0) {
    const std::string line = wording_.note(
        Wording::Note::loss, std::to_string(publication.lost) + " messages were lost: the room is too fast");
    for (const auto& [id, session] : sessions_) session->hear(line);
    return;
  }
  const auto message = decode(publication.bytes);
  if (!message) return;
  const std::string line = wording_.event(*message);
  switch (message->kind) {
    case RoomMessage::Kind::joined:
      if (!joined_.first(message->join)) return;
      break;
    case RoomMessage::Kind::left:
      if (!left_.first(message->join)) return;
      for (const auto& [id, session] : sessions_) session->see_leaving(message->join);
      break;
    case RoomMessage::Kind::said:
      history_.push_back(line);
      if (history_.size() > most_history_) history_.pop_front();
      break;
    case RoomMessage::Kind::whisper:
      for (const auto& [id, session] : sessions_) {
        if (session->join() == message->to) session->hear(line);
      }
      return;
  }
  for (const auto& [id, session] : sessions_) session->hear(line);
}

}  // namespace chat
