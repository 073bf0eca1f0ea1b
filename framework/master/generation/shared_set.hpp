#pragma once

#include <cstddef>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "framework/master/generation/shared_plan.hpp"
#include "ipc/objects/party.hpp"
#include "ipc/objects/shared_object.hpp"

namespace prefork::master {

/// The shared objects of a generation. Two generations that declare the same object share it.
class SharedSet {
 public:
  using Objects = std::vector<std::shared_ptr<ipc::SharedObject>>;

  /// Makes what is declared, in its order. Objects of `previous` with the same name and shape are carried over.
  /// Process: master, before the fork of the first worker that gets the set.
  /// @param slots  of the scoreboard; the same as those of `previous`
  /// @throws StartupError: EX_OSERR, not enough memory; EX_CONFIG, an object of `previous` would change its shape, or a
  /// queue with messages in it would be removed. `previous` is untouched.
  /// @param discard  queues of `previous` that may be removed with what they hold; each of them must be removed
  static SharedSet make(const std::vector<SharedDeclaration>& declared, std::size_t slots,
                        const SharedSet* previous = nullptr, const std::set<std::string>& discard = {});

  /// Takes what is declared, in its order, from objects that were made before (upgrade).
  /// @throws StartupError: EX_CONFIG, one of them does not exist in that shape
  static SharedSet take(const std::vector<SharedDeclaration>& declared, const Objects& made);

  const Objects& objects() const noexcept { return objects_; }
  bool empty() const noexcept { return objects_.empty(); }
  /// @return nullptr: no object has this name
  ipc::SharedObject* find(std::string_view name) const noexcept;

  /// What dead workers left behind in one object.
  struct Left {
    const ipc::SharedObject* object;
    std::size_t words;
  };

 private:
  Objects objects_;
};

/// "1 message of queue web.jobs and 2 permits of semaphore web.gate"
std::string left_text(const std::vector<SharedSet::Left>& left);

}  // namespace prefork::master
