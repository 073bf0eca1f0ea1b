#include "framework/cli/sharing.hpp"

namespace prefork::cli {

namespace {

worker::ChannelSetup::End end_of(const master::ChannelEnd& end) { return {end.pool, end.index}; }

}  // namespace

void share(const master::SharedPlan& plan, const master::SharedSet::Objects& objects, std::size_t index,
           worker::ServiceSetup& service) {
  const master::ServiceShared& declared = plan.services.at(index);
  for (const master::SharedUse& use : declared.objects) {
    service.shared.push_back({use.name, objects.at(use.object).get(), use.max_deliveries});
  }
  for (const master::ChannelUse& use : declared.channels) {
    service.channels.push_back({use.name, end_of(use.first), end_of(use.second), objects.at(use.to_second).get(),
                                objects.at(use.to_first).get()});
  }
  if (declared.request_times) service.request_times = objects.at(*declared.request_times).get();
  if (declared.responses) service.responses = objects.at(*declared.responses).get();
  if (declared.signals) service.signals = objects.at(plan.signals.value()).get();
}

}  // namespace prefork::cli
