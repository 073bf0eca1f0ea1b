#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "framework/master/loop/clock.hpp"

/// The life of one worker as the master sees it: a complete table of states and events. Pure.
namespace prefork::master {

enum class WorkerState : std::uint8_t {
  starting,  ///< forked, not ready yet
  ready,     ///< serves
  retiring,  ///< takes no new clients, serves the present ones
  stopping,  ///< told to close everything and exit at once
  aborting,  ///< SIGABRT sent: it was stuck, and its core shows where
  killing,   ///< SIGKILL sent
  lost,      ///< survived SIGKILL (uninterruptible sleep): its slot is given up until it is reaped
  gone,      ///< reaped
};
inline constexpr std::size_t kWorkerStateCount = static_cast<std::size_t>(WorkerState::gone) + 1;

enum class WorkerEvent : std::uint8_t {
  said_ready,        ///< status pipe
  said_draining,     ///< status pipe: it retires by its own decision (SIGTERM from an operator, max-requests)
  retire_wanted,     ///< scale-down, reload, WINCH: the rest of the server goes on
  finish_wanted,     ///< graceful stop of the whole server
  fast_stop_wanted,  ///< SIGINT, a second SIGTERM, `stop --fast`
  kill_wanted,       ///< a third SIGTERM
  boot_timeout,
  heartbeat_lost,
  drain_timeout,
  stop_timeout,
  abort_timeout,
  kill_timeout,
  reaped,  ///< waitpid returned it
};
inline constexpr std::size_t kWorkerEventCount = static_cast<std::size_t>(WorkerEvent::reaped) + 1;

/// What the master does with an event.
enum class WorkerAction : std::uint8_t {
  ignore,               ///< the event means nothing in this state; the state stays
  note_ready,           ///< tell the restart policy `became_ready`
  note_draining,        ///< tell the restart policy `left(drained)`; the refill starts a replacement
  send_retire,          ///< ControlKind::retire
  send_finish,          ///< ControlKind::finish
  send_stop_now,        ///< ControlKind::stop_now
  send_abort,           ///< SIGABRT; if it filled a place until now, tell the policy why (`left`)
  send_kill,            ///< SIGKILL
  give_up_slot,         ///< log that the process survived SIGKILL; keep its slot out of use
  report_failed_start,  ///< it died before it was ready: exit report, restart policy
  report_death,         ///< it died while serving: exit report, restart policy
  report_exit,          ///< it left as it was told to or had announced: exit report only
  report_put_down,      ///< it died by the master's signal: exit report only, the policy already knows
  report_found,         ///< the lost worker ended after all: exit report, and its slot is free again
};

struct WorkerStep {
  WorkerState next;
  WorkerAction action;
  friend bool operator==(const WorkerStep&, const WorkerStep&) = default;
};

/// @return what follows from the event. Every pair has an answer. A late time-out, or a message that crossed one of the
/// master's, gives `ignore` with the state unchanged.
WorkerStep transition(WorkerState state, WorkerEvent event) noexcept;

/// Whether the worker fills a place of its pool. One that does not is replaced at once, before it has gone, so a pool
/// needs more slots than workers.
constexpr bool counts_towards_pool(WorkerState state) noexcept {
  return state == WorkerState::starting || state == WorkerState::ready;
}

/// How long a worker may stay in a state. Zero: no limit.
struct WorkerLimits {
  std::chrono::milliseconds boot{30'000};
  std::chrono::milliseconds heartbeat{60'000};
  std::chrono::milliseconds drain{30'000};
  std::chrono::milliseconds fast_stop{5'000};
  std::chrono::milliseconds abort{10'000};  ///< a large core takes a while to write
  std::chrono::milliseconds kill{10'000};
};

/// @return how long a worker may stay in the state, counted from when it entered it; nullopt: no limit
std::optional<std::chrono::milliseconds> patience(WorkerState state, const WorkerLimits& limits) noexcept;

/// @return how old its last heartbeat may be; nullopt: the state is not watched
std::optional<std::chrono::milliseconds> heartbeat_patience(WorkerState state, const WorkerLimits& limits) noexcept;

struct WorkerDeadline {
  TimePoint at;
  WorkerEvent event;  ///< must be fed to `transition` once `at` is reached
};

/// @return what happens first if the worker neither speaks nor beats nor dies; nullopt: nothing. A heartbeat older than
/// the entry into the state counts as one at the entry.
std::optional<WorkerDeadline> next_deadline(WorkerState state, TimePoint entered, TimePoint last_beat,
                                            const WorkerLimits& limits) noexcept;

/// @return the state's name as `preforkctl status` shows it; `busy`: it is serving now
std::string_view status_name(WorkerState state, bool busy) noexcept;

}  // namespace prefork::master
