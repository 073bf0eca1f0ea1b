#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

/// What may be said to the control socket, and how the answers look. Pure.
///
/// One command a line, words between blanks; one JSON object a line comes back:
/// `{"ok":true,...}` or `{"ok":false,"error":"SENTENCE","exit":CODE}`, where CODE is what preforkctl
/// shall exit with (sysexits.h).
namespace prefork::master {

/// A command line may have this many bytes, its end not counted.
constexpr std::size_t kMaxCommandBytes = 1024;
/// `scale` takes no greater number: the scoreboard has no more slots.
constexpr int kMaxScale = 65534;

constexpr int kExitUsage = 64;
constexpr int kExitUnavailable = 69;
constexpr int kExitRefused = 70;

struct StatusCommand {};
struct WorkersCommand {};
struct ScaleCommand {
  std::string pool;
  bool relative;           ///< `+1`, `-1`: from the size that the pool has now
  int amount;              ///< not negative unless relative
  bool automatic = false;  ///< `auto`: back to what the configuration says
};
struct StopCommand {
  bool fast;
};
struct ReopenCommand {};
struct ReloadCommand {
  std::optional<std::string> only;     ///< the one pool that is to be rolled; nullopt: all
  bool wait = true;                    ///< the answer comes when it has ended
  std::vector<std::string> discard{};  ///< queues that may go with messages in them
};
struct UpgradeCommand {
  std::optional<std::string> binary;  ///< an absolute path; nullopt: where the master was started from
};

struct IpcCommand {};
struct MetricsCommand {};
struct EventsCommand {
  std::uint64_t since;  ///< number of the last event that the client knows; zero: none
};
enum class QueueAction : std::uint8_t { list, requeue, drop };
/// What is to be done with a queue's dead letters.
struct QueueCommand {
  QueueAction action;
  std::string queue;
  std::optional<std::size_t> most;  ///< of requeue; nullopt: all
};

using ControlCommand =
    std::variant<StatusCommand, WorkersCommand, ScaleCommand, StopCommand, ReopenCommand, ReloadCommand, UpgradeCommand,
                 IpcCommand, QueueCommand, MetricsCommand, EventsCommand>;

/// What a client may do.
enum class ControlAccess : std::uint8_t {
  read,     ///< look at what the server tells of itself
  operate,  ///< also reload without --discard, scale, reopen
  full,     ///< all: stop, upgrade, and the queues, whose messages belong to services
};
ControlAccess needed_access(const ControlCommand& command) noexcept;

/// Why a line is no command, in one sentence.
struct CommandError {
  std::string text;
};

/// Reads one line, without its end.
std::variant<ControlCommand, CommandError> parse_command(std::string_view line);

/// @return the answer line, with its end.
std::string answer_ok();
std::string answer_ok(std::string_view member, std::string_view text);
std::string answer_error(std::string_view sentence, int exit_code);

}  // namespace prefork::master
