#include "ipc/objects/table.hpp"

#include <sys/random.h>

#include "ipc/objects/table_state.hpp"

namespace prefork::ipc {

using namespace table_state;

namespace {

constexpr unsigned kTriesWithoutLock = 32;

}  // namespace

void Table::check(const Shape& shape) { check_table_shape(shape); }

std::size_t Table::bytes(const Shape& shape, std::size_t) { return TableLayout(shape).bytes; }

// Zeroes are empty slots and free locks.
void Table::format(void* memory, const Shape&, std::size_t) {
  TableSeed seed{0x9e3779b97f4a7c15, 0xd1b54a32d192ed03};
  [[maybe_unused]] const ssize_t n = ::getrandom(seed.data(), sizeof seed, GRND_NONBLOCK);
  auto* words = static_cast<TableWord*>(memory);
  for (std::size_t i = 0; i < seed.size(); ++i) words[i].store(seed[i], std::memory_order_relaxed);
}

Table::Table(void* memory, const Shape& shape, std::size_t, Party self, std::uint64_t patience_ns)
    : layout_(shape),
      columns_(shape.columns),
      key_bytes_(shape.key_bytes),
      self_(self.owner),
      patience_ns_(patience_ns),
      locks_(static_cast<TableWord*>(memory) + layout_.locks_at / sizeof(TableWord)),
      states_(static_cast<TableWord*>(memory) + layout_.states_at / sizeof(TableWord)),
      rows_(static_cast<TableWord*>(memory) + layout_.rows_at / sizeof(TableWord)) {
  const auto* words = static_cast<const TableWord*>(memory);
  for (std::size_t i = 0; i < seed_.size(); ++i) seed_[i] = words[i].load(std::memory_order_relaxed);
}

TableWord* Table::copy(const Found& at, bool current) const noexcept {
  const bool second = ((at.state & kSecondBit) != 0) == current;
  return row_words(at.slot) + layout_.copies[second ? 1 : 0];
}

bool Table::expired(const TableWord* copy, std::uint64_t now_ns) const noexcept {
  const std::uint64_t expires_ns = copy->load(std::memory_order_acquire);
  if (expires_ns == kNoDeadline) return false;
  return expires_ns <= (now_ns == kClock ? sleeper_clock_ns() : now_ns);
}

TableKey Table::stored_key(std::size_t slot, std::string& buffer) const {
  load_text(row_words(slot), key_bytes_, buffer);
  return TableKey(buffer, seed_, layout_.buckets);
}

// Reading. Every load of a row's word acquires: whoever sees a word of a later writer then sees in the state word that
// the row has changed. The clock is read before the state word is checked again: the row was there at that time.

Table::Read Table::read(const Found& at, Row& row, std::uint64_t now_ns) const {
  const TableWord* words = copy(at, true);
  const bool late = expired(words, now_ns);
  if (!late) {
    load_row(words, row);
    row.version_ = row_version(at.slot, at.state);
  }
  if (!same(at)) return Read::changed;
  return late ? Read::expired : Read::row;
}

Table::Read Table::read_key(const TableKey& key, Row& row, std::uint64_t now_ns) const {
  constexpr std::uint64_t mask = kTagMask | kLiveBit;
  const std::uint64_t wanted = key.tag() << kTagShift | kLiveBit;
  for (const std::size_t bucket : {key.home(), key.other()}) {
    for (std::size_t slot = bucket * kTableBucketSlots; slot < (bucket + 1) * kTableBucketSlots; ++slot) {
      const std::uint64_t state = states_[slot].load(std::memory_order_acquire);
      if ((state & mask) == wanted && key.matches(row_words(slot))) return read({slot, state}, row, now_ns);
    }
  }
  return Read::nothing;
}

TableResult Table::get(std::string_view key_text, Row& row, std::uint64_t now_ns) const {
  const TableKey key = key_of(key_text);
  for (unsigned i = 0; i < kTriesWithoutLock; ++i) {
    const Read end = read_key(key, row, now_ns);
    if (end != Read::changed) return end == Read::row ? TableResult::done : TableResult::absent;
    SpinBudget::pause();
  }
  const TableLock lock = TableLock::acquire(locks_[key.home()], self_, patience_ns_);
  if (!lock) return TableResult::busy;
  const auto found = find(key);
  return found && read(*found, row, now_ns) == Read::row ? TableResult::done : TableResult::absent;
}

Table::Read Table::read_slot(std::size_t slot, std::string& key, Row& row, std::uint64_t now_ns) const {
  const Found at{slot, states_[slot].load(std::memory_order_acquire)};
  if (!live(at.state)) return Read::nothing;
  load_text(row_words(slot), key_bytes_, key);
  return read(at, row, now_ns);
}

TableResult Table::read_patiently(std::size_t slot, std::string& key, Row& row, std::uint64_t now_ns) const {
  const auto result = [](Read end) { return end == Read::row ? TableResult::done : TableResult::absent; };
  for (unsigned i = 0; i < kTriesWithoutLock; ++i) {
    const Read end = read_slot(slot, key, row, now_ns);
    if (end != Read::changed) return result(end);
    SpinBudget::pause();
  }
  const std::uint64_t begun = sleeper_clock_ns();
  do {
    const std::size_t home = stored_key(slot, key).home();
    const TableLock lock = TableLock::acquire(locks_[home], self_, patience_ns_);
    if (!lock) break;
    const Read end = read_slot(slot, key, row, now_ns);
    if (end != Read::changed) return result(end);  // else the slot held another key meanwhile
  } while (sleeper_clock_ns() - begun < patience_ns_);
  return TableResult::busy;
}

TableResult Table::for_each(const Visitor& visitor, std::uint64_t now_ns) const {
  std::string key;
  Row row;
  for (std::size_t slot = 0; slot < layout_.slots; ++slot) {
    const TableResult result = read_patiently(slot, key, row, now_ns);
    if (result == TableResult::busy) return result;
    if (result == TableResult::done) visitor(key, row);
  }
  return TableResult::done;
}

std::size_t Table::rows(Spots piece) const noexcept {
  std::size_t count = 0;
  for (std::size_t slot = piece.first; slot < piece.end(layout_.slots); ++slot) {
    if (live(states_[slot].load(std::memory_order_relaxed))) ++count;
  }
  return count;
}

std::size_t Table::repair(const OwnerSet& dead, Spots piece) noexcept {
  std::size_t freed = 0;
  // Slots come before locks: a process that gets a freed lock must not find the table full because of a dead writer.
  for (std::size_t slot = piece.first; slot < piece.end(layout_.slots); ++slot) {
    std::uint64_t state = states_[slot].load(std::memory_order_acquire);
    if (phase(state) != kClaimed || !dead.contains(owner(state))) continue;
    if (states_[slot].compare_exchange_strong(state, state & kVersionMask)) ++freed;
  }
  for_each_hold(
      [&](Owner owner, std::size_t bucket, std::uint64_t) {
        if (dead.contains(owner) && TableLock::repair(locks_[bucket], owner)) ++freed;
      },
      piece);
  return freed;
}

}  // namespace prefork::ipc
