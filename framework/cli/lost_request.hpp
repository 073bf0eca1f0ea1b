#pragma once

#include <string>

#include "framework/master/workforce/lost_request.hpp"

namespace prefork::cli {

/// The access log's line of a request whose worker died over it: 500, no bytes, cut short. Protocol, host and fields
/// are not known. Process: master. Blocks: never.
std::string lost_request_line(const master::LostRequest& request);

}  // namespace prefork::cli
