#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "framework/worker/service/service_host.hpp"
#include "ipc/objects/shared_object.hpp"

namespace prefork::worker {

/// A shared object as one service knows it.
struct SharedSetup {
  std::string name;  ///< as the service declared it
  const ipc::SharedObject* object = nullptr;
  std::uint32_t max_deliveries = 0;  ///< queues; zero: no limit
};

/// A channel as one service knows it: two queues, and which workers are at its ends.
struct ChannelSetup {
  struct End {
    std::string pool;
    std::optional<unsigned> index;  ///< nullopt: any worker of the pool
  };
  std::string name;
  End first;
  End second;
  const ipc::SharedObject* to_second = nullptr;
  const ipc::SharedObject* to_first = nullptr;
};

/// A file that the service's manifest names.
struct SealedSetup {
  std::string name;
  int fd = -1;  ///< the sealed copy
};

struct ServiceSetup {
  std::string name;
  std::string plugin;
  int plugin_fd = -1;                                       ///< the sealed copy
  std::map<std::string, std::string, std::less<>> options;  ///< normalised
  ServiceLimits limits;
  int access_log_fd = -1;  ///< -1: none
  LogLevel log_level = LogLevel::debug;
  std::vector<SharedSetup> shared{};
  std::vector<ChannelSetup> channels{};
  const ipc::SharedObject* signals = nullptr;        ///< the server's topic of signals, if the service asked for it
  const ipc::SharedObject* request_times = nullptr;  ///< a histogram; null: none
  const ipc::SharedObject* responses = nullptr;      ///< memory of ipc::SharedResponses; null: none
  std::vector<SealedSetup> sealed{};
};

}  // namespace prefork::worker
