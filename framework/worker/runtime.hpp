#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "framework/worker/block_pool.hpp"
#include "framework/worker/event_loop.hpp"
#include "framework/worker/intrusive_list.hpp"
#include "ipc/scoreboard.hpp"

#include <prefork/context.hpp>

namespace prefork::worker {

class StreamConnection;
class BlockingDuties;
class MasterLine;

/// Where a worker's log lines go: the status pipe in a worker, anything else in tests.
class LogSink {
 public:
  virtual void log(LogLevel level, std::string_view line) = 0;

 protected:
  ~LogSink() = default;
};

/// How far a worker is on its way out.
enum class DrainMode : std::uint8_t {
  none,
  patient,  ///< no new connections; those that are there go on to their end
  closing,  ///< also those that wait idly are closed
};

/// What the parts of one worker share. Lives as long as the worker.
struct Runtime {
  Runtime(ipc::WorkerSlot& worker_slot, LogSink& log_sink) : slot(worker_slot), log(log_sink) {}
  Runtime(const Runtime&) = delete;
  Runtime& operator=(const Runtime&) = delete;

  void connection_opened(StreamConnection& connection);
  void connection_closed() noexcept;
  void task_started() noexcept { ++tasks; }
  void task_ended() noexcept { --tasks; }
  bool idle() const noexcept { return connection_count == 0 && tasks == 0; }

  EventLoop loop;
  BlockPool blocks;
  ipc::WorkerSlot& slot;
  LogSink& log;
  BlockingDuties* duties = nullptr;  ///< set by the worker; of use to blocking services
  MasterLine* line = nullptr;        ///< set by the worker where the pool may ask the master
  List<StreamConnection> connections;
  std::uint32_t connection_count = 0;
  std::uint32_t tasks = 0;  ///< coroutines that a service spawned and timer callbacks under way
  std::uint64_t next_connection_id = 1;
  DrainMode drain = DrainMode::none;
};

}  // namespace prefork::worker
