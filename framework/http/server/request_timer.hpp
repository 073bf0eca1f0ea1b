#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "framework/http/message/request_state.hpp"
#include "framework/http/routing/endpoint.hpp"
#include "ipc/memory/scoreboard.hpp"
#include "ipc/objects/metrics.hpp"

namespace prefork::http {

/// Records how long requests took, from the turn of the loop that found them to their answer, in the histograms of
/// their services. The clock is read once for all answers of a batch, at its end.
class RequestTimer {
 public:
  /// The request has its answer. If this is called twice for a request, the first call counts. REQUIRES that it has a
  /// mount.
  void answered(const RequestState& request) {
    if (request.started_ns == 0 || std::exchange(request.timed, true)) return;
    const ipc::SharedHistogram* const times = request.mount->records.times;
    if (times == nullptr) return;
    if (!runs_.empty() && runs_.back().times == times && runs_.back().started_ns == request.started_ns) {
      ++runs_.back().requests;
    } else {
      runs_.push_back({times, request.started_ns, 1});
    }
  }

  /// The batch has ended.
  void record() noexcept {
    if (runs_.empty()) return;
    const std::uint64_t now = ipc::monotonic_ns();
    for (const Run& run : runs_) run.times->record(now > run.started_ns ? now - run.started_ns : 0, run.requests);
    runs_.clear();
  }

 private:
  struct Run {
    const ipc::SharedHistogram* times;
    std::uint64_t started_ns;
    std::uint64_t requests;
  };
  std::vector<Run> runs_;
};

}  // namespace prefork::http
