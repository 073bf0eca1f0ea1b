#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

/// The commands of the control socket, and the form of its answers. Pure.
///
/// A command is one line, words separated by blanks. The answer is one line with a JSON object: `{"ok":true,...}` or
/// `{"ok":false,"error":"SENTENCE","exit":CODE}`, where CODE is the exit code that preforkctl should use (sysexits.h).
namespace prefork::master {

/// The most bytes of a command line, without its line end.
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
  bool relative;           ///< `+1`, `-1`: relative to the pool's present size
  int amount;              ///< not negative unless relative
  bool automatic = false;  ///< `auto`: back to the size in the configuration
};
struct StopCommand {
  bool fast;
};
struct ReopenCommand {};
struct ReloadCommand {
  std::optional<std::string> only;     ///< reload only this pool; nullopt: all
  bool wait = true;                    ///< the answer comes when the reload has ended
  std::vector<std::string> discard{};  ///< queues that may be discarded with messages in them
};
struct UpgradeCommand {
  std::optional<std::string> binary;  ///< an absolute path; nullopt: the binary that the master was started from
};

struct IpcCommand {};
struct MetricsCommand {};
struct EventsCommand {
  std::uint64_t since;  ///< number of the last event that the client knows; zero: none
};
enum class QueueAction : std::uint8_t { list, requeue, drop };
/// What to do with a queue's dead letters.
struct QueueCommand {
  QueueAction action;
  std::string queue;
  std::optional<std::size_t> most;  ///< for requeue; nullopt: all
};

using ControlCommand =
    std::variant<StatusCommand, WorkersCommand, ScaleCommand, StopCommand, ReopenCommand, ReloadCommand, UpgradeCommand,
                 IpcCommand, QueueCommand, MetricsCommand, EventsCommand>;

/// What a client may do.
enum class ControlAccess : std::uint8_t {
  read,     ///< see what the server reports about itself
  operate,  ///< also reload without --discard, scale, reopen
  full,     ///< everything: stop, upgrade, and the queues, whose messages belong to services
};
ControlAccess needed_access(const ControlCommand& command) noexcept;

/// Why a line is not a valid command, in one sentence.
struct CommandError {
  std::string text;
};

/// Parses one line, without its line end.
std::variant<ControlCommand, CommandError> parse_command(std::string_view line);

/// @return the answer line, with its line end
std::string answer_ok();
std::string answer_ok(std::string_view member, std::string_view text);
std::string answer_error(std::string_view sentence, int exit_code);

}  // namespace prefork::master
