#pragma once

#include <string>

#include "framework/master/workforce/lost_request.hpp"

namespace prefork::cli {

/// The access log line for a request whose worker died while serving it: 500, no bytes, cut short. Protocol, host and
/// fields are unknown. Process: master. Blocks: never.
std::string lost_request_line(const master::LostRequest& request);

}  // namespace prefork::cli
