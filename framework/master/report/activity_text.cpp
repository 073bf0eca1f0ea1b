#include "framework/master/report/activity_text.hpp"

#include <algorithm>

#include "ipc/posix/socket_address.hpp"

namespace prefork::master {

namespace {

std::string what(const ipc::Activity& activity) {
  switch (activity.kind) {
    case ipc::ActivityKind::none:
      return {};
    case ipc::ActivityKind::starting:
      return "start";
    case ipc::ActivityKind::stopping:
      return "stop";
    case ipc::ActivityKind::timer:
      return "a timer";
    case ipc::ActivityKind::request:
      return request_of(activity) + " of " + client_of(activity);
    case ipc::ActivityKind::connection:
      return "connection of " + client_of(activity);
    case ipc::ActivityKind::datagram:
      return "datagram of " + client_of(activity);
  }
  return {};
}

}  // namespace

std::string client_of(const ipc::Activity& activity) {
  return ipc::format_socket_address(activity.text.data(), std::min(activity.text.size(), ipc::kActivityAddress));
}

std::string request_of(const ipc::Activity& activity) {
  return activity.text.substr(std::min(activity.text.size(), ipc::kActivityAddress));
}

std::string activity_text(const ipc::Activity& activity, const std::vector<std::string>& services) {
  const std::string text = what(activity);
  if (text.empty()) return text;
  return (activity.service < services.size() ? services[activity.service] : std::string("?")) + ": " + text;
}

bool has_a_client(const ipc::WorkerSlot& slot) noexcept {
  switch (slot.activity_kind.load(std::memory_order_relaxed)) {
    case ipc::ActivityKind::connection:
    case ipc::ActivityKind::datagram:
    case ipc::ActivityKind::request:
      return true;
    case ipc::ActivityKind::none:
      return slot.connections.load(std::memory_order_relaxed) > 0;
    default:
      return false;
  }
}

}  // namespace prefork::master
