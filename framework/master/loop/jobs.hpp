#pragma once

#include <cstddef>
#include <deque>
#include <memory>
#include <string_view>

#include "framework/master/loop/slice.hpp"

namespace prefork::master {

/// A request to the master that takes longer than one turn of its loop may. The job answers its client itself, which
/// may be gone by then.
class Job {
 public:
  Job() = default;
  Job(const Job&) = delete;
  Job& operator=(const Job&) = delete;
  virtual ~Job() = default;

  /// Does a piece of work, a fraction of a millisecond. @return false: the job is done and has answered
  virtual bool step() = 0;
  /// Ends the job early and answers so. @param why  "the server has stopped"
  virtual void give_up(std::string_view why) = 0;
};

/// The jobs under way. They take turns, so that a short one does not wait for a long one.
class Jobs {
 public:
  static constexpr std::size_t kMost = 64;

  bool full() const noexcept { return jobs_.size() >= kMost; }
  bool empty() const noexcept { return jobs_.empty(); }
  /// The list must not be full.
  void add(std::unique_ptr<Job> job) { jobs_.push_back(std::move(job)); }
  /// Works for one slice of time.
  void tend(Slice slice = Slice());
  /// Gives all jobs up.
  void give_up(std::string_view why);

 private:
  std::deque<std::unique_ptr<Job>> jobs_;
};

}  // namespace prefork::master
