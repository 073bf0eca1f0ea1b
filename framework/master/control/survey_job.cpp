#include "framework/master/control/survey_job.hpp"

#include <utility>

namespace prefork::master {

bool SurveyJob::step() {
  if (walk_.ended()) {
    end_.done(std::move(found_));
    return false;
  }
  const std::size_t index = walk_.object();
  const bool last =
      walk_.step([&](const ipc::SharedObject& object, ipc::Spots piece) { object.survey(piece, survey_); });
  if (last) {
    const ipc::SharedObject& object = *walk_.objects()[index];
    found_.push_back(describe_(object, object.report(std::exchange(survey_, {}))));
  }
  return true;
}

}  // namespace prefork::master
