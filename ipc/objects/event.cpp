#include "ipc/objects/event.hpp"

namespace prefork::ipc {

Event::Event(void* memory, const Shape&, std::size_t slots, Party self) noexcept
    : waiting_(memory, slots),
      word_(reinterpret_cast<std::atomic<std::uint64_t>*>(static_cast<std::byte*>(memory) + WaitingSet::bytes(slots))),
      self_(self) {}

bool Event::set() noexcept {
  std::uint64_t word = word_->load();
  do {
    if ((word & 1) != 0) return false;
  } while (!word_->compare_exchange_weak(word, word + 3));  // once more, and set
  if (self_.bells != nullptr) waiting_.wake_all(*self_.bells);
  return true;
}

bool Event::clear() noexcept { return (word_->fetch_and(~std::uint64_t{1}) & 1) != 0; }

bool Event::wait(Sleeper& sleeper, std::uint64_t wait_until_ns) {
  const std::uint64_t times = times_set();
  return wait_for(waiting_, self_, sleeper, wait_until_ns, [&] { return set_since(times); }) == WaitEnd::done;
}

}  // namespace prefork::ipc
