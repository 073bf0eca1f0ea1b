#pragma once

#include <utility>
#include <vector>

#include "framework/master/generation/generation.hpp"
#include "framework/master/log/log_writers.hpp"
#include "framework/master/workforce/lost_request.hpp"

namespace prefork::master {

/// The access logs that the services of a generation have, and the writers for them. Used by the master and its reload.
class AccessLogs {
 public:
  /// @param writers  must outlive this object
  /// @param line  how to log a lost request; empty: not at all
  AccessLogs(LogWriters& writers, LostRequestLine line) : writers_(writers), line_(std::move(line)) {}

  /// Opens what the generation would log to, so that a fault is reported before it serves. May block (files).
  /// @throws StartupError
  void check(const Generation& generation) const;
  /// Gives each service the pipe of its log's writer. @throws StartupError
  void open(Generation& generation);
  /// Ends the writers that none of these generations writes to.
  void keep_only(const std::vector<const Generation*>& generations);
  /// Writes the line for a request that a worker died over.
  void append(const LostRequest& request);

 private:
  LogWriters& writers_;
  LostRequestLine line_;
};

}  // namespace prefork::master
