#include "ipc/objects/table.hpp"

#include <gtest/gtest.h>
#include <signal.h>

#include <array>
#include <atomic>
#include <functional>
#include <latch>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "ipc/memory/shared_memory.hpp"
#include "ipc/objects/table_state.hpp"
#include "tests/ipc/support.hpp"

namespace prefork::ipc {
namespace {

using std::string_literals::operator""s;
using test::thrown_by;
using enum TableResult;

constexpr std::size_t kSlots = 8;
constexpr std::uint64_t kSecond = 1'000'000'000;

TableShape shape_of(std::uint32_t capacity) {
  return {capacity,
          16,
          {{"count", ColumnType::integer, 0}, {"share", ColumnType::real, 0}, {"note", ColumnType::text, 20}}};
}

// A table and its memory; a view of it for each worker.
class TableTest : public testing::Test {
 protected:
  void make(const TableShape& shape) {
    Table::check(shape);
    shape_ = shape;
    memory_ = std::make_unique<SharedMemory>(SharedMemory::create("table", Table::bytes(shape, kSlots)));
    Table::format(memory_->data(), shape, kSlots);
  }
  Table view(std::size_t slot, std::uint64_t patience_ns = Table::kPatienceNs) const {
    return Table(memory_->data(), shape_, kSlots, Party{owner_of(slot), nullptr}, patience_ns);
  }
  TableWord* words_at(std::size_t bytes) const {
    return static_cast<TableWord*>(memory_->data()) + bytes / sizeof(TableWord);
  }
  // As though each bucket's lock were held by `owner`.
  void hold_all_locks(Owner owner) const {
    const TableLayout layout(shape_);
    for (std::size_t i = 0; i < layout.buckets; ++i) words_at(layout.locks_at)[i].store(owner);
  }

  TableShape shape_;
  std::unique_ptr<SharedMemory> memory_;
};

// All begin at the same time.
void run_threads(std::size_t count, const std::function<void(std::size_t)>& body) {
  std::latch ready(static_cast<std::ptrdiff_t>(count));
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < count; ++i) {
    threads.emplace_back([&, i] {
      ready.arrive_and_wait();
      body(i);
    });
  }
  for (std::thread& thread : threads) thread.join();
}

std::map<std::string, Row> all_rows(const Table& table, std::uint64_t now_ns = Table::kClock) {
  std::map<std::string, Row> rows;
  const auto visit = [&](std::string_view key, const Row& row) {
    EXPECT_TRUE(rows.emplace(key, row).second) << "visited twice: " << key;
  };
  EXPECT_EQ(table.for_each(visit, now_ns), done);
  return rows;
}

TEST(TableShape, SaysWhatIsWrong) {
  const auto complaint = [](const std::function<void(TableShape&)>& change) {
    TableShape shape = shape_of(10);
    change(shape);
    return thrown_by([&] { Table::check(shape); });
  };
  EXPECT_EQ(complaint([](TableShape&) {}), "");
  EXPECT_EQ(complaint([](TableShape& s) { s.capacity = 0; }), "capacity is 0: a table needs room for at least one row");
  EXPECT_EQ(complaint([](TableShape& s) { s.capacity = (1U << 24) + 1; }),
            "capacity is 16777217: a table has at most 16777216 rows");
  EXPECT_EQ(complaint([](TableShape& s) { s.key_bytes = 0; }), "key-bytes is 0: a key has at least one byte");
  EXPECT_EQ(complaint([](TableShape& s) { s.key_bytes = 1025; }), "key-bytes is 1025: a key has at most 1024");
  EXPECT_EQ(complaint([](TableShape& s) { s.columns.clear(); }), "there are no columns: a table needs at least one");
  EXPECT_EQ(complaint([](TableShape& s) { s.columns[1].name = "count"; }), "two columns have the name 'count'");
  EXPECT_EQ(complaint([](TableShape& s) { s.columns[2].text_bytes = 0; }),
            "column 'note' is a text of 0 bytes: it needs at least one");
  EXPECT_EQ(complaint([](TableShape& s) {
              s.columns.clear();
              for (int i = 0; i < 33; ++i) s.columns.push_back({std::to_string(i), ColumnType::integer, 0});
            }),
            "there are 33 columns: a table has at most 32");
}

TEST(TableShape, TheGreatestHasASize) {
  TableShape shape{kMostTableRows, kMostTableKeyBytes, {}};
  for (int i = 0; i < 32; ++i) shape.columns.push_back({std::to_string(i), ColumnType::text, kMostTableTextBytes});
  Table::check(shape);
  EXPECT_GT(Table::bytes(shape, 65534), std::size_t{2} * kMostTableRows * 2 * 32 * kMostTableTextBytes);
  EXPECT_LT(Table::bytes(shape, 65534), std::size_t{1} << 52);
}

TEST_F(TableTest, KeepsRows) {
  make(shape_of(100));
  Table table = view(0);
  Row row;
  EXPECT_EQ(table.get("a", row), absent);
  EXPECT_EQ(table.set("a", {1, 0.5, "one"}), done);
  ASSERT_EQ(table.get("a", row), done);
  EXPECT_EQ(row, (Row{1, 0.5, "one"}));
  EXPECT_EQ(row.expires_ns(), kNoDeadline);
  EXPECT_EQ(table.set("a", {-2, -1e300, "twenty bytes of text"}), done);
  ASSERT_EQ(view(1).get("a", row), done);
  EXPECT_EQ(row.integer(0), -2);
  EXPECT_EQ(row.real(1), -1e300);
  EXPECT_EQ(row.text(2), "twenty bytes of text");
  EXPECT_EQ(table.set("a", {3, 0.0, ""}), done);
  ASSERT_EQ(table.get("a", row), done);
  EXPECT_EQ(row, (Row{3, 0.0, ""}));
  EXPECT_EQ(table.rows(), 1U);
  EXPECT_EQ(view(1).erase("a"), done);
  EXPECT_EQ(table.erase("a"), absent);
  EXPECT_EQ(table.get("a", row), absent);
  EXPECT_EQ(table.rows(), 0U);
}

TEST_F(TableTest, InsertClaimsANameOnce) {
  make(shape_of(100));
  EXPECT_EQ(view(0).insert("name", {1, 0.0, "first"}), done);
  EXPECT_EQ(view(1).insert("name", {2, 0.0, "second"}), exists);
  EXPECT_EQ(view(0).erase("name"), done);
  std::atomic<int> winners = 0;
  run_threads(4, [&](std::size_t i) {
    Table table = view(i);
    for (int n = 0; n < 500; ++n) {
      if (table.insert(std::to_string(n), {n, 0.0, ""}) == done) ++winners;
    }
  });
  EXPECT_EQ(static_cast<std::size_t>(winners), view(0).rows());
  EXPECT_EQ(all_rows(view(0)).size(), view(0).rows());
}

TEST_F(TableTest, IncrAddsAndCreates) {
  make(shape_of(100));
  Table table = view(0);
  EXPECT_EQ(table.incr("n", 0, 5, {.create = false}).result, absent);
  const Table::Sum first = table.incr("n", 0, 5);
  EXPECT_EQ(first.result, done);
  EXPECT_EQ(first.value, 5);
  EXPECT_EQ(table.incr("n", 0, -7).value, -2);
  Row row;
  ASSERT_EQ(table.get("n", row), done);
  EXPECT_EQ(row, (Row{-2, 0.0, ""}));
  ASSERT_EQ(table.set("n", {INT64_MAX - 1, 2.5, "kept"}), done);
  EXPECT_EQ(table.incr("n", 0, 1).value, INT64_MAX);
  EXPECT_EQ(table.incr("n", 0, 1).result, overflow);
  ASSERT_EQ(table.get("n", row), done);
  EXPECT_EQ(row, (Row{INT64_MAX, 2.5, "kept"}));
}

TEST_F(TableTest, CompareAndSet) {
  make(shape_of(100));
  Table table = view(0);
  const Row one{1, 1.0, "one"}, two{2, 2.0, "two"};
  EXPECT_EQ(table.compare_and_set("k", one, two), absent);
  ASSERT_EQ(table.set("k", one), done);
  EXPECT_EQ(table.compare_and_set("k", two, one), changed);
  EXPECT_EQ(table.compare_and_set("k", one, two), done);
  EXPECT_EQ(table.compare_and_set("k", 0, Value(std::int64_t{1}), Value(std::int64_t{7})), changed);
  EXPECT_EQ(table.compare_and_set("k", 2, Value("two"), Value("three")), done);
  Row row;
  ASSERT_EQ(table.get("k", row), done);
  EXPECT_EQ(row, (Row{2, 2.0, "three"}));
  EXPECT_EQ(table.compare_and_set("k", row.version(), one), done);
  EXPECT_EQ(table.compare_and_set("k", row.version(), two), changed);
}

TEST_F(TableTest, EraseIfTakesWhatWasReadOnly) {
  make(shape_of(100));
  Table table = view(0);
  Row row;
  ASSERT_EQ(table.set("k", {1, 0.0, ""}), done);
  ASSERT_EQ(table.get("k", row), done);
  ASSERT_EQ(table.set("k", {1, 0.0, ""}), done);
  EXPECT_EQ(table.erase_if("k", row.version()), changed);
  ASSERT_EQ(table.get("k", row), done);
  ASSERT_EQ(table.erase("k"), done);
  ASSERT_EQ(table.insert("k", {1, 0.0, ""}), done);
  EXPECT_EQ(table.erase_if("k", row.version()), changed);
  ASSERT_EQ(table.get("k", row), done);
  EXPECT_EQ(table.erase_if("k", row.version()), done);
  EXPECT_EQ(table.erase_if("k", row.version()), absent);
}

TEST_F(TableTest, RefusesWhatDoesNotFit) {
  make(shape_of(100));
  Table table = view(0);
  ASSERT_EQ(table.set("k", {1, 0.0, "old"}), done);
  Row row;
  EXPECT_EQ(thrown_by([&] { table.set("", {1, 0.0, ""}); }), "the key is empty");
  EXPECT_EQ(thrown_by([&] { table.get("seventeen bytes..", row); }), "the key has 17 bytes: this table takes 16");
  EXPECT_EQ(thrown_by([&] { table.set("k", {1, 0.0}); }), "the row has 2 values: this table has 3 columns");
  EXPECT_EQ(thrown_by([&] { table.set("k", {1, 2, ""}); }), "column 'share' takes a real, not an integer");
  EXPECT_EQ(thrown_by([&] {
              table.set("k", {1, 0.0, "twenty-one bytes long"});
            }),
            "the text for column 'note' has 21 bytes: it takes 20");
  EXPECT_EQ(thrown_by([&] { table.incr("k", 2, 1); }), "column 'note' takes a text, not an integer");
  EXPECT_EQ(thrown_by([&] { table.incr("k", 3, 1); }), "there is no column 3: this table has 3");
  EXPECT_EQ(thrown_by([&] { table.compare_and_set("k", 2, Value("old"), Value(std::string(21, 'x'))); }),
            "the text for column 'note' has 21 bytes: it takes 20");
  ASSERT_EQ(table.get("k", row), done);
  EXPECT_EQ(row, (Row{1, 0.0, "old"}));
  EXPECT_EQ(table.rows(), 1U);
}

TEST_F(TableTest, KeysAndTextsOfAnyBytes) {
  make(shape_of(100));
  Table table = view(0);
  const std::vector<std::string> keys{"\0"s,
                                      "\0\0"s,
                                      "a"s,
                                      "a\0"s,
                                      "\0a"s,
                                      "\xff"s,
                                      "\xff\xff"s,
                                      "a\0b"s,
                                      "12345678"s,
                                      "12345678\0"s,
                                      std::string(16, '\0'),
                                      std::string(16, '\xff')};
  for (const std::string& key : keys) ASSERT_EQ(table.insert(key, {1, 0.0, key}), done);
  const auto rows = all_rows(table);
  EXPECT_EQ(rows.size(), keys.size());
  for (const std::string& key : keys) {
    Row row;
    ASSERT_EQ(table.get(key, row), done);
    EXPECT_EQ(row.text(2), key);
    EXPECT_EQ(rows.at(key), row);
  }
}

TEST_F(TableTest, TheSmallestHasSixteenPlaces) {
  make(shape_of(1));
  Table table = view(0);
  for (int i = 0; i < 16; ++i) ASSERT_EQ(table.set(std::to_string(i), {i, 0.0, ""}), done);
  EXPECT_EQ(table.set("16", {16, 0.0, ""}), full);
  EXPECT_EQ(table.insert("16", {16, 0.0, ""}), full);
  EXPECT_EQ(table.incr("16", 0, 1).result, full);
  EXPECT_EQ(table.set("7", {70, 0.0, ""}), done);
  EXPECT_EQ(table.incr("7", 0, 1).value, 71);
  EXPECT_EQ(table.rows(), 16U);
  EXPECT_EQ(table.erase("3"), done);
  EXPECT_EQ(table.set("16", {16, 0.0, ""}), done);
  EXPECT_EQ(all_rows(table).size(), 16U);
}

TEST_F(TableTest, HoldsItsCapacity) {
  for (const std::uint32_t capacity : {8U, 64U, 1000U, 4096U, 32768U}) {
    make({capacity, 16, {{"n", ColumnType::integer, 0}}});
    Table table = view(0);
    for (std::uint32_t i = 0; i < capacity; ++i) {
      ASSERT_EQ(table.insert("key/" + std::to_string(i), {i}), done) << i << " of " << capacity;
    }
    for (std::uint32_t i = 0; i < capacity; ++i) {
      Row row;
      ASSERT_EQ(table.get("key/" + std::to_string(i), row), done);
      ASSERT_EQ(row.integer(0), i);
    }
    EXPECT_EQ(table.rows(), capacity);
  }
}

TEST_F(TableTest, RowsExpire) {
  make(shape_of(100));
  Table table = view(0);
  const std::uint64_t start = 1000 * kSecond;
  Row row;
  ASSERT_EQ(table.set("k", {1, 0.0, ""}, 2 * kSecond, start), done);
  EXPECT_EQ(table.get("k", row, start + 2 * kSecond - 1), done);
  EXPECT_EQ(row.expires_ns(), start + 2 * kSecond);
  EXPECT_EQ(table.insert("k", {2, 0.0, ""}, kNoDeadline, start + kSecond), exists);
  EXPECT_EQ(table.get("k", row, start + 2 * kSecond), absent);
  EXPECT_TRUE(all_rows(table, start + 2 * kSecond).empty());
  EXPECT_EQ(table.erase("k", start + 3 * kSecond), absent);
  EXPECT_EQ(table.touch("k", kSecond, start + 3 * kSecond), absent);
  EXPECT_EQ(table.incr("k", 0, 1, {.create = false}, start + 3 * kSecond).result, absent);
  EXPECT_EQ(table.incr("k", 0, 5, {.ttl_ns = kSecond}, start + 3 * kSecond).value, 5);
  EXPECT_EQ(table.incr("k", 0, 5, {.ttl_ns = 9 * kSecond}, start + 3 * kSecond).value, 10);
  EXPECT_EQ(table.get("k", row, start + 4 * kSecond), absent);
  EXPECT_EQ(table.insert("k", {3, 0.0, ""}, kSecond, start + 5 * kSecond), done);
  EXPECT_EQ(table.touch("k", 10 * kSecond, start + 5 * kSecond), done);
  EXPECT_EQ(table.compare_and_set("k", 0, Value(std::int64_t{3}), Value(std::int64_t{4}), start + 5 * kSecond), done);
  ASSERT_EQ(table.get("k", row, start + 14 * kSecond), done);
  EXPECT_EQ(row, (Row{4, 0.0, ""}));
  EXPECT_EQ(table.rows(), 1U);
  EXPECT_EQ(table.set("k", {5, 0.0, ""}, UINT64_MAX - 1, start), done);
  EXPECT_EQ(table.get("k", row, UINT64_MAX - 2), done);
}

TEST_F(TableTest, TheClockDecidesWhereNoTimeIsGiven) {
  make(shape_of(100));
  Table table = view(0);
  Row row;
  ASSERT_EQ(table.set("gone", {1, 0.0, ""}, 0), done);
  ASSERT_EQ(table.set("stays", {1, 0.0, ""}, 3600 * kSecond), done);
  EXPECT_EQ(table.get("gone", row), absent);
  EXPECT_EQ(table.get("stays", row), done);
}

TEST_F(TableTest, ExpiredRowsGiveWay) {
  make(shape_of(1));
  Table table = view(0);
  for (int i = 0; i < 16; ++i) {
    ASSERT_EQ(table.set(std::to_string(i), {i, 0.0, ""}, i < 5 ? 10 : kNoDeadline, 100), done);
  }
  EXPECT_EQ(table.set("a", {0, 0.0, ""}, kNoDeadline, 109), full);
  for (const char* key : {"a", "b", "c", "d", "e"}) EXPECT_EQ(table.set(key, {0, 0.0, ""}, kNoDeadline, 110), done);
  EXPECT_EQ(table.set("f", {0, 0.0, ""}, kNoDeadline, 110), full);
  EXPECT_EQ(all_rows(table, 110).size(), 16U);
}

TEST_F(TableTest, AnExpiredRowOfAHeldHomeStays) {
  make(shape_of(1));
  Table table = view(0, 1'000'000);
  for (int i = 0; i < 16; ++i) ASSERT_EQ(table.set(std::to_string(i), {i, 0.0, ""}, 10, 100), done);
  hold_all_locks(owner_of(3));
  EXPECT_EQ(table.set("a", {0, 0.0, ""}, kNoDeadline, 200), busy);
  EXPECT_EQ(table.sweep(200, [](std::string_view, const Row&) { FAIL(); }), 0U);
  EXPECT_EQ(view(5).repair(owner_of(3)), 2U);
  EXPECT_EQ(table.sweep(200, [](std::string_view, const Row&) {}), 16U);
}

TEST_F(TableTest, SweepTellsEachRowOnce) {
  make(shape_of(4000));
  constexpr int kRows = 3000;
  for (int i = 0; i < kRows; ++i) {
    ASSERT_EQ(view(0).set(std::to_string(i), {i, 0.0, ""}, i % 3 == 0 ? kNoDeadline : 10, 100), done);
  }
  std::vector<std::atomic<int>> told(kRows);
  std::atomic<int> wrong = 0;
  run_threads(4, [&](std::size_t i) {
    Table table = view(i);
    for (int round = 0; round < 3; ++round) {
      table.sweep(110, [&](std::string_view key, const Row& row) {
        const int n = std::stoi(std::string(key));
        if (row.integer(0) != n) ++wrong;
        ++told[static_cast<std::size_t>(n)];
      });
    }
  });
  view(0).sweep(
      110, [&](std::string_view key, const Row&) { ++told[static_cast<std::size_t>(std::stoi(std::string(key)))]; });
  EXPECT_EQ(wrong, 0);
  for (std::size_t i = 0; i < kRows; ++i) EXPECT_EQ(told[i], i % 3 == 0 ? 0 : 1) << i;
  EXPECT_EQ(view(0).rows(), std::size_t{kRows / 3});
}

// The row that expires is slow to read and the one that renews it is quick to write, so that the renewal often
// comes between the sweeper's look at the row and its taking the lock.
TEST_F(TableTest, ARenewedRowIsNotSwept) {
  make({1, 16, {{"n", ColumnType::integer, 0}, {"text", ColumnType::text, 4096}}});
  std::atomic<bool> stop = false;
  std::atomic<int> lost = 0;
  const std::string text(4096, 'x');
  run_threads(2, [&](std::size_t i) {
    Table table = view(i);
    if (i == 1) {
      while (!stop) table.sweep(100, [](std::string_view, const Row&) {});
      return;
    }
    const Row expiring{0, text}, renewed{1, ""};
    Row row;
    for (int n = 0; n < 10'000; ++n) {
      table.set("k", expiring, 1, 50);
      table.set("k", renewed, 1000, 50);
      if (table.get("k", row, 50) != done || row != renewed) ++lost;
    }
    stop = true;
  });
  EXPECT_EQ(lost, 0);
}

TEST_F(TableTest, WritersOfSeveralKeysDoNotMeetInASlot) {
  make(shape_of(1));
  std::atomic<int> lost = 0;
  run_threads(4, [&](std::size_t i) {
    Table table = view(i);
    const std::string key = "key/" + std::to_string(i);
    Row row;
    for (int n = 0; n < 15'000; ++n) {
      if (table.insert(key, {n, 0.0, key}) != done) ++lost;
      if (table.get(key, row) != done || row != Row{n, 0.0, key}) ++lost;
      if (table.erase(key) != done) ++lost;
    }
  });
  EXPECT_EQ(lost, 0);
  EXPECT_EQ(view(0).rows(), 0U);
}

TEST_F(TableTest, AHeldLockMakesWritersBusyAndReadersNot) {
  make(shape_of(100));
  Table table = view(0, 2'000'000);
  ASSERT_EQ(table.set("k", {1, 0.0, "text"}), done);
  hold_all_locks(owner_of(4));
  std::size_t held = 0;
  table.for_each_hold([&](Owner owner, std::size_t, std::uint64_t) { held += owner == owner_of(4) ? 1 : 0; });
  EXPECT_EQ(held, TableLayout(shape_).buckets);
  Row row;
  EXPECT_EQ(table.get("k", row), done);
  EXPECT_EQ(all_rows(table).size(), 1U);
  EXPECT_EQ(table.set("k", {2, 0.0, ""}), busy);
  EXPECT_EQ(table.incr("k", 0, 1).result, busy);
  EXPECT_EQ(table.erase("k"), busy);
  EXPECT_EQ(view(1).repair(owner_of(3)), 0U);
  EXPECT_EQ(view(1).repair(owner_of(4)), held);
  EXPECT_EQ(table.incr("k", 0, 1).value, 2);
  table.for_each_hold([](Owner, std::size_t, std::uint64_t) { FAIL(); });
}

TEST_F(TableTest, AClaimedSlotOfTheDeadIsFreed) {
  make(shape_of(1));
  const TableLayout layout(shape_);
  TableWord* states = words_at(layout.states_at);
  for (std::size_t i = 0; i < 16; ++i) states[i].store(table_state::kClaimed << table_state::kPhaseShift | 5);
  Table table = view(0);
  EXPECT_EQ(table.set("k", {1, 0.0, ""}), full);
  EXPECT_EQ(table.repair(4), 0U);
  EXPECT_EQ(table.repair(5), 16U);
  EXPECT_EQ(table.set("k", {1, 0.0, ""}), done);
}

TEST_F(TableTest, NonsenseInMemoryStaysWithinBounds) {
  make(shape_of(64));
  std::mt19937_64 random(7);
  auto* words = static_cast<TableWord*>(memory_->data());
  Table table = view(0, 1'000);
  for (int round = 0; round < 20; ++round) {
    for (std::size_t i = 0; i < memory_->size() / sizeof(TableWord); ++i) words[i].store(random());
    Row row;
    for (int i = 0; i < 50; ++i) {
      table.get(std::to_string(i), row, 1);
      table.set(std::to_string(i), {i, 0.0, ""}, kNoDeadline, 1);
    }
    table.for_each([](std::string_view key, const Row& seen) { EXPECT_LE(key.size() + seen.text(2).size(), 36U); }, 1);
    table.sweep(UINT64_MAX - 1, [](std::string_view, const Row&) {});
    EXPECT_LE(table.rows(), TableLayout(shape_).slots);
    for (Owner owner = 1; owner <= kSlots; ++owner) table.repair(owner);
  }
}

TEST_F(TableTest, IncrOfManyThreadsIsExact) {
  make(shape_of(100));
  constexpr int kEach = 3000;
  run_threads(4, [&](std::size_t i) {
    Table table = view(i);
    for (int n = 0; n < kEach; ++n) ASSERT_EQ(table.incr("sum", 0, 1).result, done);
  });
  EXPECT_EQ(view(0).incr("sum", 0, 0).value, 4 * kEach);
}

TEST_F(TableTest, CompareAndSetOfManyThreadsIsExact) {
  make(shape_of(100));
  constexpr int kEach = 500;
  ASSERT_EQ(view(0).set("n", {0, 0.0, "0"}), done);
  run_threads(4, [&](std::size_t i) {
    Table table = view(i);
    Row row;
    for (int n = 0; n < kEach;) {
      ASSERT_EQ(table.get("n", row), done);
      const Row next{row.integer(0) + 1, 0.0, std::to_string(row.integer(0) + 1)};
      const TableResult result =
          i % 2 == 0 ? table.compare_and_set("n", row.version(), next) : table.compare_and_set("n", row, next);
      if (result == done) ++n;
    }
  });
  Row row;
  ASSERT_EQ(view(0).get("n", row), done);
  EXPECT_EQ(row, (Row{4 * kEach, 0.0, std::to_string(4 * kEach)}));
}

Row sealed_row(std::int64_t n) {
  return {n, static_cast<double>(n) * 2,
          std::string(static_cast<std::size_t>(n % 21), static_cast<char>('a' + n % 26))};
}

TEST_F(TableTest, NoReaderSeesATornRow) {
  make(shape_of(4));
  std::atomic<int> readers = 2;
  std::atomic<int> torn = 0;
  run_threads(4, [&](std::size_t i) {
    Table table = view(i);
    std::minstd_rand random(static_cast<unsigned>(i) + 1);
    const auto any_key = [&] { return std::string(1, static_cast<char>('a' + random() % 4)); };
    if (i < 2) {
      while (readers != 0) {
        if (random() % 8 == 0) table.erase(any_key());
        table.set(any_key(), sealed_row(static_cast<std::int64_t>(random() % 100'000)));
      }
      return;
    }
    Row row;
    for (int read = 0; read < 4000;) {
      if (table.get(any_key(), row) == done) {
        ++read;
        if (row != sealed_row(row.integer(0))) ++torn;
      }
      const TableResult walked = table.for_each([&](std::string_view, const Row& each) {
        if (each != sealed_row(each.integer(0))) ++torn;
      });
      if (walked != done) ++torn;
    }
    --readers;
  });
  EXPECT_EQ(torn, 0);
}

// A child that hammers the table until it is killed: it says each increment of its own row with a byte.
[[noreturn]] void hammer(Table table, int said, int id) {
  std::minstd_rand random(static_cast<unsigned>(id) + 1);
  for (;;) {
    table.incr("total", 0, 1);
    table.incr("child/" + std::to_string(id), 0, 1);
    if (::write(said, "", 1) != 1) ::_exit(1);
    const std::string key = "shared/" + std::to_string(random() % 16);
    switch (random() % 4) {
      case 0:
        table.erase(key);
        break;
      case 1:
        table.insert(key, sealed_row(static_cast<std::int64_t>(random() % 1000)), random() % 2 == 0 ? 1 : kNoDeadline);
        break;
      case 2:
        table.sweep(Table::kClock, [](std::string_view, const Row&) {});
        break;
      default:
        table.set(key, sealed_row(static_cast<std::int64_t>(random() % 1000)));
    }
  }
}

TEST_F(TableTest, SurvivesKillsAtRandom) {
#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
  constexpr int kKills = 60;  // a fork is slow there
#else
  constexpr int kKills = 300;
#endif
  constexpr std::size_t kChildren = 3;
  make(shape_of(600));
  Table master = view(7);
  struct Child {
    pid_t pid;
    int id;
    UniqueFd said;
  };
  std::array<Child, kChildren> children;
  int started = 0;
  const auto start = [&](std::size_t slot) {
    int ends[2];
    check_syscall(::pipe2(ends, O_CLOEXEC), "pipe2");
    const int id = started++;
    const pid_t pid = check_syscall(::fork(), "fork");
    if (pid == 0) hammer(view(slot), ends[1], id);
    ::close(ends[1]);
    children[slot] = {pid, id, UniqueFd(ends[0])};
  };
  std::int64_t total_said = 0;
  const auto kill = [&](std::size_t slot) {
    Child& child = children[slot];
    ::kill(child.pid, SIGKILL);
    ASSERT_TRUE(WIFSIGNALED(test::reap(child.pid))) << "a worker ended by itself";
    master.repair(owner_of(slot));
    master.for_each_hold([&](Owner owner, std::size_t, std::uint64_t) { ASSERT_NE(owner, owner_of(slot)); });
    const auto said = static_cast<std::int64_t>(read_all(child.said.get(), 1 << 20, "pipe").size());
    total_said += said;
    const std::int64_t did = master.incr("child/" + std::to_string(child.id), 0, 0).value;
    ASSERT_TRUE(did == said || did == said + 1) << did << " done, " << said << " said";
  };
  for (std::size_t slot = 0; slot < kChildren; ++slot) start(slot);
  std::minstd_rand random(11);
  for (int i = 0; i < kKills && !HasFatalFailure(); ++i) {
    ::usleep(static_cast<useconds_t>(random() % 4000));
    const std::size_t slot = random() % kChildren;
    kill(slot);
    start(slot);
  }
  for (std::size_t slot = 0; slot < kChildren; ++slot) kill(slot);

  master.for_each_hold([](Owner, std::size_t, std::uint64_t) { FAIL() << "a lock is lost"; });
  for (Owner owner = 1; owner <= kSlots; ++owner) EXPECT_EQ(master.repair(owner), 0U);
  const std::int64_t total = master.incr("total", 0, 0).value;
  EXPECT_GE(total, total_said);
  EXPECT_LE(total, total_said + started);
  master.sweep(Table::kClock, [](std::string_view, const Row&) {});
  const auto rows = all_rows(master);
  EXPECT_EQ(rows.size(), master.rows());
  EXPECT_GE(rows.size(), static_cast<std::size_t>(started) / 2);
  for (const auto& [key, row] : rows) {
    Row again;
    ASSERT_EQ(master.get(key, again), done) << key;
    EXPECT_EQ(again, row);
    if (key.starts_with("shared/")) {
      EXPECT_EQ(row, sealed_row(row.integer(0)));
    }
  }
}

}  // namespace
}  // namespace prefork::ipc
