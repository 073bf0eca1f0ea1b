#include <string>

#include "ipc/objects/table.hpp"
#include "ipc/objects/table_state.hpp"

namespace prefork::ipc {

using namespace table_state;

namespace {

std::uint64_t expiry(std::uint64_t ttl_ns, std::uint64_t now_ns) noexcept {
  if (ttl_ns == kNoDeadline) return kNoDeadline;
  const std::uint64_t now = now_ns == Table::kClock ? sleeper_clock_ns() : now_ns;
  return ttl_ns > kNoDeadline - 1 - now ? kNoDeadline - 1 : now + ttl_ns;
}

}  // namespace

// Slots of other keys may change during the search: hence the second look.
std::optional<Table::Found> Table::find(const TableKey& key) const noexcept {
  for (const std::size_t bucket : {key.home(), key.other()}) {
    for (std::size_t slot = bucket * kTableBucketSlots; slot < (bucket + 1) * kTableBucketSlots; ++slot) {
      const Found at{slot, states_[slot].load(std::memory_order_acquire)};
      if (!live(at.state) || (at.state & kTagMask) != key.tag() << kTagShift) continue;
      if (key.matches(row_words(slot)) && same(at)) return at;
    }
  }
  return std::nullopt;
}

// Takes the emptier of the two buckets. A writer of another key may be quicker; then it looks again.
std::optional<Table::Found> Table::claim(const TableKey& key, std::uint64_t now_ns) {
  for (;;) {
    std::size_t most = 0;
    Found at{};
    for (const std::size_t bucket : {key.home(), key.other()}) {
      std::size_t empty = 0;
      Found first{};
      for (std::size_t slot = bucket * kTableBucketSlots; slot < (bucket + 1) * kTableBucketSlots; ++slot) {
        const std::uint64_t state = states_[slot].load(std::memory_order_relaxed);
        if (phase(state) == kEmpty && empty++ == 0) first = {slot, state};
      }
      if (empty > most) {
        most = empty;
        at = first;
      }
    }
    if (most == 0) return reclaim(key, now_ns);
    const std::uint64_t mine = (at.state & kVersionMask) | kClaimed << kPhaseShift | self_;
    if (states_[at.slot].compare_exchange_strong(at.state, mine)) return Found{at.slot, mine};
  }
}

// Takes the lock of another home bucket only if it is free: whoever holds a lock never waits for another.
std::optional<Table::Found> Table::reclaim(const TableKey& key, std::uint64_t now_ns) {
  std::string buffer;
  for (const std::size_t bucket : {key.home(), key.other()}) {
    for (std::size_t slot = bucket * kTableBucketSlots; slot < (bucket + 1) * kTableBucketSlots; ++slot) {
      const Found at{slot, states_[slot].load(std::memory_order_acquire)};
      if (!live(at.state) || !expired(copy(at, true), now_ns)) continue;
      const std::size_t home = stored_key(slot, buffer).home();
      const bool own = home == key.home();
      const TableLock lock = own ? TableLock() : TableLock::try_acquire(locks_[home], self_);
      if ((!own && !lock) || !same(at)) continue;
      const std::uint64_t mine = next_version(at.state) | kClaimed << kPhaseShift | self_;
      states_[slot].store(mine);
      return Found{slot, mine};
    }
  }
  return std::nullopt;
}

void Table::publish_new(const Found& at, const TableKey& key) noexcept {
  states_[at.slot].store(next_version(at.state) | key.tag() << kTagShift | kLive0 << kPhaseShift);
}
void Table::publish_copy(const Found& at) noexcept {
  states_[at.slot].store(next_version(at.state) | (((at.state & ~kVersionMask) ^ kSecondBit)));
}
void Table::publish_empty(const Found& at) noexcept { states_[at.slot].store(next_version(at.state)); }

// Writes a new version of the row that was found, or a new row. `fill` writes a whole copy.
template <class Fill>
TableResult Table::write(const TableKey& key, const std::optional<Found>& found, std::uint64_t now_ns, Fill fill) {
  if (found) {
    fill(copy(*found, false));
    publish_copy(*found);
    return TableResult::done;
  }
  const auto claimed = claim(key, now_ns);
  if (!claimed) return TableResult::full;
  key.store(row_words(claimed->slot));
  fill(row_words(claimed->slot) + layout_.copies[0]);
  publish_new(*claimed, key);
  return TableResult::done;
}

// Calls `make(key, found)` with the key's home bucket locked; a row that has expired is found too.
template <class Make>
TableResult Table::change(std::string_view key_text, Make make) {
  const TableKey key = key_of(key_text);
  const TableLock lock = TableLock::acquire(locks_[key.home()], self_, patience_ns_);
  if (!lock) return TableResult::busy;
  return make(key, find(key));
}

// For a row that must exist: calls `make(found)`.
template <class Make>
TableResult Table::change_row(std::string_view key, std::uint64_t now_ns, Make make) {
  return change(key, [&](const TableKey&, const std::optional<Found>& found) {
    return found && !expired(copy(*found, true), now_ns) ? make(*found) : TableResult::absent;
  });
}

TableResult Table::set(std::string_view key_text, const Row& row, std::uint64_t ttl_ns, std::uint64_t now_ns) {
  check_row(row);
  return change(key_text, [&](const TableKey& key, const std::optional<Found>& found) {
    return write(key, found, now_ns, [&](TableWord* to) { store_row(to, row, expiry(ttl_ns, now_ns)); });
  });
}

TableResult Table::insert(std::string_view key_text, const Row& row, std::uint64_t ttl_ns, std::uint64_t now_ns) {
  check_row(row);
  return change(key_text, [&](const TableKey& key, const std::optional<Found>& found) {
    if (found && !expired(copy(*found, true), now_ns)) return TableResult::exists;
    return write(key, found, now_ns, [&](TableWord* to) { store_row(to, row, expiry(ttl_ns, now_ns)); });
  });
}

Table::Sum Table::incr(std::string_view key_text, std::size_t column, std::int64_t delta, Missing missing,
                       std::uint64_t now_ns) {
  check_value(column, Value(delta));
  Sum sum{TableResult::busy, delta};
  sum.result = change(key_text, [&](const TableKey& key, const std::optional<Found>& found) {
    const bool there = found && !expired(copy(*found, true), now_ns);
    const std::size_t at = layout_.column_at[column];
    if (there) {
      const TableWord& old = copy(*found, true)[at];
      const auto value = static_cast<std::int64_t>(old.load(std::memory_order_acquire));
      if (__builtin_add_overflow(value, delta, &sum.value)) return TableResult::overflow;
    } else if (!missing.create) {
      return TableResult::absent;
    }
    return write(key, found, now_ns, [&](TableWord* to) {
      if (there) {
        copy_row(to, copy(*found, true));
      } else {
        clear_row(to, expiry(missing.ttl_ns, now_ns));
      }
      to[at].store(static_cast<std::uint64_t>(sum.value), std::memory_order_release);
    });
  });
  return sum;
}

template <class Fits>
TableResult Table::replace_if(std::string_view key, const Row& row, std::uint64_t now_ns, Fits fits) {
  check_row(row);
  return change_row(key, now_ns, [&](const Found& found) {
    const TableWord* old = copy(found, true);
    if (!fits(found, old)) return TableResult::changed;
    store_row(copy(found, false), row, old->load(std::memory_order_acquire));
    publish_copy(found);
    return TableResult::done;
  });
}

TableResult Table::compare_and_set(std::string_view key, std::uint64_t version, const Row& row, std::uint64_t now_ns) {
  return replace_if(key, row, now_ns, [&](const Found& found, const TableWord*) {
    return row_version(found.slot, found.state) == version;
  });
}

TableResult Table::compare_and_set(std::string_view key, const Row& expected, const Row& row, std::uint64_t now_ns) {
  check_row(expected);
  return replace_if(key, row, now_ns, [&](const Found&, const TableWord* old) {
    Row there;
    load_row(old, there);
    return there == expected;
  });
}

TableResult Table::compare_and_set(std::string_view key, std::size_t column, const Value& expected, const Value& value,
                                   std::uint64_t now_ns) {
  check_value(column, expected);
  check_value(column, value);
  return change_row(key, now_ns, [&](const Found& found) {
    Value there;
    load_value(copy(found, true), column, there);
    if (there != expected) return TableResult::changed;
    copy_row(copy(found, false), copy(found, true));
    store_value(copy(found, false), column, value);
    publish_copy(found);
    return TableResult::done;
  });
}

TableResult Table::touch(std::string_view key, std::uint64_t ttl_ns, std::uint64_t now_ns) {
  return change_row(key, now_ns, [&](const Found& found) {
    TableWord* to = copy(found, false);
    copy_row(to, copy(found, true));
    to->store(expiry(ttl_ns, now_ns), std::memory_order_release);
    publish_copy(found);
    return TableResult::done;
  });
}

TableResult Table::erase(std::string_view key, std::uint64_t now_ns) {
  return change_row(key, now_ns, [&](const Found& found) {
    publish_empty(found);
    return TableResult::done;
  });
}

TableResult Table::erase_if(std::string_view key, std::uint64_t version, std::uint64_t now_ns) {
  return change_row(key, now_ns, [&](const Found& found) {
    if (row_version(found.slot, found.state) != version) return TableResult::changed;
    publish_empty(found);
    return TableResult::done;
  });
}

std::size_t Table::sweep(std::uint64_t now_ns, const Visitor& visitor) {
  if (now_ns == kClock) now_ns = sleeper_clock_ns();
  std::size_t swept = 0;
  std::string key;
  Row row;
  for (std::size_t slot = 0; slot < layout_.slots; ++slot) {
    const Found at{slot, states_[slot].load(std::memory_order_acquire)};
    if (!live(at.state) || !expired(copy(at, true), now_ns)) continue;
    const std::size_t home = stored_key(slot, key).home();
    load_row(copy(at, true), row);
    row.version_ = row_version(slot, at.state);
    {
      const TableLock lock = TableLock::try_acquire(locks_[home], self_);
      if (!lock || !same(at)) continue;
      publish_empty(at);
    }
    ++swept;
    visitor(key, row);
  }
  return swept;
}

}  // namespace prefork::ipc
