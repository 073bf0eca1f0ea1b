#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "framework/master/control/shared_walk.hpp"
#include "framework/master/log/log.hpp"
#include "framework/master/policy/hold_watch.hpp"
#include "framework/master/report/shared_report.hpp"
#include "framework/master/workforce/crew.hpp"
#include "framework/master/workforce/repairs.hpp"
#include "ipc/objects/party.hpp"

namespace prefork::master {

/// Takes care of what services share: frees what dead workers held, warns about what is held too long, describes the
/// objects for reports. Used by the workforce in each turn. Nothing here blocks: long work is done in slices.
class SharedCare {
 public:
  /// @param crew, bells, log  must outlive this object
  SharedCare(Crew& crew, const ipc::Bells& bells, Log& log);
  SharedCare(const SharedCare&) = delete;
  SharedCare& operator=(const SharedCare&) = delete;

  /// A worker has been reaped. Its slot stays taken until what it held is freed.
  void died(const WorkerRecord& worker) { repairs_.add({worker.slot, crew_.name(worker)}); }
  /// Continues to free what dead workers held, for one slice.
  void repair() { repairs_.tend(); }
  /// Frees everything that dead workers have left, at once: before the state is handed over.
  void finish_repairs() { repairs_.finish(); }

  /// Another generation serves: its limits apply from now on.
  void generation_changed();
  /// Looks for one slice for what is held longer than its limit, and warns about it once.
  void watch_holds(TimePoint now);
  /// The latest time to call repair() and watch_holds() again.
  std::optional<TimePoint> next_deadline(TimePoint now) const;

  /// The objects that services have declared, for a survey.
  SharedWalk::Objects objects_to_report() const;
  SharedStatus describe(const ipc::SharedObject& object, const ipc::SharedReport& report) const;

 private:
  /// A sample of what is held in the objects that are due.
  struct HoldSample {
    std::vector<std::size_t> objects;         ///< by their indexes in the set
    SharedWalk walk;                          ///< over the same objects
    std::vector<HoldWatch::Overdue> overdue;  ///< of the object that the walk has reached
  };

  Repairs::Hooks repair_hooks();
  void repaired(const Repairs::Round& round);
  bool begin_sample(TimePoint now);
  void warn_of_holds(const ipc::SharedObject& object, const std::vector<HoldWatch::Overdue>& overdue);
  std::string overdue_text(const ipc::SharedObject& object, const HoldWatch::Overdue& overdue) const;

  Crew& crew_;
  const ipc::Bells& bells_;
  Log& log_;
  Repairs repairs_;
  HoldWatch holds_;
  std::optional<HoldSample> sample_;  ///< the one being taken
};

}  // namespace prefork::master
