#pragma once

#include <gtest/gtest.h>

#include <fstream>
#include <memory>
#include <sstream>
#include <string>

#include "framework/master/log/log.hpp"
#include "framework/master/workforce/crew.hpp"
#include "tests/ipc/support.hpp"

// A crew without processes: its workers are records that a test makes and changes.
namespace prefork::master::test_crew {

using namespace std::chrono_literals;

constexpr std::size_t kSlots = 16;

inline config::PoolOptions& add_pool(Generation& generation, const std::string& name, unsigned workers) {
  generation.options.pools.push_back({});
  generation.options.pools.back().name = name;
  generation.options.pools.back().workers = workers;
  generation.identities[name] = ipc::resolve_identity(std::nullopt, std::nullopt);
  return generation.options.pools.back();
}

/// A generation without pools, with what the options listen on.
inline std::shared_ptr<Generation> make_generation(unsigned number) {
  auto made = std::make_shared<Generation>();
  made->number = number;
  made->listeners = std::make_unique<ListenerSet>(made->options);
  return made;
}

class CrewTest : public testing::Test {
 protected:
  /// Adds a pool to the current generation, and to the crew.
  std::size_t serve(const std::string& name, unsigned workers) {
    add_pool(*generation, name, workers);
    return crew.pools.add(generation, generation->options.pools.size() - 1, PoolRole::serving);
  }
  WorkerRecord& add(std::size_t pool, WorkerState state = WorkerState::ready) {
    auto record = std::make_unique<WorkerRecord>();
    record->pid = next_pid_++;
    record->pool = pool;
    record->state = state;
    record->slot = crew.workers.free_slot().value();
    record->index = crew.workers.free_index(pool);
    record->generation = crew.pools.at(pool).generation->number;
    crew.scoreboard.assign(record->slot);
    return crew.workers.add(std::move(record));
  }
  void add_many(std::size_t pool, unsigned workers, WorkerState state = WorkerState::ready) {
    for (; workers > 0; --workers) add(pool, state);
  }
  void serves(const WorkerRecord& worker, const std::string& request) {
    crew.slot(worker).begin_activity(ipc::ActivityKind::request, 0, ipc::monotonic_ns(), request);
  }
  /// The log's text.
  std::string lines() const {
    std::ostringstream text;
    text << std::ifstream(folder.file("log")).rdbuf();
    return text.str();
  }

  test::TempFolder folder;
  Log log{folder.file("log"), LogLevel::debug};
  TimePoint now = Clock::now();
  std::shared_ptr<Generation> generation = make_generation(1);
  Crew crew{generation, ipc::Scoreboard::create(kSlots)};

 private:
  pid_t next_pid_ = 1000;
};

}  // namespace prefork::master::test_crew
