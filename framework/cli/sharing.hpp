#pragma once

#include "framework/master/generation/shared_plan.hpp"
#include "framework/master/generation/shared_set.hpp"
#include "framework/worker/shared/service_setup.hpp"

namespace prefork::cli {

/// Gives a service's setup the shared objects that the plan has for it. They must outlive the setup. Also used by
/// prefork::testkit.
/// @param index  of the service in the plan
void share(const master::SharedPlan& plan, const master::SharedSet::Objects& objects, std::size_t index,
           worker::ServiceSetup& service);

}  // namespace prefork::cli
