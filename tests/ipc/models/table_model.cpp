// A model of the table in ipc/objects/table.cpp: writers, readers and sweepers of a few keys over two slots, rows that
// expire, one process killed at any step, the repair beside the living. It visits every interleaving.
//
// Without an argument: runs all configurations and all broken variants, each of which must be caught. With the name of
// a flaw: runs only that variant, and exits with 1 since it breaks a rule.
#include <cstring>
#include <string>
#include <string_view>

#include "tests/ipc/models/explore.hpp"

namespace prefork::models {
namespace {

using u8 = std::uint8_t;

enum Phase : u8 { kEmpty, kClaimed, kLive0, kLive1 };
enum Kind : u8 { kNone, kSet, kInsert, kErase, kGet, kSweep };
enum class Flaw : u8 {
  none,
  reader_without_recheck,   // believes what it copied
  clock_after_recheck,      // looks at the clock when the row may be another already
  flip_before_copy,         // publishes the second copy before it is complete
  claim_by_store,           // takes an empty slot without compare-and-swap
  no_lock,                  // changes a key without its home's lock
  reclaim_without_recheck,  // takes an expired row's slot though the row was renewed meanwhile
  repair_skips_slots,
  repair_skips_locks,
};
constexpr std::string_view kFlawNames[] = {
    "none",    "reader-without-recheck",  "clock-after-recheck", "flip-before-copy",   "claim-by-store",
    "no-lock", "reclaim-without-recheck", "repair-skips-slots",  "repair-skips-locks",
};

constexpr int kSlots = 2;
constexpr int kKeys = 3;
constexpr int kMost = 3;  // processes
constexpr u8 kNobody = 0, kAbsent = 0, kOps = 2;

struct Op {
  Kind kind = kNone;
  u8 key = 0;
  u8 value = 0;  // 1 to 7, each written by one operation only
};
struct Program {
  Op ops[kOps];
};

struct Slot {
  u8 version, phase, owner, key;
  u8 copy[2][2];  // two words each, so that a torn row shows
};

// Where a process stands.
enum At : u8 {
  kStart,
  kLook,
  kKey,
  kSame,
  kClaim,
  kClaimStore,
  kWriteKey,
  kCopy0,
  kCopy1,
  kPublish,
  kReclaimLook,
  kReclaimRead,
  kReclaimTry,
  kReclaimSame,
  kReclaimUnlock,
  kUnlock,
  kWord0,
  kWord1,
  kClock,
  kReadSame,
  kLateClock,
};

struct Process {
  u8 at, op, slot;
  u8 version, phase;  // of the state word that it read
  u8 word0, word1;    // copied; of a reclaimer: the key
  u8 late;            // what its clock said
  u8 allowed;         // reader: values that its key has had since it began, a bit each
  u8 locked;          // it holds its key's home
  u8 other;           // it holds the home of the row that it reclaims
  u8 fresh;           // it writes a row into a slot that it claimed
};

struct State {
  Slot slot[kSlots];
  u8 lock[kKeys];
  u8 truth[kKeys];  // the value that each key has
  u8 late;          // the rows that expire have expired
  u8 killed;        // 0: nobody yet; else owner
  u8 walk;          // of the repair: slots, then locks
  u8 broken;
  Process process[kMost];
};

enum Rule : u8 { kHolds, kTorn, kWrongRow, kNotUnique, kLeftClaimed, kWrongInsert, kLost };
constexpr const char* kRules[] = {
    nullptr,
    "a reader returns a torn row",
    "a reader returns a value that its key did not have",
    "a key is live in two slots",
    "a slot or a lock is still held after the repair",
    "an insert replaces a row, or sees one that is not there",
    "a row is reclaimed that has not expired",
};

struct TableModel {
  Program programs[kMost];
  u8 expiring = 0;             // values that expire, a bit each
  u8 home[kKeys] = {0, 1, 2};  // each key's lock
  Flaw flaw = Flaw::none;

  State initial() const {
    State s;
    std::memset(&s, 0, sizeof s);
    return s;
  }

  static bool live(u8 phase) { return phase >= kLive0; }
  bool expires(u8 value) const { return (expiring >> value & 1) != 0; }
  const Op& op_of(const State& s, int i) const { return programs[i].ops[s.process[i].op]; }
  bool finished(const State& s, int i) const { return s.process[i].op == kOps || op_of(s, i).kind == kNone; }

  // A key changes its value: a reader at that moment may see either.
  void change(State& s, u8 key, u8 value) const {
    s.truth[key] = value;
    for (int i = 0; i < kMost; ++i) {
      if (!finished(s, i) && op_of(s, i).kind == kGet && op_of(s, i).key == key) {
        s.process[i].allowed = static_cast<u8>(s.process[i].allowed | 1 << value);
      }
    }
  }
  static void go(Process& p, At at, u8 slot) {
    p.at = at;
    p.slot = slot;
    p.version = p.phase = p.word0 = p.word1 = 0;
  }
  // On to the next slot, or to what comes after the last.
  static void next(Process& p, At at, At after) {
    p.slot + 1 < kSlots ? go(p, at, static_cast<u8>(p.slot + 1)) : go(p, after, 0);
  }
  static void finish(Process& p) {
    const u8 op = static_cast<u8>(p.op + 1);
    p = {};
    p.op = op;
  }
  static bool same(const Slot& slot, const Process& p) { return slot.version == p.version && slot.phase == p.phase; }

  void returns(State& s, Process& p, u8 value) const {
    if ((p.allowed >> value & 1) == 0) s.broken = kWrongRow;
    if (p.locked != 0) {
      p.at = kUnlock;
      p.allowed = 0xff;
    } else {
      finish(p);
    }
  }
  void returns_row(State& s, Process& p) const {
    if (p.word0 != p.word1) {
      s.broken = kTorn;
      return;
    }
    returns(s, p, expires(p.word0) && p.late != 0 ? kAbsent : p.word0);
  }

  void step(const State& from, int i, std::vector<State>& out) const {
    if (finished(from, i)) return;
    State s = from;
    Process& p = s.process[i];
    const Op& op = op_of(from, i);
    const u8 owner = static_cast<u8>(i + 1);
    Slot& slot = s.slot[p.slot];
    u8& lock = s.lock[home[op.key]];
    switch (p.at) {
      case kStart:
        if (op.kind == kSweep) {
          go(p, kReclaimLook, 0);
        } else if (op.kind == kGet && p.locked == 0) {
          p.allowed = static_cast<u8>(p.allowed | 1 << s.truth[op.key]);
          go(p, kLook, 0);
        } else {
          if (lock != kNobody && flaw != Flaw::no_lock) return;  // waits
          lock = owner;
          p.locked = 1;
          go(p, kLook, 0);
        }
        break;

      // The search for the key.
      case kLook:
        p.version = slot.version;
        p.phase = slot.phase;
        if (live(slot.phase)) {
          p.at = kKey;
        } else {
          not_here(s, p, op);
        }
        break;
      case kKey:
        if (slot.key != op.key) {
          not_here(s, p, op);
        } else {
          p.at = op.kind == kGet && p.locked == 0 ? kWord0 : kSame;
        }
        break;
      case kSame:
        if (!same(slot, p)) {
          not_here(s, p, op);
        } else if (op.kind == kGet) {
          p.at = kWord0;
        } else if (op.kind == kErase) {
          p.at = kPublish;
        } else if (op.kind == kInsert && !(expires(slot.copy[p.phase - kLive0][0]) && s.late != 0)) {
          if (s.truth[op.key] == kAbsent) s.broken = kWrongInsert;
          p.at = kUnlock;
        } else {
          p.at = flaw == Flaw::flip_before_copy ? kPublish : kCopy0;
        }
        break;

      // A reader's copy.
      case kWord0:
        p.word0 = slot.copy[p.phase - kLive0][0];
        p.at = kWord1;
        break;
      case kWord1:
        p.word1 = slot.copy[p.phase - kLive0][1];
        p.at = flaw == Flaw::clock_after_recheck ? kReadSame : kClock;
        break;
      case kClock:
        p.late = s.late;
        p.at = kReadSame;
        break;
      case kReadSame:
        if (same(slot, p) || flaw == Flaw::reader_without_recheck) {
          if (flaw == Flaw::clock_after_recheck) {
            p.at = kLateClock;
          } else {
            returns_row(s, p);
          }
        } else {
          // Once more, or after too many times with the lock.
          const u8 allowed = p.allowed;
          const u8 op_at = p.op;
          p = {};
          p.op = op_at;
          p.allowed = allowed;
          out.push_back(s);
          if (lock != kNobody) return;
          lock = owner;
          p.locked = 1;
          go(p, kLook, 0);
        }
        break;
      case kLateClock:
        p.late = s.late;
        returns_row(s, p);
        break;

      // A slot for a new row.
      case kClaim:
        if (slot.phase != kEmpty) {
          next(p, kClaim, kReclaimLook);
        } else if (flaw == Flaw::claim_by_store) {
          p.at = kClaimStore;
        } else {
          claim(slot, p, owner, slot.version);
        }
        break;
      case kClaimStore:
        claim(slot, p, owner, slot.version);
        break;
      case kWriteKey:
        slot.key = op.key;
        p.at = kCopy0;
        break;
      case kCopy0:
        slot.copy[target(p)][0] = op.value;
        p.at = kCopy1;
        break;
      case kCopy1:
        slot.copy[target(p)][1] = op.value;
        p.at = flaw == Flaw::flip_before_copy && p.fresh == 0 ? kUnlock : kPublish;
        break;
      case kPublish:
        if (op.kind == kInsert && s.truth[op.key] != kAbsent) s.broken = kWrongInsert;
        ++slot.version;
        slot.owner = kNobody;
        slot.phase = op.kind == kErase ? u8{kEmpty} : static_cast<u8>(kLive0 + target(p));
        change(s, op.key, op.kind == kErase ? kAbsent : expires(op.value) && s.late != 0 ? kAbsent : op.value);
        p.at = flaw == Flaw::flip_before_copy && p.fresh == 0 && op.kind != kErase ? kCopy0 : kUnlock;
        break;

      // An expired row gives way to a new one, or is swept.
      case kReclaimLook:
        if (live(slot.phase)) {
          p.version = slot.version;
          p.phase = slot.phase;
          p.at = kReclaimRead;
        } else {
          not_reclaimed(p, op);
        }
        break;
      case kReclaimRead:
        p.word0 = slot.key;
        if (expires(slot.copy[p.phase - kLive0][0]) && s.late != 0) {
          p.at = kReclaimTry;
        } else {
          not_reclaimed(p, op);
        }
        break;
      case kReclaimTry:
        if (p.locked != 0 && home[p.word0] == home[op.key]) {
          p.at = kReclaimSame;
        } else if (s.lock[home[p.word0]] == kNobody) {
          s.lock[home[p.word0]] = owner;
          p.other = static_cast<u8>(home[p.word0] + 1);
          p.at = kReclaimSame;
        } else {
          not_reclaimed(p, op);
        }
        break;
      case kReclaimSame:
        if (same(slot, p) || (flaw == Flaw::reclaim_without_recheck && live(slot.phase))) {
          if (s.truth[slot.key] != kAbsent) s.broken = kLost;
          ++slot.version;
          slot.phase = op.kind == kSweep ? kEmpty : kClaimed;
          slot.owner = op.kind == kSweep ? u8{kNobody} : owner;
          p.fresh = op.kind == kSweep ? 0 : 1;
        }
        p.at = kReclaimUnlock;
        break;
      case kReclaimUnlock:
        if (p.other != 0) s.lock[p.other - 1] = kNobody;
        p.other = 0;
        if (p.fresh != 0) {
          go(p, kWriteKey, p.slot);
        } else {
          not_reclaimed(p, op);
        }
        break;

      case kUnlock:
        lock = kNobody;
        finish(p);
        break;
    }
    out.push_back(s);
  }

  // The copy that a writer writes: of a new row the first, else the one that is not current.
  static u8 target(const Process& p) { return p.fresh != 0 || p.phase == kLive1 ? 0 : 1; }
  static void claim(Slot& slot, Process& p, u8 owner, u8 version) {
    slot.phase = kClaimed;
    slot.owner = owner;
    slot.version = version;
    p.fresh = 1;
    p.at = kWriteKey;
  }
  void not_here(State& s, Process& p, const Op& op) const {
    if (p.slot + 1 < kSlots) {
      next(p, kLook, kLook);
    } else if (op.kind == kGet) {
      returns(s, p, kAbsent);
    } else {
      go(p, op.kind == kErase ? kUnlock : kClaim, 0);
    }
  }
  // The next slot; after the last the table is full, or swept.
  void not_reclaimed(Process& p, const Op& op) const {
    if (p.slot + 1 == kSlots && op.kind == kSweep) {
      finish(p);
    } else {
      next(p, kReclaimLook, kUnlock);
    }
  }

  // Claimed slots first, then locks, so that a process that gets a freed lock finds the slots free.
  void repair(const State& from, std::vector<State>& out) const {
    if (from.killed == 0 || from.walk == kSlots + kKeys) return;
    State s = from;
    if (s.walk < kSlots) {
      Slot& slot = s.slot[s.walk];
      if (slot.phase == kClaimed && slot.owner == s.killed && flaw != Flaw::repair_skips_slots) {
        slot.phase = kEmpty;
        slot.owner = kNobody;
      }
    } else {
      u8& lock = s.lock[s.walk - kSlots];
      if (lock == s.killed && flaw != Flaw::repair_skips_locks) lock = kNobody;
    }
    ++s.walk;
    out.push_back(s);
  }

  void steps(const State& s, std::vector<State>& out) const {
    for (int i = 0; i < kMost; ++i) {
      if (s.killed != i + 1) step(s, i, out);
    }
    repair(s, out);
  }
  void mishaps(const State& s, std::vector<State>& out) const {
    for (int i = 0; i < kMost && s.killed == 0; ++i) {
      if (finished(s, i)) continue;
      State dead = s;
      dead.killed = static_cast<u8>(i + 1);
      dead.process[i] = {};
      dead.process[i].op = kOps;
      out.push_back(dead);
    }
    if (expiring != 0 && s.late == 0) {
      State later = s;
      later.late = 1;
      for (u8 key = 0; key < kKeys; ++key) {
        if (expires(later.truth[key])) change(later, key, kAbsent);
      }
      out.push_back(later);
    }
  }

  bool repaired(const State& s) const { return s.killed == 0 || s.walk == kSlots + kKeys; }

  // A key must be what the slots say it is.
  bool done(const State& s) const {
    if (!repaired(s)) return false;
    for (int i = 0; i < kMost; ++i) {
      if (s.killed != i + 1 && !finished(s, i)) return false;
    }
    u8 found[kKeys] = {};
    for (const Slot& slot : s.slot) {
      if (!live(slot.phase)) continue;
      const u8* copy = slot.copy[slot.phase - kLive0];
      found[slot.key] = copy[0] != copy[1] ? 0xff : expires(copy[0]) && s.late != 0 ? kAbsent : copy[0];
    }
    return std::memcmp(found, s.truth, sizeof found) == 0;
  }

  const char* broken(const State& s) const {
    if (s.broken != kHolds) return kRules[s.broken];
    if (live(s.slot[0].phase) && live(s.slot[1].phase) && s.slot[0].key == s.slot[1].key) return kRules[kNotUnique];
    if (s.killed != 0 && repaired(s)) {
      for (const Slot& slot : s.slot) {
        if (slot.phase == kClaimed && slot.owner == s.killed) return kRules[kLeftClaimed];
      }
      for (const u8 lock : s.lock) {
        if (lock == s.killed) return kRules[kLeftClaimed];
      }
    }
    return nullptr;
  }

  void show(const State& s) const {
    std::printf("  e.g. killed %d, walk %d, late %d:", s.killed, s.walk, s.late);
    for (const Slot& slot : s.slot) {
      std::printf(" [key %d version %d phase %d owner %d, %d%d %d%d]", slot.key, slot.version, slot.phase, slot.owner,
                  slot.copy[0][0], slot.copy[0][1], slot.copy[1][0], slot.copy[1][1]);
    }
    for (const Process& p : s.process) std::printf(" (op %d at %d)", p.op, p.at);
    std::printf("\n");
  }
};

constexpr u8 bit(u8 value) { return static_cast<u8>(1 << value); }

TableModel two_writers_and_a_reader() {
  return {{{{{kSet, 0, 1}, {kSet, 0, 2}}}, {{{kErase, 0}, {kSet, 0, 3}}}, {{{kGet, 0}, {kGet, 0}}}}};
}
TableModel two_keys_for_the_same_slots() {
  return {{{{{kSet, 0, 1}, {kErase, 0}}}, {{{kSet, 1, 2}, {kSet, 0, 3}}}, {{{kGet, 0}, {kGet, 1}}}}};
}
TableModel claims_of_a_name() {
  return {{{{{kInsert, 0, 1}, {kErase, 0}}}, {{{kInsert, 0, 2}, {kGet, 0}}}, {{{kInsert, 0, 3}, {kInsert, 0, 4}}}}};
}
TableModel keys_of_one_home() {
  TableModel model{{{{{kSet, 0, 1}, {kSet, 2, 2}}}, {{{kSet, 1, 3}, {kErase, 1}}}, {{{kGet, 2}, {kGet, 0}}}}};
  model.expiring = bit(1) | bit(3);
  model.home[1] = 0;
  return model;
}
TableModel renewed_while_swept() {
  return {{{{{kSet, 0, 1}, {kSet, 0, 2}}}, {{{kSweep}, {kInsert, 0, 3}}}, {{{kGet, 0}, {kGet, 0}}}}, bit(1)};
}
TableModel expired_gives_way() {
  return {{{{{kSet, 0, 1}, {kSet, 0, 2}}}, {{{kSet, 1, 3}, {kSweep}}}, {{{kSet, 2, 4}, {kGet, 0}}}}, bit(1) | bit(3)};
}

bool check(const char* what, TableModel model, Flaw flaw = Flaw::none) {
  model.flaw = flaw;
  return report(what, explore(model), flaw == Flaw::none);
}

// Each flaw in a configuration that shows it.
TableModel model_for(Flaw flaw) {
  switch (flaw) {
    case Flaw::claim_by_store:
      return two_keys_for_the_same_slots();
    case Flaw::clock_after_recheck:
    case Flaw::reclaim_without_recheck:
      return renewed_while_swept();
    case Flaw::no_lock:
      return claims_of_a_name();
    default:
      return two_writers_and_a_reader();
  }
}

}  // namespace
}  // namespace prefork::models

int main(int argc, char** argv) {
  using namespace prefork::models;
  bool good = true;
  constexpr std::size_t flaws = std::size(kFlawNames);
  if (argc > 1) {
    for (std::size_t i = 0; i < flaws; ++i) {
      const Flaw flaw = static_cast<Flaw>(i);
      if (kFlawNames[i] == argv[1]) return check(argv[1], model_for(flaw), flaw) == (flaw == Flaw::none) ? 0 : 1;
    }
    std::fprintf(stderr, "there is no flaw named %s\n", argv[1]);
    return 64;
  }
  good &= check("table: two writers of a key and its reader", two_writers_and_a_reader());
  good &= check("table: two keys for the same two slots", two_keys_for_the_same_slots());
  good &= check("table: three claims of one name", claims_of_a_name());
  good &= check("table: two keys of one home, one of another; rows expire", keys_of_one_home());
  good &= check("table: a row renewed while it is swept", renewed_while_swept());
  good &= check("table: expired rows give way to a third key", expired_gives_way());
  for (std::size_t i = 1; i < flaws; ++i) {
    const std::string what = "table, broken: " + std::string(kFlawNames[i]);
    good &= check(what.c_str(), model_for(static_cast<Flaw>(i)), static_cast<Flaw>(i));
  }
  return good ? 0 : 1;
}
