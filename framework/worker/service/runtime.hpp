#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "framework/worker/loop/block_pool.hpp"
#include "framework/worker/loop/event_loop.hpp"
#include "framework/worker/loop/intrusive_list.hpp"
#include "framework/worker/service/lingering.hpp"
#include "ipc/memory/scoreboard.hpp"

#include <prefork/context.hpp>

namespace prefork::worker {

class Client;
class BlockingDuties;
class MasterLine;
class ServiceHost;

/// Where a worker's log lines go: in a worker to the status pipe, in tests anywhere else.
class LogSink {
 public:
  virtual void log(LogLevel level, std::string_view line) = 0;
  /// Writes a line of a service, preceded by the service's name unless the sink has a better place for it.
  virtual void log_of(const ServiceHost& service, LogLevel level, std::string_view line);

 protected:
  ~LogSink() = default;
};

/// How far a worker's drain has gone.
enum class DrainMode : std::uint8_t {
  none,
  patient,  ///< no new connections; the present ones are served to their end
  closing,  ///< idle connections are closed too
};

/// What the parts of one worker share. Lives as long as the worker.
struct Runtime {
  Runtime(ipc::WorkerSlot& worker_slot, LogSink& log_sink) : slot(worker_slot), log(log_sink) {}
  Runtime(const Runtime&) = delete;
  Runtime& operator=(const Runtime&) = delete;

  void connection_opened(Client& client);
  void connection_closed() noexcept;
  void count_connection(std::int32_t change) noexcept {
    connection_count += static_cast<std::uint32_t>(change);
    slot.connections.store(connection_count, std::memory_order_relaxed);
    if (seat != nullptr) seat->connections.store(connection_count, std::memory_order_relaxed);
  }
  /// A connection begins or ceases to wait for a request that may never come.
  void connection_rests(bool rests) noexcept {
    resting_count += rests ? 1U : -1U;
    slot.resting.store(resting_count, std::memory_order_relaxed);
  }
  void task_started() noexcept { ++tasks; }
  void task_ended() noexcept { --tasks; }
  /// Records a heartbeat at the start of a piece of work with a time limit: the master counts from here.
  std::uint64_t beat() noexcept {
    const std::uint64_t now = ipc::monotonic_ns();
    slot.beat(now);
    if (seat != nullptr) seat->heartbeat_ns.store(now, std::memory_order_relaxed);
    return now;
  }
  bool idle() const noexcept { return connection_count == 0 && tasks == 0 && lingering.count() == 0; }

  EventLoop loop;
  BlockPool blocks;
  ipc::WorkerSlot& slot;
  LogSink& log;
  ipc::Seat* seat = nullptr;         ///< set by the worker: what the other workers of the pool know about it
  BlockingDuties* duties = nullptr;  ///< set by the worker; used by blocking services
  MasterLine* line = nullptr;        ///< set by the worker if the pool may ask the master
  List<Client> connections;
  Lingering lingering{*this};  ///< finished connections
  std::uint32_t connection_count = 0;
  std::uint32_t resting_count = 0;
  std::uint32_t tasks = 0;  ///< coroutines that services spawned, and running timer callbacks
  std::uint64_t next_connection_id = 1;
  DrainMode drain = DrainMode::none;
};

}  // namespace prefork::worker
