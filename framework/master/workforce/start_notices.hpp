#pragma once

#include <string>

#include "framework/master/log/log.hpp"
#include "framework/master/workforce/pool.hpp"

namespace prefork::master {

/// Tells the log of starts that fail or have to wait, each fact as often as somebody can read it. What was told is
/// noted in the pool.
class StartNotices {
 public:
  /// @param log  lives longer than this
  explicit StartNotices(Log& log) : log_(log) {}

  /// Tells what the pool's restart policy holds back, and since when it does no more.
  void tell(Pool& pool, TimePoint now);
  /// No worker was started, for want of something. The policy waits before the next try.
  void failed(Pool& pool, TimePoint now, const std::string& why);
  void worked(Pool& pool);

 private:
  void tell_of_throttle(Pool& pool, TimePoint now);
  void tell_of_pace(Pool& pool, TimePoint now);
  void tell_of_circuit(Pool& pool, TimePoint now);

  Log& log_;
};

}  // namespace prefork::master
