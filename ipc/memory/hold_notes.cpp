#include "ipc/memory/hold_notes.hpp"

#include <algorithm>
#include <cstring>
#include <stdexcept>
#include <utility>

namespace prefork::ipc {

HoldNotes::HoldNotes(const std::string& name, std::size_t words)
    : memory_(SharedMemory::create("prefork:" + name + ":notes", words * sizeof(Note))), words_(words) {}

HoldNotes::HoldNotes(UniqueFd fd, std::size_t words) : memory_(SharedMemory::map(std::move(fd))), words_(words) {
  if (memory_.size() != words * sizeof(Note)) throw std::runtime_error("the notes on its holders have another size");
}

HoldNotes::Note* HoldNotes::note(std::size_t index) const noexcept {
  return index < words_ ? static_cast<Note*>(memory_.data()) + index : nullptr;
}

void HoldNotes::write(std::size_t index, const Activity& activity) const noexcept {
  Note* at = note(index);
  if (at == nullptr) return;
  const std::size_t length = std::min(activity.text.size(), kText);
  at->kind.store(ActivityKind::none, std::memory_order_relaxed);
  at->since_ns.store(activity.since_ns, std::memory_order_relaxed);
  at->service.store(activity.service, std::memory_order_relaxed);
  at->length.store(static_cast<std::uint16_t>(length), std::memory_order_relaxed);
  if (length > 0) std::memcpy(at->text, activity.text.data(), length);
  at->kind.store(activity.kind, std::memory_order_relaxed);
}

Activity HoldNotes::read(std::size_t index) const {
  Activity activity;
  const Note* at = note(index);
  if (at == nullptr) return activity;
  activity.kind = at->kind.load(std::memory_order_relaxed);
  if (activity.kind > ActivityKind::timer) activity.kind = ActivityKind::none;
  activity.service = at->service.load(std::memory_order_relaxed);
  activity.since_ns = at->since_ns.load(std::memory_order_relaxed);
  activity.text.assign(at->text, std::min<std::size_t>(at->length.load(std::memory_order_relaxed), kText));
  return activity;
}

}  // namespace prefork::ipc
