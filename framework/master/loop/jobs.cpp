#include "framework/master/loop/jobs.hpp"

#include <utility>

namespace prefork::master {

void Jobs::tend(Slice slice) {
  while (!jobs_.empty()) {
    std::unique_ptr<Job> job = std::move(jobs_.front());
    jobs_.pop_front();
    if (job->step()) jobs_.push_back(std::move(job));
    if (slice.over()) return;
  }
}

void Jobs::give_up(std::string_view why) {
  for (const auto& job : std::exchange(jobs_, {})) job->give_up(why);
}

}  // namespace prefork::master
