// Explicit-state check of the barrier (ipc/objects/barrier.cpp): K processes and a barrier of n parties, which must
// pass T times. A waiter may give up at any time; one process is killed at any step, the repair runs step by step
// beside the living, and a successor with the same owner takes its place. Every interleaving (sequentially consistent)
// is visited. Requirements:
// - a generation passes with exactly n arrivals that nobody has withdrawn;
// - nobody takes a place for a generation that has passed;
// - a process that withdraws in time finds its place as it left it;
// - from every state the barrier can pass T times and let everyone through, with no further failure and even if nobody
//   else gives up.
// The epoch is not counted: a process that has read the head word knows whether it has changed since. `barrier_model
// BROKEN` runs the algorithm without one rule, which must be detected: 1 a place is free before the epoch is
// incremented, 2 the epoch is not incremented, 3 nobody counts again, 4 a place of a later generation is taken. Exits
// with 1 on a violation.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <type_traits>
#include <vector>

namespace {

using Byte = std::uint8_t;

enum Phase : Byte { kVacant, kArrived, kLeaving };
enum Broken : int { kNothing, kFreeTooEarly, kNoBump, kNoSecondCount, kTakesLaterPlace };

// A process's next step; the names are those of the code.
enum Step : Byte {
  kReadGeneration,
  kLookAtPlace,
  kClaim,
  kReadEpoch,
  kCount,
  kComplete,
  kWait,
  kLeave,
  kBump,
  kFree,
};
enum RepairStep : Byte { kRepairLook, kRepairReadGeneration, kRepairLeave, kRepairBump, kRepairFree };

struct Place {
  Byte generation = 0, phase = kVacant, owner = 0;
  bool operator==(const Place&) const = default;
};

const char* violation = nullptr;
void demand(bool holds, const char* rule) {
  if (!holds && violation == nullptr) violation = rule;
}

template <int K, int N, int T>
struct Barrier {
  struct Process {
    Byte step = kReadGeneration, generation = 0, index = 0;
    Byte at = 0;     // places looked at
    Byte fresh = 0;  // the head word is still what was read
    Place seen;
  };
  struct State {
    Byte generation = 1;
    Byte dead = 0;  // owner
    Byte repair_step = kRepairLook, repair_at = 0;
    Place repair_seen;
    Byte repaired = 0, succeeded = 0;
    Place place[N];
    Process process[K];
  };
  static_assert(std::has_unique_object_representations_v<State>, "states are compared byte by byte");

  int broken = kNothing;

  static State start() { return {}; }

  // Whether the generation still counts on this process.
  static bool waits_for(const Process& one, Byte generation) {
    return one.step >= kReadEpoch && one.step <= kBump && one.generation == generation;
  }
  static void head_changes(State& s) {
    for (Process& one : s.process) one.fresh = 0;
  }
  static void go_to(Process& self, Byte step) {
    const Process old = self;
    self = {};
    self.step = step;
    if (step == kReadGeneration) return;
    self.generation = old.generation;
    if (step >= kReadEpoch) self.index = old.index;
  }

  void leave(Place& place, Byte generation, Byte owner) const {
    place = broken == kFreeTooEarly ? Place{generation, kVacant, 0} : Place{generation, kLeaving, owner};
  }

  // @return false: nothing to do
  bool process_step(State& s, int number) const {
    Process& self = s.process[number];
    const Byte me = static_cast<Byte>(number + 1);
    Place& own = s.place[self.index];
    switch (self.step) {
      case kReadGeneration:
        if (s.generation > T) return false;
        self.generation = s.generation;
        self.index = static_cast<Byte>(number % N);
        self.step = kLookAtPlace;
        break;
      case kLookAtPlace: {
        if (self.at == N) {  // all are taken, or the generation has moved on
          go_to(self, kReadGeneration);
          break;
        }
        const bool takes_later = broken == kTakesLaterPlace && own.generation > self.generation;
        if (own.generation < self.generation || takes_later ||
            (own.generation == self.generation && own.phase == kVacant)) {
          self.seen = own;
          self.step = kClaim;
        } else if (own.generation > self.generation) {
          go_to(self, kReadGeneration);
        } else {
          ++self.at;
          self.index = static_cast<Byte>((self.index + 1) % N);
        }
        break;
      }
      case kClaim:
        if (own == self.seen) {
          demand(s.generation == self.generation, "nobody takes a place for a generation that has passed");
          own = {self.generation, kArrived, me};
          go_to(self, kReadEpoch);
        } else {
          self.seen = {};
          self.step = kLookAtPlace;
        }
        break;
      case kReadEpoch:
        if (s.generation != self.generation) {
          go_to(self, kWait);
          break;
        }
        self.fresh = 1;
        self.step = kCount;
        break;
      case kCount:
        if (s.place[self.at].generation != self.generation || s.place[self.at].phase != kArrived) {
          go_to(self, kWait);
        } else if (++self.at == N) {
          self.at = 0;
          self.step = kComplete;
        }
        break;
      case kComplete:
        if (self.fresh != 0) {
          const auto waiting = std::count_if(s.process, s.process + K,
                                             [&s](const Process& one) { return waits_for(one, s.generation); });
          demand(waiting == N, "a generation passes with exactly n arrivals that nobody has withdrawn");
          ++s.generation;
          head_changes(s);
          go_to(self, kWait);
        } else {
          go_to(self, broken == kNoSecondCount ? kWait : kReadEpoch);
        }
        break;
      case kWait:
        if (s.generation == self.generation) return false;
        go_to(self, kReadGeneration);
        break;
      case kLeave:
        if (own == Place{self.generation, kArrived, me}) {
          leave(own, self.generation, me);
          go_to(self, kBump);
        } else {
          demand(s.generation != self.generation, "a place is its holder's until the generation passes");
          go_to(self, kReadGeneration);
        }
        break;
      case kBump: {
        const bool in_time = s.generation == self.generation;
        if (broken != kNoBump) head_changes(s);
        go_to(self, in_time ? kFree : kReadGeneration);
        break;
      }
      case kFree:
        if (broken != kFreeTooEarly) {
          demand(own == Place{self.generation, kLeaving, me}, "who withdraws in time finds its place as it left it");
          own = {self.generation, kVacant, 0};
        }
        go_to(self, kReadGeneration);
        break;
      default:
        break;
    }
    return true;
  }

  void repair_step(State& s) const {
    Place& place = s.place[s.repair_at];
    Process& dead = s.process[s.dead - 1];
    const auto next_place = [&s] {
      s.repair_step = kRepairLook;
      s.repair_seen = {};
      if (++s.repair_at == N) s.repaired = 1;
    };
    switch (s.repair_step) {
      case kRepairLook:
        if (place.phase == kVacant || place.owner != s.dead) return next_place();
        s.repair_seen = place;
        s.repair_step = kRepairReadGeneration;
        break;
      case kRepairReadGeneration:
        if (s.generation != s.repair_seen.generation) return next_place();
        s.repair_step = kRepairLeave;
        break;
      case kRepairLeave:
        if (place != s.repair_seen) return next_place();
        leave(place, s.repair_seen.generation, s.dead);
        s.repair_step = kRepairBump;
        break;
      case kRepairBump: {
        const bool in_time = s.generation == s.repair_seen.generation;
        if (broken != kNoBump) head_changes(s);
        if (!in_time) return next_place();
        if (waits_for(dead, s.generation)) go_to(dead, kFree);
        s.repair_step = kRepairFree;
        break;
      }
      default:
        if (broken != kFreeTooEarly) {
          demand(place == Place{s.repair_seen.generation, kLeaving, s.dead}, "the repair finds a place as it left it");
          place = {s.repair_seen.generation, kVacant, 0};
        }
        next_place();
        break;
    }
  }

  // @param meet  called with each successor, and whether it comes by itself, without a misfortune or a choice
  template <class Meet>
  void successors(const State& s, Meet meet) const {
    for (int i = 0; i < K; ++i) {
      if (s.dead == i + 1) continue;
      State next = s;
      if (process_step(next, i)) meet(next, true);
      if (s.process[i].step != kWait || s.process[i].generation != s.generation) continue;
      for (const Byte choice : {kReadEpoch, kLeave}) {  // look once more, or give up
        next = s;
        go_to(next.process[i], choice);
        meet(next, false);
      }
    }
    if (s.dead == 0 && s.succeeded == 0) {
      for (int i = 0; i < K; ++i) {
        State next = s;
        next.dead = static_cast<Byte>(i + 1);
        meet(next, false);
      }
    }
    if (s.dead == 0) return;
    State next = s;
    if (s.repaired == 0) {
      repair_step(next);
    } else {
      go_to(next.process[s.dead - 1], kReadGeneration);
      next.dead = next.repaired = next.repair_at = 0;
      next.succeeded = 1;
    }
    meet(next, true);
  }

  static bool finished(const State& s) {
    return s.dead == 0 && s.generation > T &&
           std::all_of(s.process, s.process + K, [](const Process& one) { return one.step == kReadGeneration; });
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
      successors(state, [&](const State& next, bool by_itself) {
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
    std::printf("barrier: %d parties, %d processes, %d times: %zu states, %s%s\n", N, K, T, states.size(),
                violation == nullptr ? "all is well" : "violated: ", violation == nullptr ? "" : violation);
    return violation == nullptr;
  }
};

template <int K, int N, int T>
bool holds(int broken) {
  Barrier<K, N, T> model;
  model.broken = broken;
  return model.check();
}

}  // namespace

int main(int argc, char** argv) {
  const bool all = argc > 1 && std::strcmp(argv[1], "all") == 0;
  const int broken = argc > 1 && !all ? std::atoi(argv[1]) : kNothing;
  const bool well =
      holds<2, 1, 2>(broken) && holds<2, 2, 2>(broken) && holds<3, 2, 2>(broken) && (!all || holds<3, 2, 3>(broken));
  return well ? 0 : 1;
}
