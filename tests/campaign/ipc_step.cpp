// Kills a process after every single instruction of every operation on every shared object, and checks what a survivor
// finds after the repair: each operation must work at once, and what is counted must be exact.
//
//   ipc_step [--every N] [--only TEXT] [--limit-ms N] [--without-repair yes]
//
// --every N: only every Nth position, starting at a different one for each operation. Exit code 1: something was wrong.
// --without-repair: shows that the repair is needed; then something must be wrong.
#include <poll.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "ipc/memory/shared_memory.hpp"
#include "ipc/objects/barrier.hpp"
#include "ipc/objects/event.hpp"
#include "ipc/objects/message_queue.hpp"
#include "ipc/objects/metrics.hpp"
#include "ipc/objects/semaphore.hpp"
#include "ipc/objects/sleeper.hpp"
#include "ipc/objects/table.hpp"
#include "ipc/objects/topic.hpp"
#include "ipc/objects/wakeup.hpp"
#include "ipc/posix/syscall.hpp"

namespace {

using namespace prefork::ipc;

constexpr std::size_t kSlots = 64;
constexpr std::size_t kSurvivor = 0, kVictim = 1, kSleeping = 2;

struct World {
  Party party(std::size_t slot) const { return {owner_of(slot), &wakeups.bells()}; }
  /// Whether the bell of the sleeper that setups announce has rung since the last time it was asked.
  bool rung() const {
    pollfd bell{wakeups.wait_fd(kSleeping), POLLIN, 0};
    const bool rung = ::poll(&bell, 1, 0) == 1;
    wakeups[kSleeping].clear();
    return rung;
  }

  Wakeups wakeups = Wakeups::create(kSlots);
};

/// How a position is judged: an empty sentence is good.
using Sentence = std::string;

/// One operation on one object, made again for each position.
struct Trial {
  std::function<void(Party)> act;                           ///< what the victim does; calls begin() first
  std::function<std::size_t(Owner)> repair;                 ///< the master's walk
  std::vector<WaitingSet> sleepers;                         ///< of the object
  std::function<Sentence(Party, bool finished)> aftermath;  ///< the survivor uses the object and counts
};
struct Operation {
  const char* name;
  std::function<Trial(const World&)> make;
};

std::span<const std::byte> bytes_of(const std::uint64_t& id) { return std::as_bytes(std::span(&id, 1)); }

/// Memory that stays until the next trial.
void* fresh(std::size_t bytes) {
  static std::optional<SharedMemory> memory;
  static std::size_t size = 0;
  if (!memory || size != bytes) memory = SharedMemory::create("trial", size = bytes);
  std::memset(memory->data(), 0, bytes);
  return memory->data();
}

std::uint64_t soon() { return sleeper_clock_ns() + 1; }

/// The victim's: what comes after it is stepped through.
void begin() { ::raise(SIGSTOP); }

/// One that does not spin for long: each turn of the loop is like the others.
class VictimsSleeper final : public Sleeper {
 public:
  explicit VictimsSleeper(const World& world) : sleeper_(world.wakeups.wait_fd(kVictim)) {
    for (int i = 0; i < 20; ++i) spin.did_not_help();
  }
  bool sleep(std::uint64_t deadline_ns) override { return sleeper_.sleep(deadline_ns); }

 private:
  BellSleeper sleeper_;
};

// Queues.

struct QueueSetup {
  std::uint64_t messages = 2;  ///< put beforehand: 0, 1, 2...
  unsigned taken_before = 0;   ///< handed out and given back so often
  bool sleeping_getter = false;
  bool sleeping_putter = false;
  std::uint32_t max_deliveries = 0;
  std::uint64_t deadline_ns = kNoDeadline;
};

/// The rest must be 0..n-1 in order; the victim may have removed the first or added `n`.
Trial queue_trial(
    const World& world, QueueSetup setup, std::function<void(MessageQueue&, Sleeper&)> act,
    std::function<Sentence(const std::vector<std::uint64_t>& left, bool finished, std::size_t dead)> judge) {
  const MessageQueue::Shape shape{4, 16, 2};
  void* memory = fresh(MessageQueue::bytes(shape, kSlots));
  MessageQueue::format(memory, shape, kSlots);
  MessageQueue queue(memory, shape, kSlots, world.party(kSurvivor), setup.max_deliveries);
  for (std::uint64_t id = 0; id < setup.messages; ++id) queue.try_put(bytes_of(id), setup.deadline_ns);
  for (unsigned i = 0; i < setup.taken_before; ++i) queue.nack(queue.try_get()->sequence);
  if (setup.sleeping_getter) queue.getters().announce(kSleeping);
  if (setup.sleeping_putter) queue.putters().announce(kSleeping);
  Trial trial;
  trial.act = [&world, memory, shape, setup, act](Party self) {
    MessageQueue mine(memory, shape, kSlots, self, setup.max_deliveries);
    VictimsSleeper sleeper(world);
    begin();
    act(mine, sleeper);
  };
  trial.repair = [queue](Owner dead) mutable { return queue.repair(dead); };
  trial.sleepers = {queue.getters(), queue.putters()};
  trial.aftermath = [memory, shape, setup, judge](Party self, bool finished) -> Sentence {
    MessageQueue mine(memory, shape, kSlots, self, setup.max_deliveries);
    mine.reopen();
    std::vector<std::uint64_t> left;
    while (const auto taken = mine.try_get()) {
      std::uint64_t id = 0;
      std::memcpy(&id, taken->bytes.data(), sizeof id);
      left.push_back(id);
      mine.ack(taken->sequence);
    }
    for (std::uint64_t id = 0; id < shape.capacity; ++id) {
      if (mine.try_put(bytes_of(id)) != PutResult::done) return "a slot is lost: the queue is full too early";
    }
    if (mine.try_put(bytes_of(9)) != PutResult::full) return "the queue has grown";
    for (std::uint64_t id = 0; id < shape.capacity; ++id) {
      const auto taken = mine.try_get();
      if (!taken) return "a message is lost after the repair";
      mine.ack(taken->sequence);
    }
    if (!mine.holds().empty()) return "something is still held";
    return judge(left, finished, mine.dead_letter_count());
  };
  return trial;
}

Sentence list(const std::vector<std::uint64_t>& left) {
  Sentence text = "left:";
  for (const auto id : left) text += ' ' + std::to_string(id);
  return text;
}

using Ids = std::vector<std::uint64_t>;
auto one_of(Ids before, Ids after) {
  return [before, after](const Ids& left, bool finished, std::size_t) -> Sentence {
    return left == after || (left == before && !finished) ? "" : list(left);
  };
}
auto unchanged(Ids ids) {
  return [ids](const Ids& left, bool, std::size_t) -> Sentence { return left == ids ? "" : list(left); };
}

std::vector<Operation> queue_operations() {
  const auto put = [](MessageQueue& q, Sleeper&) { q.try_put(bytes_of(2)); };
  const auto get = [](MessageQueue& q, Sleeper&) { q.ack(q.try_get()->sequence); };
  std::vector<Operation> all;
  all.push_back({"queue put", [=](const World& w) { return queue_trial(w, {}, put, one_of({0, 1}, {0, 1, 2})); }});
  all.push_back(
      {"queue put, waking", [=](const World& w) {
         return queue_trial(w, {.sleeping_getter = true, .sleeping_putter = true}, put, one_of({0, 1}, {0, 1, 2}));
       }});
  all.push_back({"queue put, full", [=](const World& w) {
                   return queue_trial(w, {.messages = 4}, put, unchanged({0, 1, 2, 3}));
                 }});
  all.push_back({"queue put, waiting in vain", [=](const World& w) {
                   return queue_trial(
                       w, {.messages = 4}, [](MessageQueue& q, Sleeper& s) { q.put(bytes_of(2), s, soon()); },
                       unchanged({0, 1, 2, 3}));
                 }});
  all.push_back({"queue get and ack", [=](const World& w) { return queue_trial(w, {}, get, one_of({0, 1}, {1})); }});
  all.push_back({"queue get and ack, waking", [=](const World& w) {
                   return queue_trial(w, {.sleeping_getter = true, .sleeping_putter = true}, get, one_of({0, 1}, {1}));
                 }});
  all.push_back({"queue get", [=](const World& w) {
                   return queue_trial(
                       w, {}, [](MessageQueue& q, Sleeper&) { q.try_get(); }, unchanged({0, 1}));
                 }});
  all.push_back({"queue get two", [=](const World& w) {
                   return queue_trial(
                       w, {}, [](MessageQueue& q, Sleeper&) { q.try_get(), q.try_get(); }, unchanged({0, 1}));
                 }});
  all.push_back({"queue get and nack", [=](const World& w) {
                   return queue_trial(
                       w, {}, [](MessageQueue& q, Sleeper&) { q.nack(q.try_get()->sequence); }, unchanged({0, 1}));
                 }});
  all.push_back({"queue get, empty", [=](const World& w) {
                   return queue_trial(
                       w, {.messages = 0}, [](MessageQueue& q, Sleeper&) { q.try_get(); }, unchanged({}));
                 }});
  all.push_back({"queue get, waiting in vain", [=](const World& w) {
                   return queue_trial(
                       w, {.messages = 0}, [](MessageQueue& q, Sleeper& s) { q.get(s, soon()); }, unchanged({}));
                 }});
  all.push_back({"queue get, into the dead letters", [=](const World& w) {
                   return queue_trial(
                       w, {.messages = 1, .taken_before = 1, .max_deliveries = 1},
                       [](MessageQueue& q, Sleeper&) { q.try_get(); },
                       [](const Ids& left, bool, std::size_t dead) -> Sentence {
                         return left.empty() && dead == 1 ? "" : list(left) + ", dead " + std::to_string(dead);
                       });
                 }});
  all.push_back({"queue get, expired", [=](const World& w) {
                   return queue_trial(
                       w, {.messages = 1, .deadline_ns = 1}, [](MessageQueue& q, Sleeper&) { q.try_get(); },
                       unchanged({}));
                 }});
  all.push_back({"queue close", [=](const World& w) {
                   return queue_trial(
                       w, {.sleeping_getter = true}, [](MessageQueue& q, Sleeper&) { q.close(); }, unchanged({0, 1}));
                 }});
  return all;
}

// Topics.

Trial topic_trial(const World& world, std::uint64_t before, std::function<void(Topic&, Sleeper&)> act) {
  const Topic::Shape shape{4, 16};
  void* memory = fresh(Topic::bytes(shape, kSlots));
  Topic::format(memory, shape, kSlots);
  Topic topic(memory, shape, kSlots, world.party(kSurvivor));
  for (std::uint64_t id = 0; id < before; ++id) topic.publish(bytes_of(id));
  const auto cursor = topic.join();
  topic.waiting().announce(kSleeping);
  Trial trial;
  trial.act = [&world, memory, shape, act](Party self) {
    Topic mine(memory, shape, kSlots, self);
    VictimsSleeper sleeper(world);
    begin();
    act(mine, sleeper);
  };
  trial.repair = [topic](Owner dead) { return topic.repair(dead); };
  trial.sleepers = {topic.waiting()};
  trial.aftermath = [memory, shape, cursor, before](Party self, bool finished) -> Sentence {
    Topic mine(memory, shape, kSlots, self);
    Topic::Cursor at = cursor;
    Ids got;
    std::byte buffer[16];
    for (std::uint64_t id = before + 1; id < before + 3; ++id) {
      if (mine.publish(bytes_of(id)) != Topic::Published::done) return "publishing fails";
    }
    for (;;) {
      const auto polled = mine.poll(at, buffer);
      if (polled.what == Topic::Polled::none) break;
      if (polled.what == Topic::Polled::lost) return "messages are lost";
      std::uint64_t id = 0;
      std::memcpy(&id, buffer, sizeof id);
      got.push_back(id);
    }
    const Ids with{before, before + 1, before + 2}, without{before + 1, before + 2};
    return got == with || (got == without && !finished) ? "" : list(got);
  };
  return trial;
}

std::vector<Operation> topic_operations() {
  const auto publish = [](std::uint64_t id) { return [id](Topic& t, Sleeper&) { t.publish(bytes_of(id)); }; };
  return {{"topic publish", [=](const World& w) { return topic_trial(w, 1, publish(1)); }},
          {"topic publish, second lap", [=](const World& w) { return topic_trial(w, 6, publish(6)); }},
          {"topic publish and poll", [=](const World& w) {
             return topic_trial(w, 2, [](Topic& t, Sleeper&) {
               auto cursor = t.join(2);
               std::byte buffer[16];
               t.publish(bytes_of(2));
               while (t.poll(cursor, buffer).what != Topic::Polled::none) {
               }
             });
           }}};
}

// Semaphores and mutexes.

Trial semaphore_trial(const World& world, std::uint32_t permits, bool all_taken,
                      std::function<void(Semaphore&, Sleeper&)> act) {
  const Semaphore::Shape shape{permits};
  void* memory = fresh(Semaphore::bytes(shape, kSlots));
  Semaphore semaphore(memory, shape, kSlots, world.party(kSurvivor));
  std::vector<Semaphore::Permit> held;
  while (all_taken && semaphore.value() > 0) held.push_back(*semaphore.try_acquire());
  semaphore.waiting().announce(kSleeping);
  Trial trial;
  trial.act = [&world, memory, shape, act](Party self) {
    Semaphore mine(memory, shape, kSlots, self);
    VictimsSleeper sleeper(world);
    begin();
    act(mine, sleeper);
  };
  trial.repair = [semaphore](Owner dead) mutable { return semaphore.repair(dead); };
  trial.sleepers = {semaphore.waiting()};
  trial.aftermath = [memory, shape, held, permits](Party self, bool) -> Sentence {
    Semaphore mine(memory, shape, kSlots, self);
    for (const auto& permit : held) mine.release(permit);
    if (mine.value() != permits) return std::to_string(mine.value()) + " permits are free";
    std::vector<Semaphore::Permit> all;
    for (std::uint32_t i = 0; i < permits; ++i) {
      const auto permit = mine.try_acquire();
      if (!permit) return "a permit can't be had";
      all.push_back(*permit);
    }
    if (mine.try_acquire()) return "there is one permit too many";
    for (const auto& permit : all) mine.release(permit);
    return {};
  };
  return trial;
}

std::vector<Operation> semaphore_operations() {
  const auto take_and_release = [](Semaphore& s, Sleeper&) { s.release(*s.try_acquire()); };
  const auto take = [](Semaphore& s, Sleeper&) { s.try_acquire(); };
  const auto wait = [](Semaphore& s, Sleeper& sleeper) { s.acquire(sleeper, soon()); };
  return {
      {"mutex lock and unlock", [=](const World& w) { return semaphore_trial(w, 1, false, take_and_release); }},
      {"mutex lock", [=](const World& w) { return semaphore_trial(w, 1, false, take); }},
      {"mutex lock, waiting in vain", [=](const World& w) { return semaphore_trial(w, 1, true, wait); }},
      {"semaphore acquire and release", [=](const World& w) { return semaphore_trial(w, 3, false, take_and_release); }},
      {"semaphore acquire, waiting in vain", [=](const World& w) { return semaphore_trial(w, 3, true, wait); }}};
}

// Events and barriers.

Trial event_trial(const World& world, bool set, std::function<void(Event&, Sleeper&)> act,
                  std::function<Sentence(bool is_set, bool finished)> judge) {
  void* memory = fresh(Event::bytes({}, kSlots));
  Event event(memory, {}, kSlots, world.party(kSurvivor));
  if (set) event.set();
  event.waiting().announce(kSleeping);
  Trial trial;
  trial.act = [&world, memory, act](Party self) {
    Event mine(memory, {}, kSlots, self);
    VictimsSleeper sleeper(world);
    begin();
    act(mine, sleeper);
  };
  trial.repair = [event](Owner dead) mutable { return event.repair(dead); };
  trial.sleepers = {event.waiting()};
  trial.aftermath = [memory, judge](Party self, bool finished) -> Sentence {
    Event mine(memory, {}, kSlots, self);
    const Sentence wrong = judge(mine.is_set(), finished);
    mine.set();
    if (!mine.is_set()) return "it can't be set";
    mine.clear();
    return mine.is_set() ? "it can't be cleared" : wrong;
  };
  return trial;
}

std::vector<Operation> event_operations() {
  return {{"event set",
           [](const World& w) {
             return event_trial(
                 w, false, [](Event& e, Sleeper&) { e.set(); },
                 [](bool set, bool finished) { return Sentence(finished && !set ? "it is not set" : ""); });
           }},
          {"event clear",
           [](const World& w) {
             return event_trial(
                 w, true, [](Event& e, Sleeper&) { e.clear(); },
                 [](bool set, bool finished) { return Sentence(finished && set ? "it is set" : ""); });
           }},
          {"event wait, in vain", [](const World& w) {
             return event_trial(
                 w, false, [](Event& e, Sleeper& s) { e.wait(s, soon()); },
                 [](bool set, bool) { return Sentence(set ? "it is set" : ""); });
           }}};
}

Trial barrier_trial(const World& world, std::uint32_t arrived_before, std::function<void(Barrier&)> act) {
  const Barrier::Shape shape{3};
  void* memory = fresh(Barrier::bytes(shape, kSlots));
  Barrier::format(memory, shape, kSlots);
  Barrier barrier(memory, shape, kSlots, world.party(kSurvivor));
  std::vector<Barrier::Arrival> arrivals;
  for (std::uint32_t i = 0; i < arrived_before; ++i) arrivals.push_back(*barrier.arrive());
  barrier.waiting().announce(kSleeping);
  Trial trial;
  trial.act = [memory, shape, act](Party self) {
    Barrier mine(memory, shape, kSlots, self);
    begin();
    act(mine);
  };
  trial.repair = [barrier](Owner dead) { return barrier.repair(dead); };
  trial.sleepers = {barrier.waiting()};
  trial.aftermath = [memory, shape, arrivals](Party self, bool) -> Sentence {
    Barrier mine(memory, shape, kSlots, self);
    std::size_t passed = 0;
    for (const auto& arrival : arrivals) passed += mine.passed(arrival) ? 1 : 0;
    if (passed != 0 && passed != arrivals.size()) return "some have passed and some have not";
    if (passed == 0 && mine.arrived() != arrivals.size()) return std::to_string(mine.arrived()) + " have arrived";
    std::vector<Barrier::Arrival> all = passed == 0 ? arrivals : std::vector<Barrier::Arrival>();
    while (all.size() < shape.parties) {
      const auto arrival = mine.arrive();
      if (!arrival) return "one can't arrive";
      all.push_back(*arrival);
    }
    for (const auto& arrival : all) {
      if (!mine.passed(arrival)) return "all have arrived and do not pass";
    }
    return {};
  };
  return trial;
}

std::vector<Operation> barrier_operations() {
  const auto arrive = [](Barrier& b) { b.arrive(); };
  const auto give_up = [](Barrier& b) { b.give_up(*b.arrive()); };
  return {{"barrier arrive", [=](const World& w) { return barrier_trial(w, 1, arrive); }},
          {"barrier arrive last", [=](const World& w) { return barrier_trial(w, 2, arrive); }},
          {"barrier arrive and give up", [=](const World& w) { return barrier_trial(w, 1, give_up); }}};
}

// Tables.

const std::string kKey = "key", kOther = "other";

Row row(std::int64_t number, const std::string& text) { return Row{Value(number), Value(text)}; }

Trial table_trial(const World& world, std::uint64_t ttl_ns, std::function<void(Table&)> act, std::optional<Row> before,
                  std::optional<Row> after) {
  const Table::Shape shape{8, 16, {{"number", ColumnType::integer, 0}, {"text", ColumnType::text, 24}}};
  void* memory = fresh(Table::bytes(shape, kSlots));
  Table::format(memory, shape, kSlots);
  Table table(memory, shape, kSlots, world.party(kSurvivor));
  if (before || ttl_ns != kNoDeadline) table.set(kKey, row(1, "one"), ttl_ns, 1);
  table.set(kOther, row(7, "seven"));
  Trial trial;
  trial.act = [memory, shape, act](Party self) {
    Table mine(memory, shape, kSlots, self);
    begin();
    act(mine);
  };
  trial.repair = [table](Owner dead) mutable { return table.repair(dead); };
  trial.aftermath = [memory, shape, before, after](Party self, bool finished) -> Sentence {
    Table mine(memory, shape, kSlots, self);
    Row found;
    const auto result = mine.get(kKey, found);
    const auto is = [&](const std::optional<Row>& expected) {
      return expected ? result == TableResult::done && found == *expected : result == TableResult::absent;
    };
    if (!is(after) && (finished || !is(before))) return "the row is neither the old nor the new one";
    std::size_t keys = 0;
    mine.for_each([&](std::string_view key, const Row&) { keys += key == kKey ? 1 : 0; });
    if (keys != (result == TableResult::done ? 1U : 0U)) return "the key is there " + std::to_string(keys) + " times";
    if (mine.get(kOther, found) != TableResult::done || !(found == row(7, "seven"))) return "another row has changed";
    if (mine.set(kKey, row(5, "five")) != TableResult::done) return "it can't be set";
    if (mine.incr(kKey, 0, 1).value != 6) return "it can't be added to";
    if (mine.erase(kKey) != TableResult::done) return "it can't be erased";
    std::size_t rows = mine.rows();
    if (rows != 1) return std::to_string(rows) + " rows are left, not 1";
    for (int i = 0; i < 15; ++i) {
      if (mine.set("k" + std::to_string(i), row(i, "")) != TableResult::done && i < 7) return "there is no room";
    }
    return {};
  };
  return trial;
}

std::vector<Operation> table_operations() {
  const auto at = [](std::uint64_t ttl, std::function<void(Table&)> act, std::optional<Row> before,
                     std::optional<Row> after) {
    return [=](const World& w) { return table_trial(w, ttl, act, before, after); };
  };
  const Row one = row(1, "one"), two = row(2, "the second of them");
  return {
      {"table insert", at(
                           kNoDeadline, [=](Table& t) { t.insert(kKey, two); }, std::nullopt, two)},
      {"table set, a new row", at(
                                   kNoDeadline, [=](Table& t) { t.set(kKey, two); }, std::nullopt, two)},
      {"table set, replacing", at(
                                   kNoDeadline, [=](Table& t) { t.set(kKey, two); }, one, two)},
      {"table incr", at(
                         kNoDeadline, [](Table& t) { t.incr(kKey, 0, 4); }, one, row(5, "one"))},
      {"table incr, a new row", at(
                                    kNoDeadline, [](Table& t) { t.incr(kKey, 0, 4); }, std::nullopt, row(4, ""))},
      {"table compare and set", at(
                                    kNoDeadline, [=](Table& t) { t.compare_and_set(kKey, one, two); }, one, two)},
      {"table erase", at(
                          kNoDeadline, [](Table& t) { t.erase(kKey); }, one, std::nullopt)},
      {"table touch", at(
                          kNoDeadline, [](Table& t) { t.touch(kKey, 1ULL << 50); }, one, one)},
      {"table get and visit", at(
                                  kNoDeadline,
                                  [](Table& t) {
                                    Row r;
                                    t.get(kKey, r);
                                    t.for_each([](std::string_view, const Row&) {});
                                  },
                                  one, one)},
      {"table sweep",
       at(
           1, [](Table& t) { t.sweep(1ULL << 60, [](std::string_view, const Row&) {}); }, std::nullopt, std::nullopt)},
      {"table set over an expired row", at(
                                            1, [=](Table& t) { t.set(kKey, two); }, std::nullopt, two)},
  };
}

// Numbers.

template <class Metric>
Trial metric_trial(const World& world, std::function<void(Metric&)> act, std::function<Sentence(Metric&, bool)> judge) {
  void* memory = fresh(Metric::bytes({}, kSlots));
  Metric metric(memory, {}, kSlots, world.party(kSurvivor));
  Trial trial;
  trial.act = [memory, act](Party self) {
    Metric mine(memory, {}, kSlots, self);
    begin();
    act(mine);
  };
  trial.repair = [metric](Owner dead) { return metric.repair(dead); };
  trial.aftermath = [memory, judge](Party self, bool finished) -> Sentence {
    Metric mine(memory, {}, kSlots, self);
    return judge(mine, finished);
  };
  return trial;
}

std::vector<Operation> metric_operations() {
  return {{"counter add",
           [](const World& w) {
             return metric_trial<SharedCounter>(
                 w, [](SharedCounter& c) { c.add(5); },
                 [](SharedCounter& c, bool finished) -> Sentence {
                   const auto value = c.value();
                   return value == 5 || (value == 0 && !finished) ? "" : "the value is " + std::to_string(value);
                 });
           }},
          {"gauge add",
           [](const World& w) {
             return metric_trial<SharedGauge>(
                 w, [](SharedGauge& g) { g.add(5); },
                 [](SharedGauge& g, bool) -> Sentence { return g.value() == 0 ? "" : "the dead still counts"; });
           }},
          {"histogram record", [](const World& w) {
             return metric_trial<SharedHistogram>(
                 w, [](SharedHistogram& h) { h.record(1000); },
                 [](SharedHistogram& h, bool finished) -> Sentence {
                   return h.count() == 1 || (h.count() == 0 && !finished) ? "" : "the count is wrong";
                 });
           }}};
}

// Stepping.

/// The victim, stopped before its first instruction of the operation.
pid_t start_victim(const World& world, const Trial& trial) {
  const pid_t victim = ::fork();
  if (victim == 0) {
    ::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr);
    trial.act(world.party(kVictim));
    ::raise(SIGSTOP);
    ::_exit(0);
  }
  int status = 0;
  retry_eintr([&] { return ::waitpid(victim, &status, 0); });
  return victim;
}

/// @return false: the operation was finished before
bool step(pid_t victim, unsigned long instructions) {
  for (unsigned long i = 0; i < instructions; ++i) {
    ::ptrace(PTRACE_SINGLESTEP, victim, nullptr, nullptr);
    int status = 0;
    retry_eintr([&] { return ::waitpid(victim, &status, 0); });
    if (!WIFSTOPPED(status)) return false;
    if (WSTOPSIG(status) == SIGSTOP) return false;
  }
  return true;
}

const char* g_operation = "";
unsigned long g_position = 0;

extern "C" void on_alarm(int) {
  std::fprintf(stderr, "%s: killed after %lu instructions: the survivor hangs\n", g_operation, g_position);
  ::_exit(1);
}

struct Tally {
  unsigned long positions = 0, wrong = 0, instructions = 0;
  double worst_ms = 0;
};

struct Arguments {
  unsigned long every = 1;
  std::string only;
  double limit_ms = 200;
  bool without_repair = false;
};

/// @return false: the operation has fewer instructions
bool try_position(const World& world, const Operation& operation, const Arguments& arguments, Tally& tally) {
  const Trial trial = operation.make(world);
  const pid_t victim = start_victim(world, trial);
  const bool within = step(victim, g_position);
  ::kill(victim, SIGKILL);
  int status = 0;
  retry_eintr([&] { return ::waitpid(victim, &status, 0); });
  itimerval timer{{0, 0}, {5, 0}};
  ::setitimer(ITIMER_REAL, &timer, nullptr);
  const std::uint64_t begin = sleeper_clock_ns();
  for (const WaitingSet& set : trial.sleepers) set.retract(kVictim);
  if (!arguments.without_repair) trial.repair(owner_of(kVictim));
  for (const WaitingSet& set : trial.sleepers) set.wake_all(world.wakeups.bells());
  for (std::size_t slot = 0; slot < kSlots; ++slot) world.wakeups.bells().ring(slot);
  Sentence wrong = trial.aftermath(world.party(kSurvivor), !within);
  if (wrong.empty() && !world.rung()) wrong = "the sleeper was not woken";
  for (const WaitingSet& set : trial.sleepers) {
    if (wrong.empty() && set.announced(kVictim)) wrong = "the dead is still announced";
  }
  const double ms = static_cast<double>(sleeper_clock_ns() - begin) / 1e6;
  timer.it_value.tv_sec = 0;
  ::setitimer(ITIMER_REAL, &timer, nullptr);
  if (ms > arguments.limit_ms) wrong += " (it took " + std::to_string(ms) + " ms)";
  ++tally.positions;
  tally.worst_ms = std::max(tally.worst_ms, ms);
  if (!wrong.empty()) {
    ++tally.wrong;
    std::fprintf(stderr, "%s: killed after %lu instructions: %s\n", operation.name, g_position, wrong.c_str());
  }
  return within;
}

Tally run(const World& world, const Operation& operation, const Arguments& arguments, unsigned long first) {
  Tally tally;
  g_operation = operation.name;
  for (g_position = first; try_position(world, operation, arguments, tally); g_position += arguments.every) {
  }
  tally.instructions = g_position;
  std::printf("%-38s %6lu instructions, %6lu positions, %3lu wrong, slowest repair and use %6.2f ms\n", operation.name,
              tally.instructions, tally.positions, tally.wrong, tally.worst_ms);
  std::fflush(stdout);
  return tally;
}

Arguments read_arguments(int argc, char** argv) {
  Arguments arguments;
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string name = argv[i];
    if (name == "--every") arguments.every = std::max(1L, std::atol(argv[i + 1]));
    if (name == "--only") arguments.only = argv[i + 1];
    if (name == "--without-repair") arguments.without_repair = std::string(argv[i + 1]) == "yes";
    if (name == "--limit-ms") arguments.limit_ms = std::atof(argv[i + 1]);
  }
  return arguments;
}

}  // namespace

int main(int argc, char** argv) {
  const Arguments arguments = read_arguments(argc, argv);
  ::signal(SIGALRM, on_alarm);
  World world;
  Tally all;
  unsigned long index = 0;
  for (const auto& family : {queue_operations, topic_operations, semaphore_operations, event_operations,
                             barrier_operations, table_operations, metric_operations}) {
    for (const Operation& operation : family()) {
      ++index;
      if (std::string(operation.name).find(arguments.only) == std::string::npos) continue;
      const Tally tally = run(world, operation, arguments, index * 7 % arguments.every);
      all.positions += tally.positions;
      all.wrong += tally.wrong;
      all.worst_ms = std::max(all.worst_ms, tally.worst_ms);
    }
  }
  std::printf("%lu positions, %lu wrong, slowest %.2f ms\n", all.positions, all.wrong, all.worst_ms);
  return all.wrong == 0 && all.positions > 0 ? 0 : 1;
}
