#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

/// The kinds of shared objects, and the size of one. Plain data.
namespace prefork::ipc {

enum class SharedKind : std::uint8_t {
  queue,
  topic,
  semaphore,
  mutex,
  event,
  barrier,
  counter,
  gauge,
  histogram,
  table,
};
constexpr std::size_t kSharedKinds = 10;
/// "queue", "topic", ...
std::string_view kind_name(SharedKind kind) noexcept;

enum class ColumnType : std::uint8_t { integer, real, text };

/// A column of a table.
struct Column {
  std::string name;
  ColumnType type = ColumnType::integer;
  std::uint32_t text_bytes = 0;  ///< text: the longest value

  bool operator==(const Column&) const = default;
};

/// The size of a shared object. Two generations share an object if name and shape are equal. A field that the kind does
/// not use is zero.
struct SharedShape {
  SharedKind kind = SharedKind::queue;
  std::uint32_t capacity = 0;       ///< queue, topic: messages; semaphore: permits; barrier: parties; table: rows
  std::uint32_t message_bytes = 0;  ///< queue, topic: the longest message
  std::uint32_t dead_letters = 0;   ///< queue: how many undeliverable messages are kept
  std::uint32_t key_bytes = 0;      ///< table: the longest key
  std::vector<Column> columns;      ///< table

  bool operator==(const SharedShape&) const = default;
};

/// @throws std::invalid_argument: one sentence without the object's name, such as "capacity is 1000, which is no power
/// of two: take 512 or 1024"
void check_shape(const SharedShape& shape);

/// "1024 x 256 bytes", "4 permits"; empty for a kind without a size.
std::string shape_text(const SharedShape& shape);

}  // namespace prefork::ipc
