#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "framework/master/control/shared_walk.hpp"
#include "framework/master/loop/slice.hpp"
#include "ipc/objects/shared_object.hpp"
#include "ipc/objects/walk.hpp"

namespace prefork::master {

/// Frees what dead workers held of shared objects, as much in a turn of the loop as may be. All that have died until a
/// round begins are seen to in it, so that many deaths cost no more than one. Their slots are nobody's until it ends.
class Repairs {
 public:
  struct Dead {
    std::size_t slot;
    std::string name;  ///< "main/0 (pid 12)"
  };
  /// What a round came to.
  struct Round {
    std::vector<Dead> dead;
    std::string left;  ///< "1 message of queue web.jobs"; empty: nothing
  };
  struct Hooks {
    /// The objects that there are, those of two generations once.
    std::function<SharedWalk::Objects()> objects;
    /// Wakes all who wait on an object that has been repaired.
    std::function<void(const SharedWalk::Objects&)> wake;
    std::function<void(const Round&)> ended;
  };

  explicit Repairs(Hooks hooks) : hooks_(std::move(hooks)) {}

  void add(Dead dead) { waiting_.push_back(std::move(dead)); }
  bool pending() const noexcept { return !waiting_.empty() || !round_.dead.empty(); }
  /// Goes on for a slice.
  void tend(Slice slice = Slice());
  /// Goes on to the end.
  void finish();

 private:
  void begin();
  void step(SharedWalk::Objects& repaired);
  void end();

  Hooks hooks_;
  std::vector<Dead> waiting_;
  Round round_;
  ipc::OwnerSet owners_;
  SharedWalk::Objects declared_;  ///< as the hook gave them
  SharedWalk walk_;
  std::map<const ipc::SharedObject*, std::size_t> freed_;  ///< words; of what had any
};

}  // namespace prefork::master
