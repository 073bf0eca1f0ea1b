#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "framework/master/generation/generation.hpp"

namespace prefork::master {

struct Crew;
struct WorkerRecord;

/// A request of an HTTP service whose worker died while serving it, from the worker's slot, which is not trusted.
struct LostRequest {
  std::shared_ptr<const Generation> generation;
  std::size_t service = 0;  ///< in its options
  std::string worker;       ///< "main/3"
  pid_t pid = 0;
  std::string client;              ///< with its port
  std::string line;                ///< method and target, as far as the slot had room; any bytes
  std::uint64_t microseconds = 0;  ///< how long it had been served
};

/// @return the request that a dead worker was serving; nullopt: none. Its slot must not be cleared yet.
std::optional<LostRequest> lost_request_of(const Crew& crew, const WorkerRecord& worker);

/// @return the line for the service's access log, with its line end, at most PIPE_BUF; empty: the service has no access
/// log. Provided by the code that knows the format of HTTP's logs.
using LostRequestLine = std::function<std::string(const LostRequest&)>;

}  // namespace prefork::master
