// Explicit-state check of the topic (ipc/objects/topic.cpp): P publishers of M messages each, R subscribers, a ring of
// N slots. The first publisher is killed at any step, the repair runs step by step beside the living, and its successor
// publishes with the same owner; or it is stopped for good at any step and never repaired. Every interleaving
// (sequentially consistent) is visited. Requirements:
// - the slot's word names the writer of the payload all the time: no two own one slot's memory;
// - a message becomes ready at most once, and a position takes at most one message;
// - what a subscriber takes is whole and is what was there; what it skips as void was never ready;
// - from every state the work can be finished without a further failure: every living publisher has published or was
//   told `stalled`, no word names anybody, every subscriber has reached the end.
// `topic_model BROKEN` runs the algorithm without one rule, which must be detected: 1 nobody helps the tail on, 2
// subscribers do not look again after the copy, 3 a held slot is taken instead of made void, 4 the repair overlooks
// slots that were made void. `topic_model all` also runs larger models, and takes a minute and 1 GB. Exits with 1 on a
// violation.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <type_traits>
#include <utility>
#include <vector>

namespace {

using Byte = std::uint8_t;

enum Phase : Byte { kVoid = 1, kWriting, kReady, kStale };
enum Broken : int { kNothing, kNoHelp, kNoSecondLook, kTakesHeldSlot, kRepairOverlooksStale };

// A publisher's next step; each corresponds to a row in Topic's code.
enum Publisher : Byte {
  kReadTail,
  kLook,
  kClaim,
  kMakeVoid,
  kHelp,
  kAdvance,
  kWrite,
  kMakeReady,
  kReleaseLook,
  kRelease
};
enum Subscriber : Byte { kPoll, kCopy, kLookAgain, kOverrun, kPassOver };

struct Word {
  Byte sequence = 0, phase = 0, owner = 0;
  bool operator==(const Word&) const = default;
};

const char* violation = nullptr;
void demand(bool holds, const char* rule) {
  if (!holds && violation == nullptr) violation = rule;
}

template <int N, int P, int M, int R>
struct Topic {
  struct Slot {
    Word word;
    Byte payload = 0;  // one word stands for all: each is written and copied for itself
  };
  struct PublisherState {
    Byte step = kReadTail, position = 0, message = 0, held = 0;
    Word seen;
  };
  struct SubscriberState {
    Byte step = kPoll, cursor = N, copy = 0, expected = 0;
    Word seen;
  };
  struct State {
    Byte tail = N;
    Byte dead = 0;  // owner
    Byte repair_at = 0;
    Word repair_seen;
    Byte repair_looked = 0;
    Byte repaired = 0, succeeded = 0;
    Slot ring[N];
    PublisherState publisher[P];
    SubscriberState subscriber[R];
    Byte ready_messages = 0;  // a bit each
    Byte ready_here[N] = {};  // the position that the slot now stands for took a message
  };
  static_assert(std::has_unique_object_representations_v<State>, "states are compared byte by byte");

  bool stops = false;  // the dead one is merely stopped, and never repaired
  int broken = kNothing;

  static State start() {
    State state;
    for (Byte i = 0; i < N; ++i) state.ring[i].word = {i, kVoid, 0};
    return state;
  }

  static Byte text(int publisher, int message) { return static_cast<Byte>(1 + publisher * M + message); }

  static void next_message(PublisherState& self) {
    const Byte message = self.message;
    self = {};
    self.message = static_cast<Byte>(message + 1);
  }
  static void again(PublisherState& self) {
    const auto [message, held] = std::pair(self.message, self.held);
    self = {};
    self.message = message;
    self.held = held;
    if (held >= N) next_message(self);  // told `stalled`
  }

  void publisher_step(State& s, int index) const {
    PublisherState& self = s.publisher[index];
    Slot& slot = s.ring[self.position % N];
    const Byte me = static_cast<Byte>(index + 1);
    const Word mine{self.position, kWriting, me};
    switch (self.step) {
      case kReadTail:
        self.position = s.tail;
        self.step = kLook;
        break;
      case kLook:
        self.seen = slot.word;
        if (self.seen.sequence == self.position) {
          self.step = kHelp;
        } else if (self.seen.sequence > self.position) {
          again(self);
        } else {
          demand(self.seen.sequence + N == self.position, "a slot is one lap behind the tail at the most");
          self.step = self.seen.phase == kVoid || self.seen.phase == kReady ? kClaim : kMakeVoid;
        }
        if (self.step == kHelp) self.seen = {};
        if (self.step == kMakeVoid && broken == kTakesHeldSlot) self.step = kClaim;
        break;
      case kClaim:
        if (slot.word == self.seen) {
          slot.word = mine;
          s.ready_here[self.position % N] = 0;
          self.seen = {};
          self.step = kAdvance;
        } else {
          again(self);
        }
        break;
      case kMakeVoid:
        if (slot.word == self.seen) {
          slot.word = {self.position, kStale, self.seen.owner};
          s.ready_here[self.position % N] = 0;
          ++self.held;
          self.seen = {};
          self.step = kHelp;
        } else {
          again(self);
        }
        break;
      case kHelp:
        if (s.tail == self.position && broken != kNoHelp) ++s.tail;
        again(self);
        break;
      case kAdvance:
        if (s.tail == self.position) ++s.tail;
        self.step = kWrite;
        break;
      case kWrite:
        demand(slot.word.owner == me && (slot.word.phase == kWriting || slot.word.phase == kStale),
               "only whom the word names writes the payload");
        slot.payload = text(index, self.message);
        self.step = kMakeReady;
        break;
      case kMakeReady:
        if (slot.word == mine) {
          const Byte message = static_cast<Byte>(1U << text(index, self.message));
          demand((s.ready_messages & message) == 0, "a message is ready once");
          demand(s.ready_here[self.position % N] == 0, "a position takes one message");
          s.ready_messages = s.ready_messages | message;
          s.ready_here[self.position % N] = 1;
          slot.word = {self.position, kReady, 0};
          next_message(self);
        } else {
          self.step = kReleaseLook;
        }
        break;
      case kReleaseLook:
        self.seen = slot.word;
        demand(self.seen.owner == me && self.seen.phase == kStale, "a slot that was made void stays its writer's");
        self.step = kRelease;
        break;
      case kRelease:
        if (slot.word == self.seen) {
          slot.word = {self.seen.sequence, kVoid, 0};
          ++self.held;
          again(self);
        } else {
          self.seen = {};
          self.step = kReleaseLook;
        }
        break;
      default:
        break;
    }
  }

  // @param slack  how far from the oldest message a subscriber goes on that was overrun
  // @return false: nothing there
  bool subscriber_step(State& s, int index, int slack) const {
    SubscriberState& self = s.subscriber[index];
    Slot& slot = s.ring[self.cursor % N];
    const auto go_to = [&self](Byte cursor) {
      self = {};
      self.cursor = cursor;
    };
    switch (self.step) {
      case kPoll:
        if (slot.word.sequence < self.cursor) return false;
        if (slot.word.sequence > self.cursor) {
          self.seen = slot.word;
          self.step = kOverrun;
        } else if (slot.word.phase == kWriting) {
          return false;
        } else if (slot.word.phase == kReady) {
          self.expected = slot.payload;
          self.step = kCopy;
        } else {
          demand(s.ready_here[self.cursor % N] == 0, "what is skipped as void was never ready");
          go_to(static_cast<Byte>(self.cursor + 1));
        }
        break;
      case kCopy:
        self.copy = slot.payload;
        self.step = kLookAgain;
        break;
      case kLookAgain:
        if (slot.word == Word{self.cursor, kReady, 0} || broken == kNoSecondLook) {
          demand(self.copy == self.expected, "what is taken is whole");
          go_to(static_cast<Byte>(self.cursor + 1));
        } else {
          go_to(self.cursor);
        }
        break;
      case kOverrun: {
        const int next = std::max<int>(s.tail, self.seen.sequence + 1) - N + slack;
        demand(next > self.cursor && next <= s.tail, "an overrun goes forward, and not past the tail");
        go_to(static_cast<Byte>(next));
        break;
      }
      case kPassOver:
        if (slot.word == self.seen) slot.word.phase = kStale;
        go_to(self.cursor);
        break;
      default:
        break;
    }
    return true;
  }

  void repair_step(State& s) const {
    Word& word = s.ring[s.repair_at].word;
    if (s.repair_looked == 0) {
      const bool held = word.phase == kWriting || (word.phase == kStale && broken != kRepairOverlooksStale);
      if (held && word.owner == s.dead) {
        s.repair_seen = word;
        s.repair_looked = 1;
        return;
      }
    } else {
      s.repair_looked = 0;
      const bool same = word == s.repair_seen;
      if (same) word = {word.sequence, kVoid, 0};
      s.repair_seen = {};
      if (!same) return;  // made void, or void of a later lap, meanwhile
    }
    if (++s.repair_at == N) s.repaired = 1;
  }

  // Counts all positions from the oldest that anybody knows: so that the same thing a lap later is the same.
  static void rebase(State& s) {
    Byte oldest = s.tail;
    const auto meet = [&oldest](Byte position) { oldest = std::min(oldest, position); };
    for (const Slot& slot : s.ring) meet(slot.word.sequence);
    for (const PublisherState& one : s.publisher) {
      if (one.step != kReadTail) meet(one.position);
      if (one.seen != Word{}) meet(one.seen.sequence);
    }
    for (const SubscriberState& one : s.subscriber) meet(one.cursor);
    if (s.repair_looked != 0) meet(s.repair_seen.sequence);
    const Byte laps = static_cast<Byte>(oldest / N * N);
    if (laps == 0) return;
    const auto shift = [laps](Byte& position) { position = static_cast<Byte>(position - laps); };
    shift(s.tail);
    for (Slot& slot : s.ring) shift(slot.word.sequence);
    for (PublisherState& one : s.publisher) {
      if (one.step != kReadTail) shift(one.position);
      if (one.seen != Word{}) shift(one.seen.sequence);
    }
    for (SubscriberState& one : s.subscriber) {
      shift(one.cursor);
      if (one.seen != Word{}) shift(one.seen.sequence);
    }
    if (s.repair_looked != 0) shift(s.repair_seen.sequence);
  }

  // @param meet  called with each successor, and whether it comes by itself, without a misfortune or a choice
  template <class Meet>
  void successors(const State& s, Meet meet) const {
    for (int i = 0; i < P; ++i) {
      if (s.publisher[i].message >= M || s.dead == i + 1) continue;
      State next = s;
      publisher_step(next, i);
      meet(next, true);
    }
    for (int i = 0; i < R; ++i) {
      State next = s;
      if (subscriber_step(next, i, 0)) meet(next, true);
      if (s.subscriber[i].step == kOverrun) {
        next = s;
        subscriber_step(next, i, N - 1);
        meet(next, true);
      }
      const Word word = s.ring[s.subscriber[i].cursor % N].word;
      if (s.subscriber[i].step == kPoll && word.sequence == s.subscriber[i].cursor && word.phase == kWriting) {
        next = s;
        next.subscriber[i].seen = word;
        next.subscriber[i].step = kPassOver;
        meet(next, stops);
      }
    }
    if (s.dead == 0 && s.succeeded == 0) {
      State next = s;
      next.dead = 1;  // publishers are alike: the first stands for all
      meet(next, false);
    }
    if (s.dead == 0 || stops) return;
    State next = s;
    if (s.repaired == 0) {
      repair_step(next);
    } else {
      PublisherState& successor = next.publisher[s.dead - 1];
      if (successor.message < M) next_message(successor);
      next.dead = next.repaired = next.repair_at = 0;
      next.succeeded = 1;
    }
    meet(next, true);
  }

  bool finished(const State& s) const {
    if (s.dead != 0 && !stops) return false;
    for (int i = 0; i < P; ++i) {
      if (s.publisher[i].message < M && s.dead != i + 1) return false;
    }
    for (const Slot& slot : s.ring) {
      if (slot.word.owner != 0 && slot.word.owner != s.dead) return false;
    }
    // The tail itself may be left one behind: the next to come helps it on.
    return std::all_of(s.subscriber, s.subscriber + R, [&s](const SubscriberState& one) {
      return one.step == kPoll && one.cursor >= s.tail && s.ring[one.cursor % N].word.sequence < one.cursor;
    });
  }

  // @return it holds
  bool check() const {
    std::vector<State> states;
    std::vector<std::uint32_t> table(1U << 16, UINT32_MAX);
    std::vector<std::uint32_t> edges;  // those that come by themselves
    std::vector<std::size_t> edges_of;
    const auto bucket_of = [&table](const State& state) {
      std::uint64_t hash = 1469598103934665603U;
      Byte bytes[sizeof(State)];
      std::memcpy(bytes, &state, sizeof state);
      for (const Byte byte : bytes) hash = (hash ^ byte) * 1099511628211U;
      return (hash ^ hash >> 29) & (table.size() - 1);
    };
    const auto number_of = [&](const State& state) {
      if (states.size() * 2 > table.size()) {
        table.assign(table.size() * 2, UINT32_MAX);
        for (std::uint32_t i = 0; i < states.size(); ++i) {
          std::size_t bucket = bucket_of(states[i]);
          while (table[bucket] != UINT32_MAX) bucket = (bucket + 1) & (table.size() - 1);
          table[bucket] = i;
        }
      }
      std::size_t bucket = bucket_of(state);
      for (; table[bucket] != UINT32_MAX; bucket = (bucket + 1) & (table.size() - 1)) {
        if (std::memcmp(&states[table[bucket]], &state, sizeof state) == 0) return table[bucket];
      }
      table[bucket] = static_cast<std::uint32_t>(states.size());
      states.push_back(state);
      return table[bucket];
    };

    number_of(start());
    for (std::size_t at = 0; at < states.size() && violation == nullptr; ++at) {
      edges_of.push_back(edges.size());
      const State state = states[at];
      successors(state, [&](State next, bool by_itself) {
        rebase(next);
        const std::uint32_t number = number_of(next);
        if (by_itself) edges.push_back(number);
      });
    }
    edges_of.push_back(edges.size());

    std::size_t stuck = 0;
    if (violation == nullptr) {
      std::vector<bool> finishable(states.size());
      for (bool changed = true; changed;) {
        changed = false;
        for (std::size_t at = states.size(); at-- > 0;) {
          if (finishable[at]) continue;
          const auto first = edges.begin() + static_cast<std::ptrdiff_t>(edges_of[at]);
          const auto last = edges.begin() + static_cast<std::ptrdiff_t>(edges_of[at + 1]);
          if (!finished(states[at]) && std::none_of(first, last, [&](std::uint32_t n) { return finishable[n]; }))
            continue;
          finishable[at] = changed = true;
        }
      }
      stuck = static_cast<std::size_t>(std::count(finishable.begin(), finishable.end(), false));
      if (stuck > 0) violation = "the work can be finished";
    }
    std::printf("topic: %d slots, %d publishers of %d, %d subscribers, one %s: %zu states, %s%s\n", N, P, M, R,
                stops ? "stopped" : "killed", states.size(),
                violation == nullptr ? "all is well" : "violated: ", violation == nullptr ? "" : violation);
    return violation == nullptr;
  }
};

template <int N, int P, int M, int R>
bool holds(int broken) {
  for (const bool stops : {false, true}) {
    Topic<N, P, M, R> model;
    model.stops = stops;
    model.broken = broken;
    if (!model.check()) return false;
  }
  return true;
}

}  // namespace

int main(int argc, char** argv) {
  const bool all = argc > 1 && std::strcmp(argv[1], "all") == 0;
  const int broken = argc > 1 && !all ? std::atoi(argv[1]) : kNothing;
  const bool well = holds<2, 2, 1, 1>(broken) && holds<2, 2, 2, 1>(broken) && holds<2, 2, 1, 2>(broken) &&
                    (!all || holds<2, 3, 1, 1>(broken));
  return well ? 0 : 1;
}
