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

/// A request of an HTTP service whose worker died over it: what the worker's slot said. Nothing in it is believed.
struct LostRequest {
  std::shared_ptr<const Generation> generation;
  std::size_t service = 0;  ///< in its options
  std::string worker;       ///< "main/3"
  pid_t pid = 0;
  std::string client;              ///< with its port
  std::string line;                ///< method and target, as far as the slot has room; any bytes
  std::uint64_t microseconds = 0;  ///< that it had been served for
};

/// @return what a worker that has died was serving; nullopt: no request. Its slot must not have been cleared.
std::optional<LostRequest> lost_request_of(const Crew& crew, const WorkerRecord& worker);

/// @return the line of the service's access log, its end included, not longer than PIPE_BUF; empty: it has none. Given
/// by who knows how HTTP's logs look.
using LostRequestLine = std::function<std::string(const LostRequest&)>;

}  // namespace prefork::master
