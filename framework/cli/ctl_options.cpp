#include "framework/cli/ctl_options.hpp"

#include <boost/program_options.hpp>
#include <filesystem>
#include <string_view>

#include "framework/master/control/control_command.hpp"

#ifndef PREFORK_VERSION
#define PREFORK_VERSION "unknown"
#endif

namespace prefork::cli {
namespace {

namespace po = boost::program_options;

constexpr const char* kDefaultSocket = "/run/prefork/control.sock";

constexpr std::string_view kHelp =
    R"(usage: preforkctl [-s PATH] COMMAND

Talks to a running prefork-master through its control socket.

commands:
  status [--json]        the master, its pools, services and workers
  status --check         the server's health in one line and the exit code: 0 well, 1 degraded (a
                         pool is full, or short of workers), 2 down (a pool has no worker that
                         is ready, or nobody answers)
  workers [--json]       the workers only
  ipc [--json]           the objects that workers share: what they hold, who holds them,
                         who waits, what was repaired and lost
  queue list NAME [--json]
                         the dead letters of a queue: messages that were given up
  queue requeue NAME [N] puts its dead letters back, the oldest N of them or all
  queue drop NAME        drops its dead letters
  top [--once]           the busiest workers, rates and latencies, shown anew each second until q is
                         pressed; --once, or where the output is no terminal: once
  metrics                the server's numbers in Prometheus' text format
  events [--follow] [--json]
                         what the master has logged of late; --follow: and what it goes on to log
  reload [--only POOL] [--discard QUEUE]... [--no-wait]
                         takes on the configuration and the plugins as they are now, and
                         waits until they serve; if they can't, the old ones go on. A queue that
                         is no longer declared and still holds messages is refused, unless
                         --discard names it
  upgrade [BINARY]       has the master go on as another program in the same process, or as what
                         lies now where it was started from; waits until it does. Workers,
                         sockets and what is shared stay. If it can't, the old one goes on
  scale POOL N|+N|-N     sets the number of a pool's workers, or changes it
  scale POOL auto        gives it back to what the configuration says
  stop [--fast]          ends the master and waits until it is gone; --fast: without
                         waiting for requests in progress
  reopen                 opens the log file anew, after it was moved

options:
  -s, --socket PATH      the control socket; else $PREFORK_CONTROL, else
                         /run/prefork/control.sock
      --json             prints the master's answer as JSON; of events one line each
  -h, --help             prints this
  -V, --version          prints the version

exit codes: 0 done, 64 wrong usage, 69 no master answers, 74 can't print, 77 no permission, else
refused; of status --check as told there
)";

CtlMessage mistake(const std::string& sentence) {
  return {"preforkctl: " + sentence + " (try --help)\n", master::kExitUsage};
}

// "-1" after `scale` is a number, not an option.
std::vector<po::option> take_number(std::vector<std::string>& arguments) {
  if (arguments.empty()) return {};
  const std::string& first = arguments.front();
  const bool is_number =
      first.size() > 1 && first[0] == '-' && first.find_first_not_of("0123456789", 1) == std::string::npos;
  if (!is_number) return {};
  po::option option;
  option.value.push_back(first);
  option.original_tokens.push_back(first);
  arguments.erase(arguments.begin());
  return {option};
}

po::variables_map parse(const std::vector<std::string>& arguments) {
  po::options_description options;
  options.add_options()("help,h", "")("version,V", "")("json", "")("fast", "")("follow", "")("once", "")("no-wait", "")(
      "check", "");
  options.add_options()("only", po::value<std::string>(), "");
  options.add_options()("discard", po::value<std::vector<std::string>>(), "");
  options.add_options()("socket,s", po::value<std::string>(), "");
  options.add_options()("word", po::value<std::vector<std::string>>(), "");
  po::positional_options_description words;
  words.add("word", -1);
  namespace style = po::command_line_style;
  po::variables_map values;
  po::store(po::command_line_parser(arguments)
                .options(options)
                .positional(words)
                .style(style::unix_style & ~style::allow_guessing)
                .extra_style_parser(take_number)
                .run(),
            values);
  return values;
}

CtlVerb verb_of(const master::ControlCommand& command) noexcept {
  if (std::holds_alternative<master::StatusCommand>(command)) return CtlVerb::status;
  if (std::holds_alternative<master::WorkersCommand>(command)) return CtlVerb::workers;
  if (std::holds_alternative<master::StopCommand>(command)) return CtlVerb::stop;
  if (std::holds_alternative<master::ReloadCommand>(command)) return CtlVerb::reload;
  if (std::holds_alternative<master::UpgradeCommand>(command)) return CtlVerb::upgrade;
  if (std::holds_alternative<master::IpcCommand>(command)) return CtlVerb::ipc;
  if (std::holds_alternative<master::MetricsCommand>(command)) return CtlVerb::metrics;
  if (std::holds_alternative<master::EventsCommand>(command)) return CtlVerb::events;
  const auto* const queue = std::get_if<master::QueueCommand>(&command);
  if (queue != nullptr && queue->action == master::QueueAction::list) return CtlVerb::dead_letters;
  return CtlVerb::other;
}

std::string socket_path(const po::variables_map& values, const char* env_socket) {
  if (values.count("socket") > 0) return values["socket"].as<std::string>();
  return env_socket != nullptr && *env_socket != '\0' ? env_socket : kDefaultSocket;
}

bool is_word(const std::string& text) { return !text.empty() && text.find_first_of(" \t\r\n") == std::string::npos; }

std::variant<CtlRequest, CtlMessage> make_request(const po::variables_map& values, const char* env_socket) {
  if (values.count("word") == 0)
    return mistake(
        "a command is missing: status, workers, top, ipc, queue, metrics, events, reload, upgrade, scale, stop, "
        "reopen");
  CtlRequest request;
  std::vector<std::string> words = values["word"].as<std::vector<std::string>>();
  // The master's working directory differs from ours.
  if (words.size() == 2 && words[0] == "upgrade" && !words[1].empty())
    words[1] = std::filesystem::absolute(words[1]).string();
  for (const std::string& word : words) {
    if (!is_word(word)) {
      return mistake("an argument is empty or contains a blank, which no name does");
    }
    request.command += (request.command.empty() ? "" : " ") + word;
  }
  if (values.count("fast") > 0) request.command += " --fast";
  if (values.count("no-wait") > 0) request.command += " --no-wait";
  if (values.count("only") > 0) request.command += " --only " + values["only"].as<std::string>();
  if (values.count("discard") > 0) {
    for (const auto& name : values["discard"].as<std::vector<std::string>>()) {
      if (!is_word(name)) return mistake("--discard takes the name of a queue");
      request.command += " --discard " + name;
    }
  }
  const bool top = request.command == "top";
  if (top) request.command = "status";
  const auto parsed = master::parse_command(request.command);
  if (const auto* error = std::get_if<master::CommandError>(&parsed)) return mistake(error->text);
  request.verb = top ? CtlVerb::top : verb_of(std::get<master::ControlCommand>(parsed));
  request.follow = values.count("follow") > 0;
  request.once = values.count("once") > 0;
  if (request.once && !top) return mistake("--once is for top only");
  if (request.follow && request.verb != CtlVerb::events) return mistake("--follow is for events only");
  request.json = values.count("json") > 0;
  request.check = values.count("check") > 0;
  if (request.check && (request.verb != CtlVerb::status || request.json)) {
    return mistake("--check is for status only, and not with --json");
  }
  request.socket = socket_path(values, env_socket);
  return request;
}

}  // namespace

std::variant<CtlRequest, CtlMessage> parse_ctl_arguments(const std::vector<std::string>& arguments,
                                                         const char* env_socket) {
  try {
    const po::variables_map values = parse(arguments);
    if (values.count("help") > 0) return CtlMessage{std::string(kHelp), 0};
    if (values.count("version") > 0) return CtlMessage{"preforkctl " PREFORK_VERSION "\n", 0};
    return make_request(values, env_socket);
  } catch (const po::error& error) {
    return mistake(error.what());
  }
}

}  // namespace prefork::cli
