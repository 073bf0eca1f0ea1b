#include "services/chat/room.hpp"

#include <algorithm>
#include <chrono>
#include <exception>
#include <stdexcept>

#include "services/chat/text.hpp"

namespace chat {

using Kind = RoomMessage::Kind;
using prefork::LogLevel;
using prefork::Task;

namespace {
constexpr std::string_view kRoom = "chat-room";
// After this time somebody else finishes what a worker has begun and not finished.
constexpr std::int64_t kLeavingMs = 3000;
constexpr int kTries = 100;
}  // namespace

void Room::describe(prefork::Manifest& manifest) {
  manifest.topic(kRoom, {.capacity = 4096, .message_bytes = 1088}, "What is said, who comes and who goes.",
                 prefork::Scope::server);
  Roster::describe(manifest);
  Will::describe(manifest);
}

Room::Room(prefork::Context& context)
    : context_(context),
      topic_(context.topic(kRoom)),
      roster_(context.table(kRoster)),
      will_(context, [this](std::int64_t number) { return execute(number); }) {}

Task<void> Room::start() {
  if (context_.options().size(std::string(kRoster) + "-key-bytes") < kMaxNameBytes) {
    throw std::invalid_argument(std::string(kRoster) + "-key-bytes must be at least " + std::to_string(kMaxNameBytes));
  }
  co_await will_.make();
  context_.spawn(will_.watch());
}

// The wall clock may stand still or go back.
std::int64_t Room::moment() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  last_us_ = std::max(last_us_ + 1, std::int64_t{std::chrono::duration_cast<std::chrono::microseconds>(now).count()});
  return last_us_;
}

bool Room::tell(Kind kind, const Member& member) {
  return topic_.publish(
      encode({.kind = kind, .join = member.join, .name = member.name, .text = {}, .at_us = moment()}));
}

Room::Entry Room::enter(Member& member) {
  member.join = next_number(context_.table(kNumbers), "joins");
  member.worker = member.transport == Member::Transport::stream ? will_.number() : 0;
  switch (roster_.enter(member)) {
    case Roster::Entry::taken:
      return Entry::taken;
    case Roster::Entry::full:
      return Entry::full;
    case Roster::Entry::done:
      break;
  }
  try {
    const auto entered = roster_.find(member.name);
    if (entered && entered->join == member.join && renew(*entered, member.until)) return Entry::done;
  } catch (const RosterBusy& error) {
    context_.log(LogLevel::warning, error.what());
  }
  leave(member.name, member.join);
  return Entry::later;
}

bool Room::renew(const Member& member, std::int64_t until) {
  Member changed = member;
  for (int i = 0; i < kTries; ++i) {
    if (changed.leaving || (!changed.told && !tell(Kind::joined, changed))) return false;
    const Member read = changed;
    changed.told = true;
    changed.until = until;
    if (roster_.change(read, changed)) return true;
    const auto now = roster_.find(member.name);
    if (!now || now->join != member.join) return false;
    changed = *now;
  }
  return false;
}

void Room::leave(std::string_view name, std::int64_t join) {
  std::string who(name);
  try {
    if (see_off(who, join)) return;
  } catch (const std::exception& error) {
    context_.log(LogLevel::warning, "a member's leaving is late: " + std::string(error.what()));
  }
  owed_.push_back({std::move(who), join});
}

// The mark keeps an expiring member from being renewed meanwhile. A name becomes free only when everyone has been told,
// so that its next bearer joins after that.
bool Room::see_off(const std::string& name, std::int64_t join) {
  for (int i = 0; i < kTries; ++i) {
    auto member = roster_.find(name);
    if (!member || member->join != join) return true;
    if (!member->leaving) {
      Member changed = *member;
      changed.leaving = true;
      changed.until = roster_clock_ms() + kLeavingMs;
      member = roster_.change(*member, changed);
      if (!member) continue;
    }
    if (!member->told && !tell(Kind::joined, *member)) return false;
    if (!tell(Kind::left, *member)) return false;
    roster_.remove(*member);
    return true;
  }
  return false;
}

bool Room::execute(std::int64_t will) {
  bool all = true;
  for (const Member& member : roster_.all()) {
    if (member.worker == will && !see_off(member.name, member.join)) all = false;
  }
  return all;
}

bool Room::move_members(std::int64_t from, std::int64_t to) {
  bool all = true;
  for (const Member& member : roster_.all()) {
    if (member.worker != from) continue;
    Member changed = member;
    changed.worker = to;
    if (!roster_.change(member, changed)) all = false;
  }
  return all;
}

void Room::tick() {
  try {
    std::erase_if(owed_, [this](const Departure& who) { return see_off(who.name, who.join); });
    const std::int64_t now = roster_clock_ms();
    for (const Member& member : roster_.all()) {
      if (member.until != 0 && member.until <= now) see_off(member.name, member.join);
    }
    will_.renew([this](std::int64_t from, std::int64_t to) { return move_members(from, to); });
  } catch (const RosterBusy&) {
    return;  // the next time
  }
}

// Members whose departure this worker could not announce are left to the worker that gets its will.
void Room::stop() {
  try {
    std::erase_if(owed_, [this](const Departure& who) { return see_off(who.name, who.join); });
  } catch (const RosterBusy&) {
    return;
  }
  if (owed_.empty()) will_.revoke();
}

bool Room::say(std::string_view name, std::int64_t join, std::string_view text) {
  return topic_.publish(encode({.kind = Kind::said, .join = join, .name = name, .text = text, .at_us = moment()}));
}

bool Room::whisper(std::string_view name, std::int64_t join, std::int64_t to, std::string_view text) {
  return topic_.publish(
      encode({.kind = Kind::whisper, .join = join, .to = to, .name = name, .text = text, .at_us = moment()}));
}

std::optional<Member> Room::find(std::string_view name) const {
  auto member = roster_.find(name);
  if (member && member->leaving) return std::nullopt;
  return member;
}

std::vector<std::string> Room::names() const {
  std::vector<std::string> names;
  for (Member& member : roster_.all()) {
    if (!member.leaving) names.push_back(std::move(member.name));
  }
  std::sort(names.begin(), names.end(),
            [](const std::string& a, const std::string& b) { return folded(a) < folded(b); });
  return names;
}

}  // namespace chat
