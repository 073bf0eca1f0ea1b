#include "framework/master/generation/shared_plan.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <stdexcept>
#include <tuple>
#include <utility>

#include "framework/base/visible.hpp"
#include "framework/config/config_error.hpp"
#include "framework/master/generation/shared_sizes.hpp"
#include "ipc/objects/shared_object.hpp"

namespace prefork::master {

namespace {

using config::ConfigError;
using std::chrono::milliseconds;

// Room for a signal's name, its sender and up to 900 bytes (framework/worker/shared/signal_message.hpp).
constexpr std::uint32_t kSignals = 1024, kSignalBytes = 1088;

class Planner {
 public:
  explicit Planner(const std::vector<config::PoolOptions>& pools) {
    for (const auto& pool : pools) pools_.push_back(pool.name);
  }

  void add(const SharingService& service) {
    plan_.services.emplace_back();
    plan_.services.back().signals = service.report.signals;
    for (const SharedSpec& spec : service.report.shared) {
      spec.kind == SharedKind::channel ? add_channel(service, spec) : add_object(service, spec);
    }
    if (service.report.request_metrics) {
      plan_.services.back().request_times =
          place_own(service, "request-times", SharedKind::histogram, ipc::SharedKind::histogram);
      plan_.services.back().responses = place_own(service, "responses", SharedKind::counter, ipc::SharedKind::counter);
    }
    if (service.report.signals && !plan_.signals) plan_.signals = place_signals(service);
  }
  SharedPlan take() { return std::move(plan_); }

 private:
  /// Which service declared an object first, and as what.
  struct Declarer {
    std::string service;
    std::string place;
    SharedKind kind;
    Scope scope;
    std::string ends;  ///< of a channel
  };

  static std::string full_name(const SharingService& service, const SharedSpec& spec) {
    return spec.scope == Scope::server ? spec.name : service.options.name + "." + spec.name;
  }

  void add_object(const SharingService& service, const SharedSpec& spec) {
    SharedSizes sizes = shared_sizes(service, spec);
    const std::uint32_t deliveries = sizes.max_deliveries;
    const std::size_t object = place(full_name(service, spec), std::move(sizes), declarer(service, spec, {}));
    plan_.services.back().objects.push_back({spec.name, object, deliveries});
  }

  void add_channel(const SharingService& service, const SharedSpec& spec) {
    const SharedSizes sizes = shared_sizes(service, spec);
    ChannelUse use;
    use.name = spec.name;
    std::tie(use.first, use.second) = ends(service, spec);
    const std::string text = channel_end_text(use.first) + " and " + channel_end_text(use.second);
    const std::string name = full_name(service, spec);
    use.to_second = place(name + ".to-second", sizes, declarer(service, spec, text));
    use.to_first = place(name + ".to-first", sizes, declarer(service, spec, text));
    plan_.services.back().channels.push_back(std::move(use));
  }

  std::pair<ChannelEnd, ChannelEnd> ends(const SharingService& service, const SharedSpec& spec) const {
    const std::string& text = size_text(service, spec, "ends");
    try {
      return parse_channel_ends(text, service.options.pool, pools_);
    } catch (const std::invalid_argument& error) {
      const auto given = service.options.own.find(spec.name + "-ends");
      const std::string& place =
          given == service.options.own.end() ? service.options.origin.text : given->second.origin.text;
      throw ConfigError(
          fmt::format("{}: {}-ends in [service {}]: {}", place, spec.name, service.options.name, error.what()));
    }
  }

  std::size_t place_signals(const SharingService& service) {
    SharedSizes sizes;
    sizes.shape.kind = ipc::SharedKind::topic;
    sizes.shape.capacity = kSignals;
    sizes.shape.message_bytes = kSignalBytes;
    return place("signals", std::move(sizes),
                 {service.options.name, service.options.origin.text, SharedKind::topic, Scope::service, {}});
  }

  // Places an object that the framework measures with. No service can declare a name with a dot in it.
  std::size_t place_own(const SharingService& service, const char* name, SharedKind kind, ipc::SharedKind memory) {
    SharedSizes sizes;
    sizes.shape.kind = memory;
    return place(service.options.name + ".http." + name, std::move(sizes),
                 {service.options.name, service.options.origin.text, kind, Scope::service, {}});
  }

  static Declarer declarer(const SharingService& service, const SharedSpec& spec, std::string ends) {
    return {service.options.name, service.options.origin.text, spec.kind, spec.scope, std::move(ends)};
  }

  // Places a new object, or one of the server's that another service has declared in the same way.
  std::size_t place(std::string name, SharedSizes sizes, Declarer by) {
    const auto known = std::find_if(plan_.objects.begin(), plan_.objects.end(),
                                    [&](const SharedDeclaration& object) { return object.name == name; });
    if (known == plan_.objects.end()) {
      plan_.objects.push_back({std::move(name), std::move(sizes.shape), sizes.hold_limit, by.place});
      declarers_.push_back(std::move(by));
      return plan_.objects.size() - 1;
    }
    const auto index = static_cast<std::size_t>(known - plan_.objects.begin());
    refuse_difference(*known, declarers_[index], sizes.shape, by);
    const bool stricter = known->hold_limit.count() == 0 || sizes.hold_limit < known->hold_limit;
    if (sizes.hold_limit.count() > 0 && stricter) known->hold_limit = sizes.hold_limit;
    return index;
  }

  static void refuse_difference(const SharedDeclaration& object, const Declarer& first, const ipc::SharedShape& shape,
                                const Declarer& second) {
    const auto refuse = [&](const std::string& here, const std::string& there) {
      throw ConfigError(fmt::format("{}: [service {}] declares the shared object {} {}, but [service {}] ({}) {}",
                                    second.place, second.service, base::in_quotes(object.name), here, first.service,
                                    first.place, there));
    };
    const auto as = [](SharedKind kind) { return "as " + with_article(config::kind_name(kind)); };
    if (first.scope != Scope::server || second.scope != Scope::server) {
      refuse("for itself", "has an object of that name");
    } else if (first.kind != second.kind) {
      refuse(as(second.kind), as(first.kind));
    } else if (first.ends != second.ends) {
      refuse("between " + second.ends, "between " + first.ends);
    } else if (object.shape != shape) {
      refuse("with " + full_shape_text(shape), "with " + full_shape_text(object.shape));
    }
  }

  std::vector<std::string> pools_;
  SharedPlan plan_;
  std::vector<Declarer> declarers_;  ///< in the order of plan_.objects
};

}  // namespace

SharedPlan plan_shared(const std::vector<SharingService>& services, const std::vector<config::PoolOptions>& pools) {
  Planner planner(pools);
  for (const SharingService& service : services) planner.add(service);
  return planner.take();
}

void check_memory(const SharedPlan& plan, std::size_t slots, std::uint64_t memory) {
  std::uint64_t total = 0, most = 0;
  const SharedDeclaration* largest = nullptr;
  for (const SharedDeclaration& object : plan.objects) {
    const std::uint64_t bytes = ipc::SharedObject::bytes_of(object.shape, slots);
    total = bytes > UINT64_MAX - total ? UINT64_MAX : total + bytes;
    if (largest != nullptr && bytes <= most) continue;
    largest = &object;
    most = bytes;
  }
  if (total <= memory) return;
  const std::string title = shared_title(largest->shape, largest->name);
  throw ConfigError(
      most > memory ? fmt::format("{}: {} would take {} bytes of memory, and the machine has {}", largest->place, title,
                                  most, memory)
                    : fmt::format("{}: the shared objects would take {} bytes of memory, and the machine has {}; the "
                                  "largest is {} with {}",
                                  largest->place, total, memory, title, most));
}

std::string with_article(std::string_view kind) { return (kind.starts_with('e') ? "an " : "a ") + std::string(kind); }

std::string full_shape_text(const ipc::SharedShape& shape) {
  constexpr std::array<std::string_view, 3> types{"integer", "real", "text"};
  std::string text;
  switch (shape.kind) {
    case ipc::SharedKind::queue:
    case ipc::SharedKind::topic:
      text = fmt::format("{} messages of {} bytes", shape.capacity, shape.message_bytes);
      if (shape.dead_letters > 0) text += fmt::format(" and {} dead letters", shape.dead_letters);
      return text;
    case ipc::SharedKind::table:
      text = fmt::format("{} rows with keys of {} bytes", shape.capacity, shape.key_bytes);
      for (const ipc::Column& column : shape.columns) {
        text += fmt::format(", {} {}", types[static_cast<std::size_t>(column.type)], column.name);
        if (column.type == ipc::ColumnType::text) text += fmt::format(" of {} bytes", column.text_bytes);
      }
      return text;
    default:
      return ipc::shape_text(shape);
  }
}

std::string shared_title(const ipc::SharedShape& shape, const std::string& name) {
  return std::string(ipc::kind_name(shape.kind)) + " " + name;
}

std::vector<std::chrono::milliseconds> hold_limits(const SharedPlan& plan) {
  std::vector<std::chrono::milliseconds> limits;
  for (const SharedDeclaration& object : plan.objects) limits.push_back(object.hold_limit);
  return limits;
}

}  // namespace prefork::master
