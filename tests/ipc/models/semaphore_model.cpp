// A model of the semaphore in ipc/objects/semaphore.cpp, together with the way in which every shared object lets its
// users sleep (ipc/objects/sleeper.hpp, ipc/objects/waiting_set.hpp): each process takes a permit and gives it back,
// and sleeps if there is none; one may give up waiting; one is killed at any step. It looks for the lost wake-up: a
// living process that sleeps while nobody is left to ring its bell.
#include "tests/ipc/models/explore.hpp"

namespace prefork::models {
namespace {

using u8 = std::uint8_t;

constexpr int kMost = 3;
enum class Flaw : u8 {
  none,
  no_try_after_announcing,
  no_passing_on,
  repair_wakes_nobody,
  repair_wakes_announced,
  dead_stays_announced
};

struct State {
  u8 owner[2];       // of each permit
  u8 bit[kMost];     // announced
  u8 bell[kMost];    // rung and not yet heard
  u8 at[kMost];      // step
  u8 held[kMost];    // which permit, plus one
  u8 rounds[kMost];  // done
  u8 woken[kMost];   // loop variable of a waker: none
  u8 gave_up;        // somebody has given up
  u8 killed, repairing;
  u8 pad;
};

struct SemaphoreModel {
  int processes, permits;
  u8 rounds;
  bool may_give_up;
  Flaw flaw = Flaw::none;

  State initial() const {
    State s;
    std::memset(&s, 0, sizeof s);
    return s;
  }

  int free_permit(const State& s) const {
    for (int i = 0; i < permits; ++i) {
      if (s.owner[i] == 0) return i;
    }
    return -1;
  }

  // Choosing a sleeper: any of them, for the order is of no matter to what is proved. Taking the bit and
  // ringing are two steps; the death between them is what the repair's waking makes good.
  void choose(const State& s, int i, u8 then, std::vector<State>& out) const {
    bool any = false;
    for (int j = 0; j < processes; ++j) {
      if (s.bit[j] == 0) continue;
      any = true;
      State n = s;
      n.bit[j] = 0;
      n.woken[i] = static_cast<u8>(j + 1);
      n.at[i] = then;
      out.push_back(n);
    }
    if (any) return;
    State n = s;
    n.woken[i] = 0;
    n.at[i] = then;
    out.push_back(n);
  }

  static void ring(State& s, int i) {
    if (s.woken[i] != 0) s.bell[s.woken[i] - 1] = 1;
    s.woken[i] = 0;
  }

  // 0 try; 1 announce; 2 try again; 3 sleep; 4 retract; 5 pass on; 6 ring; 10 after the claim: wake another if
  // there is more; 11 ring; 12 hold and release; 13 choose whom to wake; 14 ring.
  void step(const State& from, int i, std::vector<State>& out) const {
    State s = from;
    switch (s.at[i]) {
      case 0:
      case 2: {
        if (s.at[i] == 0 && s.rounds[i] >= rounds) return;
        const int permit = s.at[i] == 2 && flaw == Flaw::no_try_after_announcing ? -1 : free_permit(s);
        if (permit >= 0) {
          s.owner[permit] = static_cast<u8>(i + 1);
          s.held[i] = static_cast<u8>(permit + 1);
          s.at[i] = s.at[i] == 0 ? 10 : 20;
        } else {
          s.at[i] = s.at[i] == 0 ? 1 : 3;
        }
        break;
      }
      case 1:
        s.bit[i] = 1;
        s.at[i] = 2;
        break;
      case 3:
        if (s.bell[i] == 0) return;
        s.bell[i] = 0;
        s.at[i] = 1;
        break;
      case 4:  // the end of a wait, with a permit or without
      case 24: {
        const bool was_set = s.bit[i] != 0;
        const bool holds = s.at[i] == 24;
        s.bit[i] = 0;
        if (was_set || flaw == Flaw::no_passing_on) {
          s.at[i] = holds ? 12 : 0;
          if (!holds) ++s.rounds[i];
        } else {
          s.at[i] = holds ? 25 : 5;
        }
        break;
      }
      case 5:
        return choose(s, i, 6, out);
      case 6:
        ring(s, i);
        ++s.rounds[i];
        s.at[i] = 0;
        break;
      case 25:
        return choose(s, i, 26, out);
      case 26:
        ring(s, i);
        s.at[i] = 12;
        break;
      case 10:
      case 20: {  // whoever gets one of several wakes the next
        const u8 next = s.at[i] == 10 ? 12 : 24;
        if (free_permit(s) < 0) {
          s.at[i] = next;
          break;
        }
        return choose(s, i, s.at[i] == 10 ? 11 : 21, out);
      }
      case 11:
      case 21:
        ring(s, i);
        s.at[i] = s.at[i] == 11 ? 12 : 24;
        break;
      case 12:
        s.owner[s.held[i] - 1] = 0;
        s.held[i] = 0;
        s.at[i] = 13;
        break;
      case 13:
        return choose(s, i, 14, out);
      default:
        ring(s, i);
        ++s.rounds[i];
        s.at[i] = 0;
    }
    out.push_back(s);
  }

  // The dead process is removed from the waiting set, so that no wake-up is spent on it from here on; then a step per
  // permit; then every bell is rung, even those of processes that are not announced: the dead process may have taken a
  // sleeper's bit without having rung.
  void repair(const State& from, std::vector<State>& out) const {
    if (repaired(from)) return;
    State s = from;
    if (s.repairing == 0) {
      if (flaw != Flaw::dead_stays_announced) s.bit[s.killed - 1] = 0;
    } else if (s.repairing <= permits) {
      if (s.owner[s.repairing - 1] == s.killed) s.owner[s.repairing - 1] = 0;
    } else if (flaw != Flaw::repair_wakes_nobody) {
      const int j = s.repairing - permits - 1;
      if (s.bit[j] != 0 || flaw != Flaw::repair_wakes_announced) s.bell[j] = 1;
      s.bit[j] = 0;
    }
    ++s.repairing;
    out.push_back(s);
  }

  bool repaired(const State& s) const { return s.killed == 0 || s.repairing > permits + processes; }

  void steps(const State& s, std::vector<State>& out) const {
    for (int i = 0; i < processes; ++i) {
      if (s.killed != i + 1) step(s, i, out);
    }
    repair(s, out);
  }

  void mishaps(const State& s, std::vector<State>& out) const {
    for (int i = 0; i < processes && s.killed == 0; ++i) {
      State n = s;
      n.killed = static_cast<u8>(i + 1);
      out.push_back(n);
    }
    for (int i = 0; i < processes && may_give_up && s.gave_up == 0; ++i) {
      if (s.killed == i + 1 || s.at[i] != 3) continue;
      State n = s;
      n.gave_up = static_cast<u8>(i + 1);
      n.at[i] = 4;
      out.push_back(n);
    }
  }

  bool done(const State& s) const {
    if (!repaired(s)) return false;
    for (int i = 0; i < processes; ++i) {
      if (s.killed != i + 1 && s.rounds[i] < rounds) return false;
    }
    return true;
  }

  const char* broken(const State& s) const {
    for (int i = 0; i < processes; ++i) {
      if (s.killed != i + 1 && s.held[i] != 0 && s.owner[s.held[i] - 1] != i + 1) return "a held permit is lost";
    }
    if (!done(s)) return nullptr;
    for (int i = 0; i < permits; ++i) {
      if (s.owner[i] != 0) return "a permit is left held";
    }
    return nullptr;
  }

  void show(const State& s) const {
    std::printf("  e.g. killed %d repair %d:", s.killed, s.repairing);
    for (int i = 0; i < processes; ++i) {
      std::printf(" [at %d bit %d bell %d held %d]", s.at[i], s.bit[i], s.bell[i], s.held[i]);
    }
    std::printf("\n");
  }
};

bool check(const char* what, const SemaphoreModel& model) {
  return report(what, explore(model), model.flaw == Flaw::none);
}

}  // namespace
}  // namespace prefork::models

int main() {
  using namespace prefork::models;
  bool good = check("semaphore: 3 processes, 1 permit, 2 rounds", {3, 1, 2, false});
  good &= check("semaphore: 3 processes, 2 permits, 1 round, giving up", {3, 2, 1, true});
  good &= check("semaphore: 3 processes, 1 permit, 1 round, giving up", {3, 1, 1, true});
  good &= check("semaphore, broken: no try after announcing", {2, 1, 1, false, Flaw::no_try_after_announcing});
  good &= check("semaphore, broken: a wake-up is not passed on", {3, 1, 1, true, Flaw::no_passing_on});
  good &= check("semaphore, broken: the repair wakes nobody", {3, 1, 1, false, Flaw::repair_wakes_nobody});
  good &= check("semaphore, broken: the dead stays announced", {3, 1, 1, false, Flaw::dead_stays_announced});
  good &= check("semaphore, broken: it wakes only the announced", {3, 1, 1, false, Flaw::repair_wakes_announced});
  return good ? 0 : 1;
}
