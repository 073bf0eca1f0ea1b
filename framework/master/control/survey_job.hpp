#pragma once

#include <functional>
#include <string>
#include <vector>

#include "framework/master/control/shared_walk.hpp"
#include "framework/master/loop/jobs.hpp"
#include "framework/master/report/shared_report.hpp"
#include "ipc/objects/shared_object.hpp"

namespace prefork::master {

/// Surveys some shared objects completely, for a report.
class SurveyJob final : public Job {
 public:
  /// Makes the status from an object's report.
  using Describe = std::function<SharedStatus(const ipc::SharedObject&, const ipc::SharedReport&)>;
  struct End {
    std::function<void(std::vector<SharedStatus>)> done;
    std::function<void(std::string_view why)> given_up;
  };

  SurveyJob(SharedWalk::Objects objects, Describe describe, End end)
      : walk_(std::move(objects)), describe_(std::move(describe)), end_(std::move(end)) {}

  bool step() override;
  void give_up(std::string_view why) override { end_.given_up(why); }

 private:
  SharedWalk walk_;
  ipc::SharedSurvey survey_;  ///< of the object that the walk has reached
  std::vector<SharedStatus> found_;
  Describe describe_;
  End end_;
};

}  // namespace prefork::master
