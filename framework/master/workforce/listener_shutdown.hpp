#pragma once

#include <optional>

#include "framework/master/workforce/crew.hpp"

namespace prefork::master {

/// Shuts the listeners down when the server stops. Workers first take what waits in the backlogs and close their
/// sockets, at once or when they return to their loops. After that nobody can hold an address open, not even a process
/// that a service has left behind and that has the socket too.
class ListenerShutdown {
 public:
  /// The workers have been told to stop. Further calls change nothing.
  void begin(TimePoint now);
  /// Shuts all listeners down once every worker has closed its own, or has had enough time.
  void tend(Crew& crew, TimePoint now);
  /// When to call tend() again; nullopt: it has not begun, or is done.
  std::optional<TimePoint> next(TimePoint now) const noexcept;

 private:
  bool begun_ = false;
  std::optional<TimePoint> until_;  ///< since it began, until they are shut down
};

}  // namespace prefork::master
