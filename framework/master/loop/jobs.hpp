#pragma once

#include <cstddef>
#include <deque>
#include <memory>
#include <string_view>

#include "framework/master/loop/slice.hpp"

namespace prefork::master {

/// Something that the master has been asked for and that takes longer than a turn of its loop may. It answers its
/// client itself, who may have gone meanwhile.
class Job {
 public:
  Job() = default;
  Job(const Job&) = delete;
  Job& operator=(const Job&) = delete;
  virtual ~Job() = default;

  /// Does a piece, a fraction of a millisecond. @return false: all is done and said
  virtual bool step() = 0;
  /// Nothing more is done; says so. @param why  "the server has stopped"
  virtual void give_up(std::string_view why) = 0;
};

/// The jobs under way. They take turns, so that a short one does not wait for a long one.
class Jobs {
 public:
  static constexpr std::size_t kMost = 64;

  bool full() const noexcept { return jobs_.size() >= kMost; }
  bool empty() const noexcept { return jobs_.empty(); }
  /// It is not full.
  void add(std::unique_ptr<Job> job) { jobs_.push_back(std::move(job)); }
  /// Goes on for a slice.
  void tend(Slice slice = Slice());
  /// Gives all up.
  void give_up(std::string_view why);

 private:
  std::deque<std::unique_ptr<Job>> jobs_;
};

}  // namespace prefork::master
