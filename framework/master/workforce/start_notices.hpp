#pragma once

#include <string>

#include "framework/master/log/log.hpp"
#include "framework/master/workforce/pool.hpp"

namespace prefork::master {

/// Logs starts that fail or have to wait, each fact no more often than is useful. What was logged is recorded in the
/// pool.
class StartNotices {
 public:
  /// @param log  must outlive this object
  explicit StartNotices(Log& log) : log_(log) {}

  /// Logs what the pool's restart policy holds back, and when it no longer does.
  void tell(Pool& pool, TimePoint now);
  /// No worker was started, for lack of some resource. The policy waits before the next attempt.
  void failed(Pool& pool, TimePoint now, const std::string& why);
  void worked(Pool& pool);

 private:
  void tell_of_throttle(Pool& pool, TimePoint now);
  void tell_of_pace(Pool& pool, TimePoint now);
  void tell_of_circuit(Pool& pool, TimePoint now);

  Log& log_;
};

}  // namespace prefork::master
