#include "ipc/memory/scoreboard.hpp"

#include <time.h>

#include <algorithm>
#include <cstring>
#include <new>
#include <stdexcept>
#include <utility>

#include "ipc/posix/check.hpp"

namespace prefork::ipc {

namespace {

constexpr std::array<std::string_view, kCounters> kCounterNames{
    "accepted",          "requests",      "datagrams",      "bytes_in", "bytes_out",           "replies_dropped",
    "log_lines_dropped", "accept_pauses", "handler_errors", "timeouts", "access_lines_dropped"};

// What a worker may have written into the memory does not matter for its size.
SharedMemory map_exactly(UniqueFd fd, std::size_t bytes, const char* what) {
  SharedMemory memory = SharedMemory::map(std::move(fd));
  if (memory.size() != bytes) throw std::runtime_error(std::string(what) + " has another size");
  return memory;
}

}  // namespace

std::string_view counter_name(Counter counter) noexcept { return kCounterNames[static_cast<std::size_t>(counter)]; }

void WorkerSlot::begin_activity(ActivityKind kind, std::uint8_t service, std::uint64_t now_ns, std::string_view text,
                                std::string_view more) noexcept {
  const std::size_t first = std::min(text.size(), kActivityText);
  const std::size_t second = std::min(more.size(), kActivityText - first);
  activity_since_ns.store(now_ns, std::memory_order_relaxed);
  activity_service.store(service, std::memory_order_relaxed);
  if (first > 0) std::memcpy(activity_text, text.data(), first);
  if (second > 0) std::memcpy(activity_text + first, more.data(), second);
  activity_length.store(static_cast<std::uint16_t>(first + second), std::memory_order_relaxed);
  activity_kind.store(kind, std::memory_order_relaxed);
}

Activity WorkerSlot::activity() const {
  Activity copy;
  copy.kind = activity_kind.load(std::memory_order_relaxed);
  if (copy.kind > ActivityKind::timer) copy.kind = ActivityKind::none;
  copy.service = activity_service.load(std::memory_order_relaxed);
  copy.since_ns = activity_since_ns.load(std::memory_order_relaxed);
  const std::size_t length = activity_length.load(std::memory_order_relaxed);
  copy.text.assign(activity_text, std::min(length, kActivityText));
  return copy;
}

Scoreboard::Scoreboard(std::size_t slots) {
  PREFORK_CHECK(slots > 0 && slots <= 65535);
  memory_.resize(slots);
}

WorkerSlot& Scoreboard::slot(std::size_t index) const noexcept {
  PREFORK_CHECK(index < slots() && memory_[index]);
  return slot_in(*memory_[index]);
}

int Scoreboard::fd(std::size_t index) const noexcept {
  PREFORK_CHECK(index < slots() && memory_[index]);
  return memory_[index]->fd();
}

CounterValues Scoreboard::counters(std::size_t index) const noexcept {
  CounterValues values{};
  if (!memory_[index]) return values;
  const WorkerSlot& source = slot(index);
  for (std::size_t i = 0; i < kCounters; ++i) values[i] = source.counters[i].load(std::memory_order_relaxed);
  return values;
}

void Scoreboard::assign(std::size_t index) {
  PREFORK_CHECK(index < slots());
  memory_[index] = SharedMemory::create("prefork:slot", sizeof(WorkerSlot));
  slot(index).heartbeat_ns.store(monotonic_ns(), std::memory_order_relaxed);
}

void Scoreboard::adopt(std::size_t index, UniqueFd memory) {
  PREFORK_CHECK(index < slots());
  memory_[index] = map_slot(std::move(memory));
}

void Scoreboard::clear(std::size_t index) noexcept { memory_[index].reset(); }

SharedMemory map_slot(UniqueFd memory) {
  return map_exactly(std::move(memory), sizeof(WorkerSlot), "a handed-over worker's slot");
}

// Fresh shared memory is zeroed, and all-zero bytes are the atomics of an empty slot.
WorkerSlot& slot_in(const SharedMemory& memory) noexcept {
  return *std::launder(static_cast<WorkerSlot*>(memory.data()));
}

Seats Seats::create(std::size_t slots) { return {SharedMemory::create("prefork:seats", slots * sizeof(Seat)), slots}; }

Seats Seats::map(UniqueFd memory, std::size_t slots) {
  return {map_exactly(std::move(memory), slots * sizeof(Seat), "what the workers of a pool know of each other"), slots};
}

Seat& Seats::operator[](std::size_t index) const noexcept {
  PREFORK_CHECK(index < slots_);
  return *std::launder(static_cast<Seat*>(memory_.data()) + index);
}

void Seats::clear(std::size_t index, SeatState state) const noexcept {
  Seat& seat = (*this)[index];
  seat.connections.store(0, std::memory_order_relaxed);
  seat.heartbeat_ns.store(monotonic_ns(), std::memory_order_relaxed);
  seat.state.store(state, std::memory_order_relaxed);
}

std::uint64_t monotonic_ns() noexcept {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000U + static_cast<std::uint64_t>(now.tv_nsec);
}

}  // namespace prefork::ipc
