#include "ipc/objects/shared_shape.hpp"

#include <array>

namespace prefork::ipc {

std::string_view kind_name(SharedKind kind) noexcept {
  constexpr std::array<std::string_view, kSharedKinds> names{"queue",   "topic",   "semaphore", "mutex",     "event",
                                                             "barrier", "counter", "gauge",     "histogram", "table"};
  return names[static_cast<std::size_t>(kind)];
}

std::string shape_text(const SharedShape& shape) {
  const std::string capacity = std::to_string(shape.capacity);
  switch (shape.kind) {
    case SharedKind::queue:
    case SharedKind::topic:
      return capacity + " x " + std::to_string(shape.message_bytes) + " bytes";
    case SharedKind::semaphore:
      return capacity + (shape.capacity == 1 ? " permit" : " permits");
    case SharedKind::barrier:
      return capacity + (shape.capacity == 1 ? " party" : " parties");
    case SharedKind::table:
      return capacity + " rows, " + std::to_string(shape.columns.size()) + " columns";
    default:
      return {};
  }
}

}  // namespace prefork::ipc
