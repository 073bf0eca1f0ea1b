#include "ipc/scoreboard.hpp"

#include <time.h>

#include <algorithm>
#include <cstring>
#include <new>
#include <stdexcept>
#include <utility>

#include "ipc/check.hpp"

namespace prefork::ipc {

namespace {

// A later version that maps a scoreboard handed over by this one refuses it unless all of this agrees.
struct alignas(64) Header {
  static constexpr std::uint64_t kMagic = 0x3144524f42524650;  // "PFRBORD1"
  static constexpr std::uint32_t kVersion = 2;
  std::uint64_t magic;
  std::uint32_t version;
  std::uint32_t slot_bytes;
  std::uint32_t slots;
};

constexpr std::array<std::string_view, kCounters> kCounterNames{
    "accepted",          "requests",      "datagrams",      "bytes_in", "bytes_out",           "replies_dropped",
    "log_lines_dropped", "accept_pauses", "handler_errors", "timeouts", "access_lines_dropped"};

}  // namespace

std::string_view counter_name(Counter counter) noexcept { return kCounterNames[static_cast<std::size_t>(counter)]; }

void WorkerSlot::begin_activity(ActivityKind kind, std::uint8_t service, std::uint64_t now_ns,
                                std::string_view text) noexcept {
  const std::size_t length = std::min(text.size(), kActivityText);
  activity_since_ns.store(now_ns, std::memory_order_relaxed);
  activity_service.store(service, std::memory_order_relaxed);
  if (length > 0) std::memcpy(activity_text, text.data(), length);
  activity_length.store(static_cast<std::uint16_t>(length), std::memory_order_relaxed);
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

Scoreboard::Scoreboard(SharedMemory memory, std::size_t slots) noexcept : memory_(std::move(memory)), slots_(slots) {}

Scoreboard Scoreboard::create(std::size_t slots) {
  PREFORK_CHECK(slots > 0 && slots <= 65535);
  SharedMemory memory = SharedMemory::create("prefork:scoreboard", sizeof(Header) + slots * sizeof(WorkerSlot));
  auto* header = new (memory.data()) Header;
  header->magic = Header::kMagic;
  header->version = Header::kVersion;
  header->slot_bytes = sizeof(WorkerSlot);
  header->slots = static_cast<std::uint32_t>(slots);
  return Scoreboard(std::move(memory), slots);
}

Scoreboard Scoreboard::adopt(UniqueFd fd) {
  SharedMemory memory = SharedMemory::map(std::move(fd));
  Header header{};
  if (memory.size() < sizeof header) throw std::runtime_error("the scoreboard has no header");
  std::memcpy(&header, memory.data(), sizeof header);
  const bool alike = header.magic == Header::kMagic && header.version == Header::kVersion &&
                     header.slot_bytes == sizeof(WorkerSlot) && header.slots > 0 && header.slots <= 65535 &&
                     memory.size() == sizeof header + header.slots * sizeof(WorkerSlot);
  if (!alike) throw std::runtime_error("the scoreboard has another layout");
  return Scoreboard(std::move(memory), header.slots);
}

// Fresh shared memory is zero, and all-zero bytes are an empty slot's atomics.
WorkerSlot& Scoreboard::slot(std::size_t index) const noexcept {
  PREFORK_CHECK(index < slots_);
  char* base = static_cast<char*>(memory_.data()) + sizeof(Header);
  return *std::launder(reinterpret_cast<WorkerSlot*>(base + index * sizeof(WorkerSlot)));
}

CounterValues Scoreboard::counters(std::size_t index) const noexcept {
  CounterValues values{};
  const WorkerSlot& source = slot(index);
  for (std::size_t i = 0; i < kCounters; ++i) values[i] = source.counters[i].load(std::memory_order_relaxed);
  return values;
}

void Scoreboard::assign(std::size_t index, std::uint32_t pool) const noexcept {
  clear(index);
  WorkerSlot& target = slot(index);
  target.pool.store(pool, std::memory_order_relaxed);
  target.heartbeat_ns.store(monotonic_ns(), std::memory_order_relaxed);
  target.state.store(SlotState::starting, std::memory_order_relaxed);
}

void Scoreboard::clear(std::size_t index) const noexcept {
  WorkerSlot& target = slot(index);
  target.state.store(SlotState::empty, std::memory_order_relaxed);
  target.connections.store(0, std::memory_order_relaxed);
  target.resting.store(0, std::memory_order_relaxed);
  target.full.store(false, std::memory_order_relaxed);
  target.waits.store(false, std::memory_order_relaxed);
  target.load.reset();
  for (auto& counter : target.counters) counter.store(0, std::memory_order_relaxed);
  target.end_activity();
  target.activity_length.store(0, std::memory_order_relaxed);
}

std::uint64_t monotonic_ns() noexcept {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000U + static_cast<std::uint64_t>(now.tv_nsec);
}

}  // namespace prefork::ipc
