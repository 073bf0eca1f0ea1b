#include "framework/master/report/exit_report.hpp"

#include <fmt/format.h>
#include <sys/wait.h>

#include <algorithm>
#include <csignal>
#include <cstring>
#include <iterator>

#include "framework/base/units.hpp"
#include "framework/base/visible.hpp"
#include "ipc/contract/contract.hpp"

namespace prefork::master {
namespace {

constexpr std::size_t kMaxActivity = 256;
constexpr std::size_t kMaxStartError = 512;

std::string signal_name(int signal) {
  const char* const name = sigabbrev_np(signal);  // null for real-time signals
  return name != nullptr ? fmt::format("SIG{}", name) : fmt::format("signal {}", signal);
}

// The end itself: "killed by SIGSEGV (core dumped)".
std::string how(const ExitFacts& facts) {
  const int status = facts.wait_status;
  if (WIFSIGNALED(status)) {
    return fmt::format("killed by {}{}", signal_name(WTERMSIG(status)), WCOREDUMP(status) ? " (core dumped)" : "");
  }
  if (!WIFEXITED(status)) return fmt::format("ended with wait status {:#x}", status);
  const int code = WEXITSTATUS(status);
  if (code == ipc::kExitRetired) {
    switch (facts.intent) {
      case ExitIntent::retired:
        return "retired";
      case ExitIntent::drained_itself:
        return "retired by itself";
      case ExitIntent::stopped:
        return "stopped";
      default:
        break;
    }
  }
  const std::string_view meaning = exit_code_meaning(code);
  if (meaning.empty()) return fmt::format("exited with code {}", code);
  return fmt::format("exited with code {} ({})", code, meaning);
}

std::string_view why(const ExitFacts& facts) noexcept {
  const bool clean = WIFEXITED(facts.wait_status) && WEXITSTATUS(facts.wait_status) == ipc::kExitRetired;
  switch (facts.intent) {
    case ExitIntent::unexpected:
      return "";
    case ExitIntent::drained_itself:
    case ExitIntent::retired:
      return clean ? "" : " while it was retiring";
    case ExitIntent::stopped:
      return clean ? "" : " while it was stopping";
    case ExitIntent::aborted_boot:
      return ": aborted because it was not ready in time";
    case ExitIntent::aborted_heartbeat:
      return ": aborted because it had no heartbeat";
    case ExitIntent::aborted_request:
      return ": aborted because it was past a request-timeout";
    case ExitIntent::killed_stuck:
      return ": killed because it did not end when it was told to";
    case ExitIntent::killed_wanted:
      break;
  }
  return ": killed by the operator's order";
}

// A death that the master's own signal explains; a segfault on the way out is always unexpected.
bool died_of(int status, int signal) noexcept { return WIFSIGNALED(status) && WTERMSIG(status) == signal; }

}  // namespace

std::string exit_report(const ExitFacts& facts) {
  std::string line = fmt::format("worker {}/{} (pid {}, generation {}) {} after {}{}{}", facts.pool, facts.index,
                                 facts.pid, facts.generation, how(facts), base::duration_words(facts.uptime),
                                 facts.was_ready ? "" : ", before it was ready", why(facts));
  if (!facts.start_error.empty()) {
    line += "; it said: ";
    line += base::escape_untrusted(facts.start_error, kMaxStartError);
  }
  if (facts.activity && !facts.activity->empty()) {
    fmt::format_to(std::back_inserter(line), "; it was serving {} for {}",
                   base::escape_untrusted(*facts.activity, kMaxActivity), base::duration_words(facts.activity_for));
  }
  return line;
}

std::string_view abort_reason(ExitIntent intent) noexcept {
  if (intent == ExitIntent::aborted_boot) return "is not ready in time";
  return intent == ExitIntent::aborted_request ? "is past a request-timeout" : "has no heartbeat";
}

bool is_expected(const ExitFacts& facts) noexcept {
  const int status = facts.wait_status;
  const bool clean = WIFEXITED(status) && WEXITSTATUS(status) == ipc::kExitRetired;
  switch (facts.intent) {
    case ExitIntent::retired:
    case ExitIntent::drained_itself:
      return clean;
    // An operator's SIGTERM may cross the master's message.
    case ExitIntent::stopped:
      return clean || died_of(status, SIGTERM);
    case ExitIntent::killed_wanted:
      return clean || died_of(status, SIGKILL);
    case ExitIntent::unexpected:
    case ExitIntent::aborted_boot:
    case ExitIntent::aborted_heartbeat:
    case ExitIntent::aborted_request:
    case ExitIntent::killed_stuck:
      break;
  }
  return false;
}

std::string_view exit_code_meaning(int code) noexcept {
  switch (code) {
    case ipc::kExitRetired:
      return "retired";
    case ipc::kExitInternal:
      return "internal error";
    case ipc::kExitPrivileges:
      return "could not be isolated";
    case ipc::kExitCannotStart:
      return "cannot start";
    case ipc::kExitMasterGone:
      return "the master was gone";
    default:
      return "";
  }
}

}  // namespace prefork::master
