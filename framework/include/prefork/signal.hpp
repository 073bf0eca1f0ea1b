#pragma once

#include <string>

namespace prefork {

/// What `Context::on_signal` is told.
struct Signal {
  std::string name;
  std::string payload;
  std::string from_pool;     ///< of the worker that sent it
  unsigned from_worker = 0;  ///< its place in its pool
};

}  // namespace prefork
