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

/// Frees what dead workers held in shared objects, as much per turn of the loop as its slice allows. A round covers all
/// workers that died before it began, so that many deaths cost no more than one. Nobody gets their slots until it ends.
class Repairs {
 public:
  struct Dead {
    std::size_t slot;
    std::string name;  ///< "main/0 (pid 12)"
  };
  /// The result of a round.
  struct Round {
    std::vector<Dead> dead;
    std::string left;  ///< "1 message of queue web.jobs"; empty: nothing
  };
  struct Hooks {
    /// All objects; those that two generations share, once.
    std::function<SharedWalk::Objects()> objects;
    /// Wakes everyone who waits on an object that has been repaired.
    std::function<void(const SharedWalk::Objects&)> wake;
    std::function<void(const Round&)> ended;
  };

  explicit Repairs(Hooks hooks) : hooks_(std::move(hooks)) {}

  void add(Dead dead) { waiting_.push_back(std::move(dead)); }
  bool pending() const noexcept { return !waiting_.empty() || !round_.dead.empty(); }
  /// Works for one slice.
  void tend(Slice slice = Slice());
  /// Works until everything is repaired.
  void finish();

 private:
  void begin();
  void step(SharedWalk::Objects& repaired);
  void end();

  Hooks hooks_;
  std::vector<Dead> waiting_;
  Round round_;
  ipc::OwnerSet owners_;
  SharedWalk::Objects declared_;  ///< from the hook
  SharedWalk walk_;
  std::map<const ipc::SharedObject*, std::size_t> freed_;  ///< how many words; only objects that had any
};

}  // namespace prefork::master
