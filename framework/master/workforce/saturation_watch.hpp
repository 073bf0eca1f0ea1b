#pragma once

#include <map>
#include <string>

#include "framework/master/log/log.hpp"
#include "framework/master/policy/saturation.hpp"
#include "framework/master/workforce/crew.hpp"

namespace prefork::master {

/// Watches which pools have more clients than they take, and logs when that begins and ends.
class SaturationWatch {
 public:
  /// @param crew, log  must outlive this object
  SaturationWatch(const Crew& crew, Log& log) : crew_(crew), log_(log) {}

  /// Looks if it is time to.
  void tend(TimePoint now) {
    if (next_ <= now) look(now);
  }
  void look(TimePoint now);
  /// When to call tend() again.
  TimePoint next() const noexcept { return next_; }
  /// The result of the looks at a pool; nullptr: there was none.
  const Saturation* of(const std::string& pool) const noexcept;

 private:
  FullnessLook fullness(const Pool& pool) const;
  void look_at(const Pool& pool, TimePoint now);

  const Crew& crew_;
  Log& log_;
  std::map<std::string, Saturation> saturations_;  ///< by pool
  TimePoint next_{};
};

}  // namespace prefork::master
