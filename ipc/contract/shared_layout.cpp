#include "ipc/contract/shared_layout.hpp"

#include <array>

#include "ipc/contract/contract.hpp"
#include "ipc/memory/scoreboard.hpp"
#include "ipc/objects/shared_object.hpp"

namespace prefork::ipc {

namespace {

constexpr const char* kName = "prefork-layout-3";

// An object of each kind, of any size.
std::string object_bytes(SharedKind kind) {
  SharedShape shape;
  shape.kind = kind;
  shape.capacity = 16;
  if (kind == SharedKind::queue || kind == SharedKind::topic) shape.message_bytes = 64;
  if (kind == SharedKind::queue) shape.dead_letters = 16;
  if (kind == SharedKind::table) {
    shape.key_bytes = 16;
    shape.columns = {{"number", ColumnType::integer, 0}, {"text", ColumnType::text, 24}};
  }
  return std::to_string(SharedObject::bytes_of(shape, 64));
}

}  // namespace

std::string shared_layout() {
  std::string text = kName;
  for (const std::size_t size : {sizeof(WorkerSlot), sizeof(Seat), kCounters, kControlBytes, kMaxStatusBytes}) {
    text += ' ' + std::to_string(size);
  }
  for (std::size_t kind = 0; kind < kSharedKinds; ++kind) text += ' ' + object_bytes(static_cast<SharedKind>(kind));
  return text;
}

}  // namespace prefork::ipc
