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

/// How a worker has something done after its death, at once and for certain: it takes a message of its own out
/// of a queue and never acknowledges it. When it dies the master gives the message back, and one of the workers
/// that wait at the queue gets it, executes it, and acknowledges it then; should that one die in the middle of
/// it, the next one gets it. So a will is executed at least once, and never while its worker lives.
///
/// A worker can't put a message and take it in one step: another may come between. A will that is handed out for
/// the first time is therefore nobody's, and its finder drops it; who misses its own makes another, with another
/// number. What a number stands for is put down under it only once its will is held.
class Will {
 public:
  static void describe(prefork::Manifest& manifest);

  /// Does what a dead worker left to do. @return false: not yet; it is asked again. May run twice for one will.
  using Execute = std::function<bool(std::int64_t number)>;
  Will(prefork::Context& context, Execute execute);

  /// Makes the worker's first will. @throws std::runtime_error: there is no room; std::invalid_argument: the
  /// queue is too short
  prefork::Task<void> make();
  /// Executes the wills of the dead until the worker drains.
  prefork::Task<void> watch();
  /// The number that stands for this worker in what it leaves behind.
  std::int64_t number() const noexcept { return number_; }
  /// A will that is held for long would come to block the queue, which is a ring: so it is replaced now and then.
  /// `move(from, to)` puts what the number `from` covers under the number `to`; until it returns true, both wills
  /// are held. To be called again and again.
  void renew(const std::function<bool(std::int64_t from, std::int64_t to)>& move);
  /// There is nothing left to do after this worker's end.
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
  std::map<std::int64_t, prefork::Message> held_;  // by their numbers: the current one, and those to be replaced
};

/// The table that next_number() counts in.
constexpr std::string_view kNumbers = "chat-numbers";
/// The next of the numbers called `name`, for all workers.
std::int64_t next_number(prefork::Table& numbers, std::string_view name);

}  // namespace chat
