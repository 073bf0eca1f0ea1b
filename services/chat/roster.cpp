#include "services/chat/roster.hpp"

#include <chrono>

#include "services/chat/text.hpp"

namespace chat {

using prefork::ColumnType;
using prefork::Row;
using prefork::TableStatus;

namespace {

enum Column : std::size_t { kName, kWorker, kJoin, kTransport, kAddress, kTold, kLeaving, kUntil };

constexpr std::size_t kAddressBytes = 64;

Row row_of(const Member& member) {
  const auto number = [](auto value) { return static_cast<std::int64_t>(value); };
  return {member.name,
          member.worker,
          member.join,
          number(member.transport),
          member.address.substr(0, kAddressBytes),
          number(member.told),
          number(member.leaving),
          member.until};
}

Member member_of(const Row& row) {
  Member member;
  member.name = row.text(kName);
  member.worker = row.integer(kWorker);
  member.join = row.integer(kJoin);
  member.transport = row.integer(kTransport) == 0 ? Member::Transport::stream : Member::Transport::datagram;
  member.address = row.text(kAddress);
  member.told = row.integer(kTold) != 0;
  member.leaving = row.integer(kLeaving) != 0;
  member.until = row.integer(kUntil);
  member.read = row;
  return member;
}

TableStatus unless_busy(TableStatus status) {
  if (status == TableStatus::busy) throw RosterBusy();
  return status;
}

}  // namespace

std::int64_t roster_clock_ms() noexcept {
  const auto now = std::chrono::steady_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::milliseconds>(now).count();
}

void Roster::describe(prefork::Manifest& manifest) {
  manifest.table(kRoster,
                 {.rows = 1024,
                  .key_bytes = kMaxNameBytes,
                  .columns = {{"name", ColumnType::text, kMaxNameBytes},
                              {"worker"},
                              {"join"},
                              {"transport"},
                              {"address", ColumnType::text, kAddressBytes},
                              {"told"},
                              {"leaving"},
                              {"until"}}},
                 "Who is in the room.", prefork::Scope::server);
}

Roster::Entry Roster::enter(const Member& member) {
  switch (unless_busy(table_.insert(folded(member.name), row_of(member)))) {
    case TableStatus::done:
      return Entry::done;
    case TableStatus::exists:
      return Entry::taken;
    default:
      return Entry::full;
  }
}

std::optional<Member> Roster::find(std::string_view name) const {
  if (name.empty() || name.size() > kMaxNameBytes) return std::nullopt;
  const auto row = table_.get(folded(name));
  if (unless_busy(row.reason()) != TableStatus::done) return std::nullopt;
  return member_of(*row);
}

std::optional<Member> Roster::change(const Member& member, Member changed) {
  const auto status = table_.compare_and_set(folded(member.name), member.read, row_of(changed));
  if (unless_busy(status) != TableStatus::done) return std::nullopt;
  // If somebody has changed it since: what is read now belongs to the same join, or to none.
  const auto now = find(member.name);
  if (!now || now->join != member.join) return std::nullopt;
  return now;
}

void Roster::remove(const Member& member) {
  [[maybe_unused]] const auto status = unless_busy(table_.erase_if(folded(member.name), member.read));
}

std::vector<Member> Roster::all() const {
  std::vector<Member> members;
  const auto status = table_.for_each([&](std::string_view, const Row& row) { members.push_back(member_of(row)); });
  [[maybe_unused]] const auto whole = unless_busy(status);
  return members;
}

}  // namespace chat
