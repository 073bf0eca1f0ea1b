#pragma once

#include <string>

namespace prefork {

/// What the callback of `Context::on_signal` gets.
struct Signal {
  std::string name;
  std::string payload;
  std::string from_pool;     ///< pool of the worker that sent it
  unsigned from_worker = 0;  ///< index of that worker in its pool
};

}  // namespace prefork
