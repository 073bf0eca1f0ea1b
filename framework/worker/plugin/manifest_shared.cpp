#include <prefork/manifest.hpp>

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "framework/worker/plugin/manifest_check.hpp"
#include "ipc/objects/shared_shape.hpp"

// The part of the manifest that declares shared objects.
namespace prefork {

using worker::check_text;
using worker::is_name;
using worker::quoted;

namespace {

constexpr std::size_t kMaxShared = 64;
// A rough limit for options; what an object of a kind can really have is checked once all its sizes are known.
constexpr Manifest::Range kCount{0, 1 << 24};
constexpr Manifest::Range kBytes{1, 1 << 24};
constexpr Manifest::Range kLimitMs{0, 86'400'000};

constexpr auto kText = static_cast<std::uint8_t>(ipc::ColumnType::text);
static_assert(static_cast<std::uint8_t>(ColumnType::text) == kText);

[[noreturn]] void refuse(std::string_view kind, std::string_view name, const std::string& why) {
  throw std::invalid_argument(std::string(kind) + " \"" + std::string(name) + "\" can't be made: " + why);
}

// The defaults must be valid together.
void check(std::string_view name, const ipc::SharedShape& shape) {
  try {
    ipc::check_shape(shape);
  } catch (const std::invalid_argument& error) {
    refuse(ipc::kind_name(shape.kind), name, error.what());
  }
}

void check_columns(std::string_view table, const std::vector<Column>& columns) {
  for (auto at = columns.begin(); at != columns.end(); ++at) {
    if (!is_name(at->name)) refuse("table", table, quoted(at->name) + " is no name for a column");
    const bool twice = std::any_of(columns.begin(), at, [&](const Column& c) { return c.name == at->name; });
    if (twice) refuse("table", table, "column \"" + at->name + "\" is declared twice");
    if (at->type > ColumnType::text) refuse("table", table, "column \"" + at->name + "\" is of no known type");
  }
}

ipc::SharedShape shape_of(ipc::SharedKind kind, std::uint32_t capacity, std::uint32_t message_bytes = 0) {
  ipc::SharedShape shape;
  shape.kind = kind;
  shape.capacity = capacity;
  shape.message_bytes = message_bytes;
  return shape;
}

// Options for sizes, without the object's name.
OptionSpec size_option(OptionType type, std::string size, std::int64_t value, Manifest::Range range, std::string help) {
  if (value < range.minimum || value > range.maximum) {
    throw std::invalid_argument("the default of the size \"" + size + "\" is outside its own range");
  }
  const char* unit = type == OptionType::duration ? "ms" : "";
  return {std::move(size), type, std::to_string(value) + unit, range.minimum, range.maximum, {}, std::move(help)};
}

OptionSpec count(std::string size, std::uint32_t value, std::string help) {
  return size_option(OptionType::integer, std::move(size), value, kCount, std::move(help));
}

OptionSpec bytes(std::string size, std::uint32_t value, std::string help) {
  return size_option(OptionType::size, std::move(size), value, kBytes, std::move(help));
}

// The configuration writes "never" as 0.
OptionSpec hold_limit(std::chrono::milliseconds limit) {
  return size_option(OptionType::duration, "hold-limit", limit == kForever ? 0 : limit.count(), kLimitMs,
                     "what is held longer is logged; 0: never");
}

}  // namespace

void Manifest::share(SharedSpec spec) {
  if (!is_name(spec.name)) throw std::invalid_argument(quoted(spec.name) + " is no name for a shared object");
  check_text("shared object \"" + spec.name + "\"", spec.help);
  const bool declared =
      std::any_of(shared_.begin(), shared_.end(), [&](const SharedSpec& s) { return s.name == spec.name; });
  if (declared) throw std::invalid_argument("shared object \"" + spec.name + "\" is declared twice");
  if (spec.scope > Scope::server) throw std::invalid_argument("shared object \"" + spec.name + "\" is of no scope");
  if (spec.scope == Scope::server && spec.name == "signals") {
    throw std::invalid_argument("a shared object \"signals\" is the server's own: take another name");
  }
  if (shared_.size() >= kMaxShared) throw std::invalid_argument("more than 64 shared objects are declared");
  shared_.push_back(std::move(spec));
}

void Manifest::size_of(std::string_view object, OptionSpec option) {
  option.name = std::string(object) + "-" + option.name;
  push(std::move(option));
  ++sizes_;
}

void Manifest::queue(std::string_view name, const QueueShape& shape, std::string_view help, Scope scope) {
  share({std::string(name), SharedKind::queue, scope, std::string(help)});
  ipc::SharedShape sizes = shape_of(ipc::SharedKind::queue, shape.capacity, shape.message_bytes);
  sizes.dead_letters = shape.dead_letters;
  check(name, sizes);
  size_of(name, count("capacity", shape.capacity, "messages, a power of two"));
  size_of(name, bytes("message-bytes", shape.message_bytes, "the longest message"));
  size_of(name, count("max-deliveries", shape.max_deliveries, "then a message is undeliverable; 0: no limit"));
  size_of(name, count("dead-letters", shape.dead_letters, "undeliverable messages that are kept"));
  size_of(name, hold_limit(shape.hold_limit));
}

void Manifest::topic(std::string_view name, const TopicShape& shape, std::string_view help, Scope scope) {
  share({std::string(name), SharedKind::topic, scope, std::string(help)});
  check(name, shape_of(ipc::SharedKind::topic, shape.capacity, shape.message_bytes));
  size_of(name, count("capacity", shape.capacity, "messages, a power of two"));
  size_of(name, bytes("message-bytes", shape.message_bytes, "the longest message"));
}

void Manifest::semaphore(std::string_view name, const SemaphoreShape& shape, std::string_view help, Scope scope) {
  share({std::string(name), SharedKind::semaphore, scope, std::string(help)});
  check(name, shape_of(ipc::SharedKind::semaphore, shape.permits));
  size_of(name, count("permits", shape.permits, "how many can hold it at once"));
  size_of(name, hold_limit(shape.hold_limit));
}

void Manifest::mutex(std::string_view name, const MutexShape& shape, std::string_view help, Scope scope) {
  share({std::string(name), SharedKind::mutex, scope, std::string(help)});
  size_of(name, hold_limit(shape.hold_limit));
}

void Manifest::event(std::string_view name, std::string_view help, Scope scope) {
  share({std::string(name), SharedKind::event, scope, std::string(help)});
}

void Manifest::barrier(std::string_view name, const BarrierShape& shape, std::string_view help, Scope scope) {
  share({std::string(name), SharedKind::barrier, scope, std::string(help)});
  check(name, shape_of(ipc::SharedKind::barrier, shape.parties));
  size_of(name, count("parties", shape.parties, "how many must come before all go on"));
}

void Manifest::counter(std::string_view name, std::string_view help, Scope scope) {
  share({std::string(name), SharedKind::counter, scope, std::string(help)});
}

void Manifest::gauge(std::string_view name, std::string_view help, Scope scope) {
  share({std::string(name), SharedKind::gauge, scope, std::string(help)});
}

void Manifest::histogram(std::string_view name, std::string_view help, Scope scope) {
  share({std::string(name), SharedKind::histogram, scope, std::string(help)});
}

void Manifest::table(std::string_view name, const TableShape& shape, std::string_view help, Scope scope) {
  share({std::string(name), SharedKind::table, scope, std::string(help), shape.columns});
  check_columns(name, shape.columns);
  ipc::SharedShape sizes = shape_of(ipc::SharedKind::table, shape.rows);
  sizes.key_bytes = shape.key_bytes;
  for (const Column& column : shape.columns) {
    sizes.columns.push_back({column.name, static_cast<ipc::ColumnType>(column.type), column.text_bytes});
  }
  check(name, sizes);
  size_of(name, count("rows", shape.rows, "the most rows"));
  size_of(name, bytes("key-bytes", shape.key_bytes, "the longest key"));
}

void Manifest::channel(std::string_view name, const ChannelShape& shape, std::string_view help, Scope scope) {
  share({std::string(name), SharedKind::channel, scope, std::string(help)});
  check(name, shape_of(ipc::SharedKind::queue, shape.capacity, shape.message_bytes));
  size_of(name, {"ends",
                 OptionType::text,
                 shape.first + " " + shape.second,
                 0,
                 0,
                 {},
                 "two of N, *, POOL/N and POOL/*: the workers at its ends"});
  size_of(name, count("capacity", shape.capacity, "messages each way, a power of two"));
  size_of(name, bytes("message-bytes", shape.message_bytes, "the longest message"));
}

void Manifest::signals() { wants_signals_ = true; }

}  // namespace prefork
