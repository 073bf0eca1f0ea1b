#include "framework/worker/service/detached.hpp"

#include "framework/worker/service/service_host.hpp"

namespace prefork::worker {

Detached run_detached(ServiceHost& host, Task<void> task, std::string_view what) {
  host.runtime().task_started();
  try {
    co_await task;
  } catch (...) {
    host.log_exception(what);
  }
  host.runtime().task_ended();
}

}  // namespace prefork::worker
