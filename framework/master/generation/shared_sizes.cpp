#include "framework/master/generation/shared_sizes.hpp"

#include <fmt/format.h>

#include <charconv>
#include <limits>
#include <stdexcept>
#include <string>
#include <system_error>

#include "framework/base/visible.hpp"
#include "framework/config/config_error.hpp"
#include "framework/config/service_options.hpp"

namespace prefork::master {

namespace {

using config::ConfigError;

// An honest manifest declares every size as a number that fits; a report may be forged.
[[noreturn]] void refuse_plugin(const SharingService& service, const SharedSpec& spec, const char* size) {
  throw ConfigError(fmt::format("{}: the plugin {} declares the {} {} without a proper option {}",
                                service.options.origin.text, base::in_quotes(service.options.plugin),
                                config::kind_name(spec.kind), base::in_quotes(spec.name),
                                base::in_quotes(spec.name + "-" + size)));
}

std::uint32_t number(const SharingService& service, const SharedSpec& spec, const char* size) {
  const std::string& text = size_text(service, spec, size);
  std::uint32_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) refuse_plugin(service, spec, size);
  return value;
}

std::chrono::milliseconds hold_limit(const SharingService& service, const SharedSpec& spec) {
  return std::chrono::milliseconds(number(service, spec, "hold-limit"));
}

SharedSizes read_messages(const SharingService& service, const SharedSpec& spec, ipc::SharedKind kind) {
  SharedSizes sizes;
  sizes.shape.kind = kind;
  sizes.shape.capacity = number(service, spec, "capacity");
  sizes.shape.message_bytes = number(service, spec, "message-bytes");
  return sizes;
}

SharedSizes read_queue(const SharingService& service, const SharedSpec& spec) {
  SharedSizes sizes = read_messages(service, spec, ipc::SharedKind::queue);
  sizes.shape.dead_letters = number(service, spec, "dead-letters");
  sizes.max_deliveries = number(service, spec, "max-deliveries");
  sizes.hold_limit = hold_limit(service, spec);
  return sizes;
}

SharedSizes read_counted(const SharingService& service, const SharedSpec& spec, ipc::SharedKind kind,
                         const char* size) {
  SharedSizes sizes;
  sizes.shape.kind = kind;
  sizes.shape.capacity = number(service, spec, size);
  return sizes;
}

SharedSizes read_table(const SharingService& service, const SharedSpec& spec) {
  SharedSizes sizes = read_counted(service, spec, ipc::SharedKind::table, "rows");
  sizes.shape.key_bytes = number(service, spec, "key-bytes");
  for (const Column& column : spec.columns) {
    sizes.shape.columns.push_back({column.name, static_cast<ipc::ColumnType>(column.type), column.text_bytes});
  }
  return sizes;
}

SharedSizes read_plain(ipc::SharedKind kind) {
  SharedSizes sizes;
  sizes.shape.kind = kind;
  return sizes;
}

SharedSizes read(const SharingService& service, const SharedSpec& spec) {
  SharedSizes sizes;
  switch (spec.kind) {
    case SharedKind::queue:
      return read_queue(service, spec);
    case SharedKind::topic:
      return read_messages(service, spec, ipc::SharedKind::topic);
    case SharedKind::channel:
      return read_messages(service, spec, ipc::SharedKind::queue);
    case SharedKind::semaphore:
      sizes = read_counted(service, spec, ipc::SharedKind::semaphore, "permits");
      sizes.hold_limit = hold_limit(service, spec);
      return sizes;
    case SharedKind::mutex:
      sizes = read_plain(ipc::SharedKind::mutex);
      sizes.hold_limit = hold_limit(service, spec);
      return sizes;
    case SharedKind::barrier:
      return read_counted(service, spec, ipc::SharedKind::barrier, "parties");
    case SharedKind::table:
      return read_table(service, spec);
    case SharedKind::event:
      return read_plain(ipc::SharedKind::event);
    case SharedKind::counter:
      return read_plain(ipc::SharedKind::counter);
    case SharedKind::gauge:
      return read_plain(ipc::SharedKind::gauge);
    case SharedKind::histogram:
      break;
  }
  return read_plain(ipc::SharedKind::histogram);
}

bool is_possible(const ipc::SharedShape& shape) {
  try {
    ipc::check_shape(shape);
    return true;
  } catch (const std::invalid_argument&) {
    return false;
  }
}

// Whether the shape is valid without what was written for one option.
bool is_to_blame(const SharingService& service, const SharedSpec& spec, const std::string& option) {
  config::ServiceOptions without = service.options;
  without.own.erase(option);
  const auto checked = config::check_service_options(without, service.report.options);
  const std::map<std::string, std::string, std::less<>> values(checked.begin(), checked.end());
  return is_possible(read({without, service.report, values}, spec).shape);
}

[[noreturn]] void refuse_shape(const SharingService& service, const SharedSpec& spec, const char* sentence) {
  const std::string beginning = spec.name + "-";
  const config::OptionValue* given = nullptr;
  std::string key;
  for (const auto& option : service.report.options) {
    const auto own = service.options.own.find(option.name);
    if (!option.name.starts_with(beginning) || own == service.options.own.end()) continue;
    const bool blamed = is_to_blame(service, spec, option.name);
    if (given != nullptr && !blamed) continue;
    given = &own->second;
    key = option.name;
    if (blamed) break;
  }
  const std::string& place = given == nullptr ? service.options.origin.text : given->origin.text;
  const std::string subject =
      given == nullptr ? fmt::format("{} {}", config::kind_name(spec.kind), spec.name) : std::move(key);
  throw ConfigError(fmt::format("{}: {} in [service {}]: {}", place, subject, service.options.name, sentence));
}

}  // namespace

const std::string& size_text(const SharingService& service, const SharedSpec& spec, const char* size) {
  const auto found = service.values.find(spec.name + "-" + size);
  if (found == service.values.end()) refuse_plugin(service, spec, size);
  return found->second;
}

SharedSizes shared_sizes(const SharingService& service, const SharedSpec& spec) {
  SharedSizes sizes = read(service, spec);
  try {
    ipc::check_shape(sizes.shape);
  } catch (const std::invalid_argument& error) {
    refuse_shape(service, spec, error.what());
  }
  return sizes;
}

}  // namespace prefork::master
