#include "framework/master/control/control_command.hpp"

#include <fmt/format.h>

#include <charconv>
#include <optional>
#include <system_error>
#include <vector>

#include "framework/base/json_writer.hpp"
#include "framework/base/visible.hpp"
#include "framework/config/wording.hpp"

namespace prefork::master {
namespace {

using Words = std::vector<std::string_view>;
using Parsed = std::variant<ControlCommand, CommandError>;

// No command has more words; the rest of the line is ignored.
constexpr std::size_t kMaxWords = 64;

Words split(std::string_view line) {
  constexpr std::string_view kBlanks = " \t\r";
  Words words;
  while (words.size() < kMaxWords) {
    const auto begin = line.find_first_not_of(kBlanks);
    if (begin == std::string_view::npos) break;
    line.remove_prefix(begin);
    const auto end = line.find_first_of(kBlanks);
    words.push_back(line.substr(0, end));
    if (end == std::string_view::npos) break;
    line.remove_prefix(end);
  }
  return words;
}

Parsed fail(std::string sentence) { return CommandError{std::move(sentence)}; }

template <typename Command>
Parsed parse_plain(const Words& words) {
  if (words.size() == 1) return Command{};
  return fail(fmt::format("{} takes no arguments; {} is one too many", words[0], base::in_quotes(words[1])));
}

Parsed parse_stop(const Words& words) {
  if (words.size() == 1) return StopCommand{false};
  if (words.size() == 2 && words[1] == "--fast") return StopCommand{true};
  const auto wrong = words[1] == "--fast" ? words[2] : words[1];
  return fail(fmt::format("stop takes --fast or nothing, not {}", base::in_quotes(wrong)));
}

Parsed parse_reload(const Words& words) {
  ReloadCommand command{};
  for (std::size_t i = 1; i < words.size(); ++i) {
    if (words[i] == "--only" && i + 1 < words.size() && !command.only) {
      command.only = words[++i];
    } else if (words[i] == "--no-wait") {
      command.wait = false;
    } else if (words[i] == "--discard" && i + 1 < words.size()) {
      command.discard.emplace_back(words[++i]);
    } else {
      return fail(
          fmt::format("reload takes --only POOL, --discard QUEUE and --no-wait, not {}", base::in_quotes(words[i])));
    }
  }
  return command;
}

Parsed parse_upgrade(const Words& words) {
  if (words.size() == 1) return UpgradeCommand{};
  if (words.size() == 2 && words[1].starts_with('/')) return UpgradeCommand{std::string(words[1])};
  return fail("upgrade takes the absolute path of a program or nothing");
}

// "4", "+1", "-1", at most kMaxScale each way.
std::optional<ScaleCommand> parse_amount(std::string_view pool, std::string_view text) {
  const bool relative = text.starts_with('+') || text.starts_with('-');
  const std::string_view digits = relative ? text.substr(1) : text;
  int amount = 0;
  const char* const end = digits.data() + digits.size();
  const auto [stop, error] = std::from_chars(digits.data(), end, amount);
  // from_chars accepts a minus itself: "--1", "+-1".
  if (error != std::errc() || stop != end || digits.starts_with('-') || amount > kMaxScale) return std::nullopt;
  return ScaleCommand{std::string(pool), relative, text.starts_with('-') ? -amount : amount};
}

Parsed parse_scale(const Words& words) {
  if (words.size() != 3) return fail("scale takes a pool and a number: scale POOL N, +N, -N or auto");
  if (words[2] == "auto") return ScaleCommand{std::string(words[1]), false, 0, true};
  if (auto command = parse_amount(words[1], words[2])) return *std::move(command);
  return fail(fmt::format("scale takes N, +N or -N with N from 0 to {}, or auto, not {}", kMaxScale,
                          base::in_quotes(words[2])));
}

struct ActionEntry {
  std::string_view name;
  QueueAction action;
  std::size_t most_words;
};
constexpr ActionEntry kActions[] = {
    {"list", QueueAction::list, 3}, {"requeue", QueueAction::requeue, 4}, {"drop", QueueAction::drop, 3}};

std::optional<std::size_t> parse_count(std::string_view text) {
  constexpr std::size_t kMost = 1'000'000'000;
  std::size_t count = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
  if (error != std::errc() || end != text.data() + text.size() || count == 0 || count > kMost) return std::nullopt;
  return count;
}

Parsed parse_queue(const Words& words) {
  constexpr std::string_view kForms = "queue takes list NAME, requeue NAME [N] or drop NAME";
  if (words.size() < 2) return fail(std::string(kForms));
  std::vector<std::string> names;
  for (const ActionEntry& entry : kActions) {
    names.emplace_back(entry.name);
    if (entry.name != words[1]) continue;
    if (words.size() < 3) return fail(std::string(kForms));
    if (words.size() > entry.most_words) {
      return fail(fmt::format("{}; {} is one too many", kForms, base::in_quotes(words[entry.most_words])));
    }
    QueueCommand command{entry.action, std::string(words[2]), std::nullopt};
    if (words.size() == 3) return command;
    command.most = parse_count(words[3]);
    if (command.most) return command;
    return fail(fmt::format("requeue takes a number from 1 to 1000000000, not {}", base::in_quotes(words[3])));
  }
  return fail(fmt::format("{}, not {}{}", kForms, base::in_quotes(words[1]), config::did_you_mean(words[1], names)));
}

Parsed parse_events(const Words& words) {
  if (words.size() == 1) return EventsCommand{0};
  EventsCommand command{};
  const std::string_view text = words[1];
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), command.since);
  const bool number = error == std::errc() && end == text.data() + text.size();
  if (number && words.size() == 2) return command;
  return fail(fmt::format("events takes the number of the last one known or nothing, not {}",
                          base::in_quotes(words[number ? 2 : 1])));
}

struct Entry {
  std::string_view name;
  Parsed (*parse)(const Words&);
};

constexpr Entry kCommands[] = {
    {"status", parse_plain<StatusCommand>},
    {"workers", parse_plain<WorkersCommand>},
    {"scale", parse_scale},
    {"stop", parse_stop},
    {"reopen", parse_plain<ReopenCommand>},
    {"reload", parse_reload},
    {"upgrade", parse_upgrade},
    {"ipc", parse_plain<IpcCommand>},
    {"queue", parse_queue},
    {"metrics", parse_plain<MetricsCommand>},
    {"events", parse_events},
};

}  // namespace

Parsed parse_command(std::string_view line) {
  if (line.size() > kMaxCommandBytes) {
    return fail(fmt::format("the line is longer than {} bytes", kMaxCommandBytes));
  }
  const Words words = split(line);
  if (words.empty()) return fail("the line has no command");
  std::vector<std::string> names;
  for (const Entry& entry : kCommands) {
    if (entry.name == words[0]) return entry.parse(words);
    names.emplace_back(entry.name);
  }
  return fail(fmt::format("unknown command {}{}", base::in_quotes(words[0]), config::did_you_mean(words[0], names)));
}

// A command that is not named here needs full access.
ControlAccess needed_access(const ControlCommand& command) noexcept {
  const auto is_one_of = [&]<typename... Command>(const std::variant<Command...>*) {
    return (std::holds_alternative<Command>(command) || ...);
  };
  using Read = std::variant<StatusCommand, WorkersCommand, IpcCommand, MetricsCommand, EventsCommand>;
  using Operate = std::variant<ScaleCommand, ReloadCommand, ReopenCommand>;
  const auto* const reload = std::get_if<ReloadCommand>(&command);
  if (reload != nullptr && !reload->discard.empty()) return ControlAccess::full;
  if (is_one_of(static_cast<Read*>(nullptr))) return ControlAccess::read;
  return is_one_of(static_cast<Operate*>(nullptr)) ? ControlAccess::operate : ControlAccess::full;
}

std::string answer_ok() { return "{\"ok\":true}\n"; }

std::string answer_ok(std::string_view member, std::string_view text) {
  base::JsonWriter json;
  json.begin_object().member("ok", true).member(member, text).end_object();
  return std::move(json).take() + '\n';
}

std::string answer_error(std::string_view sentence, int exit_code) {
  base::JsonWriter json;
  json.begin_object().member("ok", false).member("error", sentence).member("exit", exit_code).end_object();
  return std::move(json).take() + '\n';
}

}  // namespace prefork::master
