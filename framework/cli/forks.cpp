#include "framework/cli/forks.hpp"

#include <stdexcept>
#include <string>
#include <utility>

#include "framework/cli/build_id.hpp"
#include "framework/cli/process_title.hpp"
#include "framework/cli/wiring.hpp"
#include "framework/config/service_options.hpp"
#include "framework/master/generation/inspector.hpp"
#include "framework/master/generation/options_archive.hpp"
#include "framework/worker/setup_parcel.hpp"
#include "ipc/contract/archive.hpp"

namespace prefork::cli {

namespace {

// The first letter of an order.
constexpr char kWorker = 'W';
constexpr char kInspect = 'I';

enum class Ask { report, judgement, rehearsal };
constexpr auto last_of(Ask) { return Ask::rehearsal; }

constexpr std::string_view kDamaged = "the order is damaged: ";

/// An inspection, with the part of the configuration that it needs.
struct InspectOrder {
  Ask ask = Ask::report;
  int plugin = -1;
  std::string name;  ///< of what is inspected
  int out = -1;
  pid_t master = 0;
  bool drops = false;  ///< whether it runs as `run_as`
  ipc::Identity run_as;
  config::ServiceOptions service;  ///< that the plugin is described for, or whose values are checked; or none
  Rehearsal rehearsal;
};

template <class A>
void exchange(A& archive, ipc::Is<InspectOrder> auto& order) {
  archive.descriptor(order.plugin);
  archive.descriptor(order.out);
  archive(order.ask, order.name, order.master, order.drops, order.run_as);
  archive(order.service.name, order.service.plugin, order.service.origin, order.service.own, order.rehearsal);
}

InspectOrder order_of(const master::Inspection& inspection) {
  InspectOrder order;
  order.plugin = inspection.copy;
  order.name = inspection.name;
  if (inspection.judges) order.ask = Ask::judgement;
  if (inspection.service != nullptr) {
    order.service.name = inspection.service->name;
    order.service.plugin = inspection.service->plugin;
    order.service.origin = inspection.service->origin;
    order.service.own = inspection.service->own;
  }
  return order;
}

InspectOrder order_of(const Rehearsal& rehearsal) {
  InspectOrder order;
  order.ask = Ask::rehearsal;
  order.name = rehearsal.pool;
  order.rehearsal = rehearsal;
  return order;
}

master::ForkOrder encode(InspectOrder order, const master::Inspector::Child& child) {
  order.out = child.out;
  order.master = child.master;
  order.drops = child.run_as.has_value();
  if (child.run_as) order.run_as = *child.run_as;
  ipc::Encoder encoder;
  exchange(encoder, std::as_const(order));
  return {kInspect + encoder.take(), encoder.take_descriptors()};
}

std::string answer_to(const InspectOrder& order) {
  if (order.ask == Ask::rehearsal) return rehearse(order.rehearsal);
  const config::PluginReport report = inspect_plugin(order.plugin, order.name, order.service);
  return order.ask == Ask::report ? config::encode_report(report)
                                  : config::judge_service_options(order.service, report.options);
}

void inspect(std::string_view text, const std::vector<int>& descriptors) {
  InspectOrder order;
  ipc::Decoder decoder(text, kDamaged, descriptors);
  exchange(decoder, order);
  set_process_title("prefork-master: inspector of " + order.name);
  master::Inspector::Child child{order.out, order.master, std::nullopt};
  if (order.drops) child.run_as = order.run_as;
  master::be_inspector(child, order.plugin, [&] { return answer_to(order); });
}

void carry_out(std::string_view text, const std::vector<int>& descriptors) {
  if (text.empty()) throw std::runtime_error(std::string(kDamaged) + "it is empty");
  const char kind = text.front();
  text.remove_prefix(1);
  if (kind == kInspect) inspect(text, descriptors);
  if (kind != kWorker) throw std::runtime_error(std::string(kDamaged) + "of unknown kind");
  worker::WorkerSetup setup = worker::unpack_setup(text, descriptors);
  set_process_title("prefork-master: worker " + setup.identity.pool + "/" + std::to_string(setup.identity.index));
  worker::run_worker(std::move(setup));
}

}  // namespace

Forks::Forks() : server_(build_id(), &carry_out) {}

master::ForkWorker Forks::worker() {
  return [this](const master::SpawnOrder& order) {
    worker::SetupParcel parcel = worker::pack_setup(worker_setup(order));
    return server_.fork({kWorker + std::move(parcel.text), std::move(parcel.descriptors)});
  };
}

master::InspectPlugin Forks::inspector() {
  return [this](const master::Inspection& inspection, const master::Inspector::Child& child) {
    return server_.fork(encode(order_of(inspection), child));
  };
}

StartRehearsal Forks::rehearser() {
  return [this](const Rehearsal& rehearsal, const master::Inspector::Child& child) {
    return server_.fork(encode(order_of(rehearsal), child));
  };
}

void run_fork_server(int socket) {
  set_process_title("prefork-master: fork server");
  master::serve_forks(ipc::UniqueFd(socket), build_id(), &carry_out);
}

}  // namespace prefork::cli
