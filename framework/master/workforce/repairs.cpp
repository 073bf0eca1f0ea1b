#include "framework/master/workforce/repairs.hpp"

#include <algorithm>
#include <utility>

#include "framework/master/generation/shared_set.hpp"

namespace prefork::master {

// Small objects are repaired first: a lock must not wait for a queue of a million places.
void Repairs::begin() {
  round_.dead = std::exchange(waiting_, {});
  owners_ = {};
  for (const Dead& dead : round_.dead) owners_.insert(ipc::owner_of(dead.slot));
  declared_ = hooks_.objects();
  SharedWalk::Objects objects = declared_;
  std::stable_sort(objects.begin(), objects.end(),
                   [](const auto& a, const auto& b) { return a->spots() < b->spots(); });
  walk_ = SharedWalk(std::move(objects));
}

void Repairs::step(SharedWalk::Objects& repaired) {
  const std::size_t index = walk_.object();
  const bool last = walk_.step([&](ipc::SharedObject& object, ipc::Spots piece) {
    if (const std::size_t words = object.repair(owners_, piece); words > 0) freed_[&object] += words;
  });
  if (last) repaired.push_back(walk_.objects()[index]);
}

void Repairs::end() {
  std::vector<SharedSet::Left> left;
  for (const auto& object : declared_) {
    if (const auto words = freed_.find(object.get()); words != freed_.end())
      left.push_back({object.get(), words->second});
  }
  round_.left = left_text(left);
  hooks_.ended(std::exchange(round_, {}));
  freed_.clear();
  declared_.clear();
  walk_ = {};
}

void Repairs::tend(Slice slice) {
  while (pending()) {
    if (round_.dead.empty()) begin();
    SharedWalk::Objects repaired;
    do {
      if (!walk_.ended()) step(repaired);
    } while (!walk_.ended() && !slice.over());
    if (!repaired.empty()) hooks_.wake(repaired);
    if (walk_.ended()) end();
    if (slice.over()) return;
  }
}

void Repairs::finish() {
  while (pending()) tend();
}

}  // namespace prefork::master
