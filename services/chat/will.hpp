#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <string_view>

#include <prefork/context.hpp>
#include <prefork/manifest.hpp>
#include <prefork/queue.hpp>
#include <prefork/table.hpp>
#include <prefork/task.hpp>

namespace chat {

/// Makes sure that something is done after a worker's death, at once and in any case. The worker takes a message of its
/// own out of a queue and never acknowledges it. When it dies the master gives the message back, and one of the workers
/// that wait at the queue gets it, executes it, and only then acknowledges it. If that one dies in the middle of it,
/// the next one gets it. So a will is executed at least once, and never while its worker lives.
///
/// A worker can't put a message and take it in one step: another may come in between. A will that is delivered for the
/// first time therefore belongs to nobody, and its finder drops it; a worker that misses its own makes another, with
/// another number. What a number stands for is recorded under it only once its will is held.
class Will {
 public:
  static void describe(prefork::Manifest& manifest);

  /// Does what a dead worker left to do. @return false: not yet; it will be called again. May run twice for one will.
  using Execute = std::function<bool(std::int64_t number)>;
  Will(prefork::Context& context, Execute execute);

  /// Makes the worker's first will. @throws std::runtime_error: there is no room; std::invalid_argument: the queue is
  /// too short
  prefork::Task<void> make();
  /// Executes the wills of the dead until the worker drains.
  prefork::Task<void> watch();
  /// The number that stands for this worker in what it leaves behind.
  std::int64_t number() const noexcept { return number_; }
  /// A will that is held for long would come to block the queue, which is a ring, so it is replaced now and then.
  /// `move(from, to)` moves what the number `from` covers to the number `to`; until it returns true, both wills are
  /// held. Must be called repeatedly.
  void renew(const std::function<bool(std::int64_t from, std::int64_t to)>& move);
  /// Nothing is left to do after this worker's end.
  void revoke() noexcept;

 private:
  bool try_make();
  bool is_old() const;
  bool settle(prefork::Message& message);

  prefork::Context& context_;
  prefork::Queue& wills_;
  prefork::Table& numbers_;
  Execute execute_;
  std::chrono::milliseconds renewal_;
  std::chrono::steady_clock::time_point made_{};
  std::int64_t number_ = 0;
  std::map<std::int64_t, prefork::Message> held_;  // by their numbers: the current one, and those being replaced
};

/// The table in which next_number() counts.
constexpr std::string_view kNumbers = "chat-numbers";
/// The next of the numbers called `name`, over all workers. @throws RosterBusy
std::int64_t next_number(prefork::Table& numbers, std::string_view name);

}  // namespace chat
