// A model of the message queue in ipc/objects/message_queue.cpp: producers and consumers, one killed at any step, the
// repair beside the living, messages given back (nack). It is small enough to visit every interleaving.
#include "tests/ipc/models/explore.hpp"

namespace prefork::models {
namespace {

using u8 = std::uint8_t;

enum Phase : u8 { kFree, kWriting, kReady, kTaken, kVoid };
enum class Flaw : u8 { none, rewind_only_past, no_help_with_tail, repair_own_only };

constexpr int kMost = 4;      // processes
constexpr int kRing = 2;      // slots
constexpr int kMessages = 4;  // of all producers together
constexpr u8 kNobody = 0, kNothing = 255;

struct Slot {
  u8 sequence, phase, owner, message;
};

// Where a process stands in its operation, and what it has read.
struct Process {
  u8 at, index, epoch, sent;
};

struct State {
  u8 tail, head, epoch;
  u8 killed;     // 0: nobody yet; else owner
  u8 repairing;  // 0: not begun; 1: walking; 2: rewinding; 3: done
  u8 walk, walk_head, walk_epoch;
  u8 nacks;  // that are still allowed
  u8 pad[3];
  Slot ring[kRing];
  Process process[kMost];
  u8 accepted[kMessages];
  u8 delivered[kMessages];  // acknowledged
};

struct QueueModel {
  int producers, consumers, messages_each;
  u8 nacks;
  Flaw flaw = Flaw::none;

  int processes() const { return producers + consumers; }
  int messages() const { return producers * messages_each; }

  State initial() const {
    State s;
    std::memset(&s, 0, sizeof s);
    for (u8 i = 0; i < kRing; ++i) s.ring[i] = {i, kFree, kNobody, kNothing};
    s.nacks = nacks;
    return s;
  }

  static void help_tail(State& s, u8 index) {
    if (s.tail == index) ++s.tail;
  }
  static void help_head(State& s, const Process& p) {
    if (s.epoch == p.epoch && s.head == p.index) ++s.head;
  }
  static void forget(Process& p) { p = {0, 0, 0, p.sent}; }
  static void free_slot(Slot& q) { q = {static_cast<u8>(q.sequence + kRing), kFree, kNobody, kNothing}; }

  // Steps of try_put: 0 read the tail, 1 look at the slot and claim it, 2 advance, 3 copy, 4 publish.
  void put(const State& from, int i, std::vector<State>& out) const {
    State s = from;
    Process& p = s.process[i];
    if (p.sent >= messages_each) return;
    const u8 owner = static_cast<u8>(i + 1);
    Slot& q = s.ring[p.index % kRing];
    switch (p.at) {
      case 0:
        p.index = s.tail;
        p.at = 1;
        break;
      case 1:
        if (q.sequence == p.index && q.phase == kFree) {
          q.phase = kWriting;  // the compare-and-swap; a look that finds something else is a step without effect
          q.owner = owner;
          p.at = 2;
        } else if (q.sequence >= p.index) {
          p.at = 6;
        } else if (q.phase == kVoid) {
          free_slot(q);
          forget(p);
        } else {
          forget(p);  // full, or the tail is old: tried again
        }
        break;
      case 2:
        help_tail(s, p.index);
        p.at = 3;
        break;
      case 3:
        q.message = static_cast<u8>(i * messages_each + p.sent);
        p.at = 4;
        break;
      case 4:
        q.phase = kReady;
        q.owner = kNobody;
        s.accepted[i * messages_each + p.sent] = 1;
        ++p.sent;
        forget(p);
        break;
      case 6:
        if (flaw != Flaw::no_help_with_tail) help_tail(s, p.index);
        forget(p);
        break;
      default:
        break;
    }
    out.push_back(s);
  }

  // Steps of try_get: 0 read the head, 1 look at the slot and claim it, 2 advance, 3 acknowledge or give
  // back, 4 rewind after giving back; 6 help the head on.
  void get(const State& from, int i, std::vector<State>& out) const {
    State s = from;
    Process& p = s.process[i];
    const u8 owner = static_cast<u8>(i + 1);
    Slot& q = s.ring[p.index % kRing];
    switch (p.at) {
      case 0:
        p.index = s.head;
        p.epoch = s.epoch;
        p.at = 1;
        break;
      case 1:
        if (q.sequence > p.index) {
          p.at = 6;
        } else if (q.sequence == p.index && q.phase == kReady) {
          q.phase = kTaken;
          q.owner = owner;
          p.at = 2;
        } else if (q.sequence == p.index && q.phase == kTaken) {
          p.at = 6;
        } else if (q.sequence == p.index && q.phase == kVoid) {
          free_slot(q);
          p.at = 6;
        } else {
          forget(p);  // empty
        }
        break;
      case 2:
        help_head(s, p);
        p.at = 3;
        break;
      case 3:
        if (s.nacks > 0) {
          State other = s;
          --other.nacks;
          Slot& given = other.ring[p.index % kRing];
          given.phase = kReady;
          given.owner = kNobody;
          other.process[i].at = 4;
          other.process[i].epoch = 0;
          out.push_back(other);
        }
        if (s.delivered[q.message] < 3) ++s.delivered[q.message];
        free_slot(q);
        forget(p);
        break;
      case 4:  // the rewind's compare-and-swap; reading the head before it is a step without effect
        rewind(s, p.index);
        forget(p);
        break;
      default:
        help_head(s, p);
        forget(p);
    }
    out.push_back(s);
  }

  void rewind(State& s, u8 sequence) const {
    const bool needed = flaw == Flaw::rewind_only_past ? s.head > sequence : s.head >= sequence;
    if (!needed) return;
    ++s.epoch;
    if (s.head > sequence) s.head = sequence;
  }

  // The repair, slot by slot: everything that is ready behind the head becomes reachable again, whoever left it there.
  void repair(const State& from, std::vector<State>& out) const {
    if (from.killed == 0 || from.repairing == 3) return;
    State s = from;
    s.repairing = 1;
    Slot& q = s.ring[s.walk / 2];
    if (s.walk % 2 == 0) {
      if (q.owner == s.killed && q.phase == kWriting) {
        q.phase = kVoid;
        q.owner = kNobody;
      } else if (q.owner == s.killed && q.phase == kTaken) {
        q.phase = kReady;
        q.owner = kNobody;
        s.walk_head = 1;
      }
    } else {
      if (q.phase == kReady && (flaw != Flaw::repair_own_only || s.walk_head == 1)) rewind(s, q.sequence);
      s.walk_head = 0;
    }
    if (++s.walk == 2 * kRing) {
      s.repairing = 3;
      s.walk = 0;
    }
    out.push_back(s);
  }

  void steps(const State& s, std::vector<State>& out) const {
    for (int i = 0; i < processes(); ++i) {
      if (s.killed == i + 1) continue;
      i < producers ? put(s, i, out) : get(s, i, out);
    }
    repair(s, out);
  }

  void mishaps(const State& s, std::vector<State>& out) const {
    for (int i = 0; i < processes() && s.killed == 0; ++i) {
      State dead = s;
      dead.killed = static_cast<u8>(i + 1);
      out.push_back(dead);
    }
  }

  bool done(const State& s) const {
    if (s.killed != 0 && s.repairing != 3) return false;
    for (int i = 0; i < producers; ++i) {
      if (s.killed != i + 1 && s.process[i].sent < messages_each) return false;
    }
    for (int m = 0; m < messages(); ++m) {
      if (s.accepted[m] > s.delivered[m]) return false;
    }
    for (const Slot& q : s.ring) {
      if (q.phase != kFree) return false;
    }
    return true;
  }

  const char* broken(const State& s) const {
    for (int m = 0; m < messages(); ++m) {
      if (s.delivered[m] > 1) return "a message is acknowledged twice";
    }
    return nullptr;
  }

  void show(const State& s) const {
    std::printf("  e.g. tail %d head %d killed %d:", s.tail, s.head, s.killed);
    for (const Slot& q : s.ring) std::printf(" [seq %d phase %d owner %d]", q.sequence, q.phase, q.owner);
    std::printf("\n");
  }
};

bool check(const char* what, const QueueModel& model) { return report(what, explore(model), model.flaw == Flaw::none); }

}  // namespace
}  // namespace prefork::models

int main() {
  using namespace prefork::models;
  bool good = check("queue: 2 producers, 2 consumers, 2 messages each", {2, 2, 2, 0});
  good &= check("queue: 1 producer, 2 consumers, 3 messages, 1 nack", {1, 2, 3, 1});
  good &= check("queue: 2 producers, 2 consumers, 1 message each, 1 nack", {2, 2, 1, 1});
  good &= check("queue, broken: rewinds only a head that is past", {1, 2, 3, 0, Flaw::rewind_only_past});
  good &= check("queue, broken: producers do not help the tail on", {2, 2, 1, 0, Flaw::no_help_with_tail});
  good &= check("queue, broken: the repair sees only what the dead held", {1, 2, 3, 1, Flaw::repair_own_only});
  return good ? 0 : 1;
}
