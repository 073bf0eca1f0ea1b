#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include <prefork/forever.hpp>

/// How a service's `describe` declares the objects that workers share (prefork/manifest.hpp): their kinds and sizes.
/// Plain data. The sizes here are defaults: each is an option of the service, so that the configuration can change it.
namespace prefork {

/// Who shares an object.
enum class Scope : std::uint8_t {
  service,  ///< all workers of this service; `preforkctl` knows it as SERVICE.NAME
  server,   ///< all services, in any pool, that declare the name; they must agree in kind and size
};

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
  channel,
};

enum class ColumnType : std::uint8_t { integer, real, text };

/// A column of a table.
struct Column {
  std::string name;  ///< lower-case letters, digits and '-'
  ColumnType type = ColumnType::integer;
  std::uint32_t text_bytes = 0;  ///< text: the longest value

  bool operator==(const Column&) const = default;
};

/// Options: NAME-capacity, NAME-message-bytes, NAME-max-deliveries, NAME-dead-letters, NAME-hold-limit.
struct QueueShape {
  std::uint32_t capacity = 1024;      ///< messages, a power of two; those taken and not acknowledged count too
  std::uint32_t message_bytes = 256;  ///< the longest message
  std::uint32_t max_deliveries = 5;   ///< a message delivered this many times without acknowledgement is undeliverable;
                                      ///< 0: no limit
  std::uint32_t dead_letters = 64;    ///< how many undeliverable messages are kept
  std::chrono::milliseconds hold_limit = kForever;  ///< a longer hold of a message is logged
};

/// Options: NAME-capacity, NAME-message-bytes.
struct TopicShape {
  std::uint32_t capacity = 1024;  ///< messages, a power of two: how far a subscriber may fall behind
  std::uint32_t message_bytes = 256;
};

/// Options: NAME-permits, NAME-hold-limit.
struct SemaphoreShape {
  std::uint32_t permits = 1;
  std::chrono::milliseconds hold_limit = kForever;
};

/// Option: NAME-hold-limit.
struct MutexShape {
  std::chrono::milliseconds hold_limit = kForever;
};

/// Option: NAME-parties.
struct BarrierShape {
  std::uint32_t parties = 2;
};

/// Options: NAME-rows, NAME-key-bytes.
struct TableShape {
  std::uint32_t rows = 1024;
  std::uint32_t key_bytes = 64;  ///< the longest key
  std::vector<Column> columns{};
};

/// A duplex channel between two ends, each "N" (worker N of the service's own pool), "*" (any worker of that pool),
/// "POOL/N" or "POOL/*". Options: NAME-ends ("FIRST SECOND"), NAME-capacity, NAME-message-bytes.
struct ChannelShape {
  std::string first = "0";
  std::string second = "1";
  std::uint32_t capacity = 256;  ///< messages each way, a power of two
  std::uint32_t message_bytes = 256;
};

/// One shared object of a service, as `describe` declared it; its sizes are among the options.
struct SharedSpec {
  std::string name;  ///< lower-case letters, digits and '-'
  SharedKind kind = SharedKind::queue;
  Scope scope = Scope::service;
  std::string help;               ///< one sentence
  std::vector<Column> columns{};  ///< table: its columns
};

}  // namespace prefork
