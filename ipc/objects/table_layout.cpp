#include "ipc/objects/table_layout.hpp"

#include <algorithm>
#include <bit>
#include <cstring>
#include <set>
#include <stdexcept>

namespace prefork::ipc {

namespace {

constexpr std::size_t round_up(std::size_t n, std::size_t unit) noexcept { return (n + unit - 1) / unit * unit; }
constexpr std::size_t text_words(std::size_t bytes) noexcept { return (bytes + 7) / 8; }
constexpr std::size_t kLine = 64;
constexpr std::size_t kLineWords = kLine / sizeof(TableWord);

}  // namespace

void check_table_shape(const TableShape& shape) {
  const auto refuse = [](const std::string& why) { throw std::invalid_argument(why); };
  if (shape.capacity == 0) refuse("capacity is 0: a table needs room for at least one row");
  if (shape.capacity > kMostTableRows) {
    refuse("capacity is " + std::to_string(shape.capacity) + ": a table has at most " + std::to_string(kMostTableRows) +
           " rows");
  }
  if (shape.key_bytes == 0) refuse("key-bytes is 0: a key has at least one byte");
  if (shape.key_bytes > kMostTableKeyBytes) {
    refuse("key-bytes is " + std::to_string(shape.key_bytes) + ": a key has at most " +
           std::to_string(kMostTableKeyBytes));
  }
  if (shape.columns.empty()) refuse("there are no columns: a table needs at least one");
  if (shape.columns.size() > kMostTableColumns) {
    refuse("there are " + std::to_string(shape.columns.size()) + " columns: a table has at most " +
           std::to_string(kMostTableColumns));
  }
  std::set<std::string> names;
  for (const Column& column : shape.columns) {
    if (column.name.empty()) refuse("a column has no name");
    if (!names.insert(column.name).second) refuse("two columns have the name '" + column.name + "'");
    if (column.type > ColumnType::text) refuse("column '" + column.name + "' is of unknown type");
    if (column.type != ColumnType::text) continue;
    if (column.text_bytes == 0) refuse("column '" + column.name + "' is a text of 0 bytes: it needs at least one");
    if (column.text_bytes > kMostTableTextBytes) {
      refuse("column '" + column.name + "' is a text of " + std::to_string(column.text_bytes) +
             " bytes: a text has at most " + std::to_string(kMostTableTextBytes));
    }
  }
}

TableLayout::TableLayout(const TableShape& shape) {
  slots = std::max<std::size_t>(2 * kTableBucketSlots, std::bit_ceil(std::size_t{2} * shape.capacity));
  buckets = slots / kTableBucketSlots;
  copy_words = 1;
  for (const Column& column : shape.columns) {
    column_at.push_back(copy_words);
    copy_words += 1 + (column.type == ColumnType::text ? text_words(column.text_bytes) : 0);
  }
  copies[0] = 1 + text_words(shape.key_bytes);
  copies[1] = copies[0] + copy_words;
  row_words = round_up(copies[1] + copy_words, kLineWords);
  locks_at = kLine;
  states_at = locks_at + round_up(buckets * sizeof(TableWord), kLine);
  rows_at = states_at + slots * sizeof(TableWord);
  bytes = rows_at + slots * row_words * sizeof(TableWord);
}

TableKey::TableKey(std::string_view key, const TableSeed& seed, std::size_t buckets) noexcept
    : count_(1 + text_words(key.size())) {
  words_[count_ - 1] = 0;
  words_[0] = key.size();
  if (!key.empty()) std::memcpy(words_.data() + 1, key.data(), key.size());
  const std::uint64_t hash = table_hash(words_.data(), count_, seed);
  home_ = hash & (buckets - 1);
  other_ = (hash >> 24) & (buckets - 1);
  if (other_ == home_) other_ ^= 1;
  tag_ = hash >> 52;
}

bool TableKey::matches(const TableWord* words) const noexcept {
  for (std::size_t i = 0; i < count_; ++i) {
    if (words[i].load(std::memory_order_acquire) != words_[i]) return false;
  }
  return true;
}

void TableKey::store(TableWord* words) const noexcept {
  for (std::size_t i = 0; i < count_; ++i) words[i].store(words_[i], std::memory_order_release);
}

void store_text(TableWord* words, std::string_view text) noexcept {
  words->store(text.size(), std::memory_order_release);
  for (++words; !text.empty(); ++words) {
    const std::size_t part = std::min<std::size_t>(text.size(), 8);
    std::uint64_t word = 0;
    std::memcpy(&word, text.data(), part);
    words->store(word, std::memory_order_release);
    text.remove_prefix(part);
  }
}

void load_text(const TableWord* words, std::size_t longest, std::string& text) {
  text.resize(std::min<std::uint64_t>(words->load(std::memory_order_acquire), longest));
  ++words;
  for (std::size_t at = 0; at < text.size(); at += 8, ++words) {
    const std::uint64_t word = words->load(std::memory_order_acquire);
    std::memcpy(text.data() + at, &word, std::min<std::size_t>(8, text.size() - at));
  }
}

void copy_text(TableWord* to, const TableWord* from, std::size_t longest) noexcept {
  const std::uint64_t length = std::min<std::uint64_t>(from->load(std::memory_order_acquire), longest);
  to->store(length, std::memory_order_release);
  for (std::size_t i = 1; i <= text_words(length); ++i) {
    to[i].store(from[i].load(std::memory_order_acquire), std::memory_order_release);
  }
}

std::uint64_t table_hash(const std::uint64_t* words, std::size_t count, const TableSeed& seed) noexcept {
  std::uint64_t v0 = seed[0] ^ 0x736f6d6570736575, v1 = seed[1] ^ 0x646f72616e646f6d;
  std::uint64_t v2 = seed[0] ^ 0x6c7967656e657261, v3 = seed[1] ^ 0x7465646279746573;
  const auto round = [&] {
    v0 += v1;
    v2 += v3;
    v1 = std::rotl(v1, 13) ^ v0;
    v3 = std::rotl(v3, 16) ^ v2;
    v0 = std::rotl(v0, 32) + v3;
    v2 += v1;
    v3 = std::rotl(v3, 21) ^ v0;
    v1 = std::rotl(v1, 17) ^ v2;
    v2 = std::rotl(v2, 32);
  };
  for (std::size_t i = 0; i < count; ++i) {
    v3 ^= words[i];
    round();
    v0 ^= words[i];
  }
  v2 ^= 0xff;
  for (int i = 0; i < 3; ++i) round();
  return v0 ^ v1 ^ v2 ^ v3;
}

}  // namespace prefork::ipc
