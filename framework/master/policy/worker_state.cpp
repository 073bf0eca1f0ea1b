#include "framework/master/policy/worker_state.hpp"

#include <algorithm>
#include <array>

namespace prefork::master {
namespace {

using S = WorkerState;
using A = WorkerAction;
using std::chrono::milliseconds;

using Row = std::array<WorkerStep, kWorkerStateCount>;
using Table = std::array<Row, kWorkerEventCount>;

// `next` of an ignored pair is never read: the state stays.
constexpr WorkerStep kIgnore{S::gone, A::ignore};
constexpr WorkerStep kReady{S::ready, A::note_ready};
constexpr WorkerStep kDrain{S::retiring, A::note_draining};
constexpr WorkerStep kRetire{S::retiring, A::send_retire};
constexpr WorkerStep kFinish{S::retiring, A::send_finish};
constexpr WorkerStep kStop{S::stopping, A::send_stop_now};
constexpr WorkerStep kAbort{S::aborting, A::send_abort};
constexpr WorkerStep kKill{S::killing, A::send_kill};
constexpr WorkerStep kGiveUp{S::lost, A::give_up_slot};
constexpr WorkerStep kFailed{S::gone, A::report_failed_start};
constexpr WorkerStep kDied{S::gone, A::report_death};
constexpr WorkerStep kLeft{S::gone, A::report_exit};
constexpr WorkerStep kPutDown{S::gone, A::report_put_down};
constexpr WorkerStep kFound{S::gone, A::report_found};

template <typename... Cells>
constexpr Row row(Cells... cells) {
  static_assert(sizeof...(cells) == kWorkerStateCount, "one cell for each state");
  return {cells...};
}

template <typename... Rows>
constexpr Table table(Rows... rows) {
  static_assert(sizeof...(rows) == kWorkerEventCount, "one row for each event");
  return {rows...};
}

// A starting worker is retired, not stopped: it may have become ready and taken clients a moment ago. A retiring one is
// told about a graceful stop too: only then does it close idle connections. A stuck one is only sent its signal: it
// would read neither a retirement nor a fast stop. The boot time-out covers the heartbeat of a starting worker, the
// stop time-out that of a stopping one.
// clang-format off
constexpr Table kTable = table(
    //                        starting  ready    retiring  stopping  aborting  killing   lost     gone
    /* said_ready       */ row(kReady,  kIgnore, kIgnore,  kIgnore,  kIgnore,  kIgnore,  kIgnore, kIgnore),
    /* said_draining    */ row(kDrain,  kDrain,  kIgnore,  kIgnore,  kIgnore,  kIgnore,  kIgnore, kIgnore),
    /* retire_wanted    */ row(kRetire, kRetire, kIgnore,  kIgnore,  kIgnore,  kIgnore,  kIgnore, kIgnore),
    /* finish_wanted    */ row(kFinish, kFinish, kFinish,  kIgnore,  kIgnore,  kIgnore,  kIgnore, kIgnore),
    /* fast_stop_wanted */ row(kStop,   kStop,   kStop,    kIgnore,  kIgnore,  kIgnore,  kIgnore, kIgnore),
    /* kill_wanted      */ row(kKill,   kKill,   kKill,    kKill,    kKill,    kIgnore,  kIgnore, kIgnore),
    /* boot_timeout     */ row(kAbort,  kIgnore, kIgnore,  kIgnore,  kIgnore,  kIgnore,  kIgnore, kIgnore),
    /* heartbeat_lost   */ row(kIgnore, kAbort,  kAbort,   kIgnore,  kIgnore,  kIgnore,  kIgnore, kIgnore),
    /* drain_timeout    */ row(kIgnore, kIgnore, kStop,    kIgnore,  kIgnore,  kIgnore,  kIgnore, kIgnore),
    /* stop_timeout     */ row(kIgnore, kIgnore, kIgnore,  kKill,    kIgnore,  kIgnore,  kIgnore, kIgnore),
    /* abort_timeout    */ row(kIgnore, kIgnore, kIgnore,  kIgnore,  kKill,    kIgnore,  kIgnore, kIgnore),
    /* kill_timeout     */ row(kIgnore, kIgnore, kIgnore,  kIgnore,  kIgnore,  kGiveUp,  kIgnore, kIgnore),
    /* reaped           */ row(kFailed, kDied,   kLeft,    kLeft,    kPutDown, kPutDown, kFound,  kIgnore));
// clang-format on

std::optional<milliseconds> limited(milliseconds limit) noexcept {
  if (limit.count() <= 0) return std::nullopt;
  return limit;
}

// The event of a state's own time limit; only called for states that have one.
WorkerEvent timeout_event(S state) noexcept {
  switch (state) {
    case S::starting:
      return WorkerEvent::boot_timeout;
    case S::retiring:
      return WorkerEvent::drain_timeout;
    case S::stopping:
      return WorkerEvent::stop_timeout;
    case S::aborting:
      return WorkerEvent::abort_timeout;
    case S::ready:
    case S::killing:
    case S::lost:
    case S::gone:
      break;
  }
  return WorkerEvent::kill_timeout;
}

}  // namespace

WorkerStep transition(WorkerState state, WorkerEvent event) noexcept {
  const WorkerStep step = kTable[static_cast<std::size_t>(event)][static_cast<std::size_t>(state)];
  if (step.action == A::ignore) return {state, A::ignore};
  return step;
}

std::optional<milliseconds> patience(WorkerState state, const WorkerLimits& limits) noexcept {
  switch (state) {
    case S::starting:
      return limited(limits.boot);
    case S::retiring:
      return limited(limits.drain);
    case S::stopping:
      return limited(limits.fast_stop);
    case S::aborting:
      return limited(limits.abort);
    case S::killing:
      return limited(limits.kill);
    case S::ready:
    case S::lost:
    case S::gone:
      break;
  }
  return std::nullopt;
}

std::optional<milliseconds> heartbeat_patience(WorkerState state, const WorkerLimits& limits) noexcept {
  if (state != S::ready && state != S::retiring) return std::nullopt;
  return limited(limits.heartbeat);
}

std::optional<WorkerDeadline> next_deadline(WorkerState state, TimePoint entered, TimePoint last_beat,
                                            const WorkerLimits& limits) noexcept {
  std::optional<WorkerDeadline> first;
  if (const auto stay = patience(state, limits)) first = {entered + *stay, timeout_event(state)};
  if (const auto silence = heartbeat_patience(state, limits)) {
    const TimePoint at = std::max(entered, last_beat) + *silence;
    if (!first || at < first->at) first = {at, WorkerEvent::heartbeat_lost};
  }
  return first;
}

std::string_view status_name(WorkerState state, bool busy) noexcept {
  switch (state) {
    case S::starting:
      return "starting";
    case S::ready:
      return busy ? "busy" : "ready";
    case S::retiring:
      return "draining";
    case S::stopping:
      return "stopping";
    case S::aborting:
      return "aborting";
    case S::killing:
      return "killing";
    case S::lost:
      return "lost";
    case S::gone:
      break;
  }
  return "gone";
}

}  // namespace prefork::master
