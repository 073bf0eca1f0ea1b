#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

/// What kinds of shared objects there are, and how one is cut to size. Plain data.
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
  std::uint32_t text_bytes = 0;  ///< of text: the longest

  bool operator==(const Column&) const = default;
};

/// The size of a shared object. Two generations share an object where name and shape agree; what is not of a
/// kind is zero.
struct SharedShape {
  SharedKind kind = SharedKind::queue;
  std::uint32_t capacity = 0;       ///< queue, topic: messages; semaphore: permits; barrier: parties; table: rows
  std::uint32_t message_bytes = 0;  ///< queue, topic: the longest message
  std::uint32_t dead_letters = 0;   ///< queue: undeliverable messages that are kept
  std::uint32_t key_bytes = 0;      ///< table: the longest key
  std::vector<Column> columns;      ///< table

  bool operator==(const SharedShape&) const = default;
};

/// @throws std::invalid_argument: one sentence without the object's name, such as "capacity is 1000, which is
/// no power of two: take 512 or 1024".
void check_shape(const SharedShape& shape);

/// "1024 x 256 bytes", "4 permits"; empty for what has no size.
std::string shape_text(const SharedShape& shape);

}  // namespace prefork::ipc
