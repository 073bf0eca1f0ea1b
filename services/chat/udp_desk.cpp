#include "services/chat/udp_desk.hpp"

#include <algorithm>
#include <optional>

#include "services/chat/room.hpp"
#include "services/chat/roster.hpp"
#include "services/chat/text.hpp"

namespace chat {

namespace {

const std::string kOk = "OK";

/// The member with that name, if it belongs to that address.
std::optional<Member> own(const Room& room, std::string_view name, const std::string& address) {
  auto member = room.find(name);
  if (!member || member->transport != Member::Transport::datagram || member->address != address) return std::nullopt;
  return member;
}

/// Whether it begins like a command. The room's own answers do not: two rooms that a forged sender address sets on each
/// other would otherwise answer each other's errors for ever.
bool is_command(std::string_view line) {
  line.remove_prefix(std::min(line.find_first_not_of(" \t"), line.size()));
  return line.find_first_of("LCQ") == 0 && (line.size() == 1 || line[1] == ' ' || line[1] == '\t');
}

std::string unknown(std::string_view name) {
  if (const auto fault = name_fault(name); !fault.empty()) return std::string(fault);
  return "you are not here as " + std::string(name) + ": send L " + std::string(name);
}

}  // namespace

void UdpDesk::on_datagram(prefork::Datagram& packet) {
  const std::string address = packet.peer_address();
  switch (judge(address)) {
    case FloodGuard::Verdict::pass:
      break;
    case FloodGuard::Verdict::tell:
      return packet.reply("too fast: what you send is not heard");
    case FloodGuard::Verdict::drop:
    case FloodGuard::Verdict::end:
      return;
  }
  std::string_view line = packet.bytes();
  while (line.ends_with('\n') || line.ends_with('\r')) line.remove_suffix(1);
  if (!is_command(line)) return;
  try {
    packet.reply(obey(line, address));
  } catch (const RosterBusy&) {
    packet.reply("try again");
  }
}

FloodGuard::Verdict UdpDesk::judge(const std::string& address) {
  const auto now = std::chrono::steady_clock::now();
  if (guards_.size() >= kMostGuards && !guards_.contains(address)) {
    std::erase_if(guards_, [now](const auto& entry) { return entry.second.idle(now); });
    if (guards_.size() >= kMostGuards) return FloodGuard::Verdict::drop;
  }
  return guards_.try_emplace(address, limits_.flood, now).first->second.judge(now);
}

std::string UdpDesk::obey(std::string_view line, const std::string& address) {
  constexpr std::size_t kMostHead = 2 + kMaxNameBytes + 1;
  if (line.size() > kMostHead + limits_.max_text) {
    return "a text has at most " + std::to_string(limits_.max_text) + " bytes";
  }
  const std::string text = tidied(line);
  std::string_view rest = text;
  const std::string_view command = take_word(rest);
  if (command == "L") return log_in(rest, address);
  const std::string_view name = take_word(rest);
  if (command == "C") return say(name, rest, address);
  return rest.empty() ? log_out(name, address) : "a name has no blanks: send Q NAME";
}

std::string UdpDesk::log_in(std::string_view name, const std::string& address) {
  if (const auto fault = name_fault(name); !fault.empty()) return std::string(fault);
  const std::int64_t until = roster_clock_ms() + limits_.ttl.count();
  if (const auto member = own(room_, name, address)) {  // its answer was lost
    return room_.renew(*member, until) ? kOk : "try again";
  }
  Member member;
  member.name = name;
  member.transport = Member::Transport::datagram;
  member.address = address;
  member.until = until;
  switch (room_.enter(member)) {
    case Room::Entry::done:
      return kOk;
    case Room::Entry::taken:
      return std::string(name) + " is taken";
    case Room::Entry::full:
      return "the room is full";
    case Room::Entry::later:
      break;
  }
  return "try again";
}

std::string UdpDesk::say(std::string_view name, std::string_view text, const std::string& address) {
  const auto member = own(room_, name, address);
  if (!member) return unknown(name);
  if (text.empty()) return "there is no text";
  if (text.size() > limits_.max_text) return "a text has at most " + std::to_string(limits_.max_text) + " bytes";
  if (const auto fault = text_fault(text); !fault.empty()) return std::string(fault);
  if (!room_.renew(*member, roster_clock_ms() + limits_.ttl.count())) return "try again";
  return room_.say(member->name, member->join, text) ? kOk : "try again";
}

std::string UdpDesk::log_out(std::string_view name, const std::string& address) {
  const auto member = own(room_, name, address);
  if (!member) return unknown(name);
  room_.leave(member->name, member->join);
  return kOk;
}

}  // namespace chat
