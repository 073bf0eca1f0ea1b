#pragma once

#include <cstddef>
#include <memory>
#include <utility>
#include <vector>

#include "framework/master/loop/slice.hpp"
#include "ipc/objects/shared_object.hpp"
#include "ipc/objects/walk.hpp"

namespace prefork::master {

/// Walks all places of some shared objects, a piece at a time. Keeps the objects alive.
class SharedWalk {
 public:
  using Objects = std::vector<std::shared_ptr<ipc::SharedObject>>;

  SharedWalk() = default;
  explicit SharedWalk(Objects objects) : objects_(std::move(objects)) {}

  bool ended() const noexcept { return object_ == objects_.size(); }
  const Objects& objects() const noexcept { return objects_; }
  /// The index of the object that the next piece belongs to.
  std::size_t object() const noexcept { return object_; }

  /// Calls `look(object, piece)` with the next piece. The walk must not have ended.
  /// @return whether it was the object's last piece
  template <class Look>
  bool step(Look look) {
    ipc::SharedObject& object = *objects_[object_];
    look(object, ipc::Spots{spot_, Slice::kSpots});
    spot_ += Slice::kSpots;
    const bool last = spot_ >= object.spots();
    if (last) {
      ++object_;
      spot_ = 0;
    }
    return last;
  }

 private:
  Objects objects_;
  std::size_t object_ = 0;
  std::size_t spot_ = 0;
};

}  // namespace prefork::master
