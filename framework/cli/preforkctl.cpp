#include <sys/ioctl.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <optional>
#include <string>
#include <system_error>
#include <thread>
#include <variant>
#include <vector>

#include "framework/base/visible.hpp"
#include "framework/cli/ctl_client.hpp"
#include "framework/cli/ctl_events.hpp"
#include "framework/cli/ctl_health.hpp"
#include "framework/cli/ctl_options.hpp"
#include "framework/cli/ctl_print.hpp"
#include "framework/cli/ctl_top.hpp"
#include "framework/cli/screen.hpp"
#include "framework/cli/standard_streams.hpp"
#include "framework/master/control/control_command.hpp"

namespace {

using namespace prefork::cli;
using prefork::master::kExitRefused;
using prefork::master::kExitUnavailable;
using prefork::master::kExitUsage;

constexpr int kExitPermission = 77;
constexpr std::chrono::seconds kPatience{10};

int complain(const std::string& sentence, int exit_code) {
  std::fprintf(stderr, "preforkctl: %s\n", prefork::base::visible_lines(sentence).c_str());
  return exit_code;
}

int print(const std::string& text) { return prefork::cli::print("preforkctl", text); }

std::size_t terminal_width() {
  winsize size{};
  if (::isatty(STDOUT_FILENO) == 0 || ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == -1) return 0;
  return size.ws_col;
}

int tell_health(const Health& health) {
  const int failed = print(health.line);
  return failed != 0 ? failed : health.exit_code;
}

std::string why_no_connection(const std::string& path, const std::system_error& error) {
  const std::string reason = error.code().message();
  if (error.code().value() == EAGAIN) return "the prefork-master at " + path + " accepts no connections: it is stuck";
  return "no prefork-master answers at " + path + ": " + reason;
}

int explain_no_connection(const std::string& path, const std::system_error& error) {
  const std::string reason = error.code().message();
  switch (error.code().value()) {
    case EACCES:
    case EPERM:
      return complain("no permission to talk to the prefork-master at " + path + ": " + reason, kExitPermission);
    case ENAMETOOLONG:
      return complain("the path of the control socket is too long: " + path, kExitUsage);
    case EAGAIN:
      return complain(why_no_connection(path, error), kExitUnavailable);
    default:
      break;
  }
  return complain(why_no_connection(path, error) + " (is it running? is \"control\" set in its configuration?)",
                  kExitUnavailable);
}

std::string no_answer(const std::string& path, CtlClient::Outcome outcome) {
  const bool closed = outcome == CtlClient::Outcome::closed;
  return "the prefork-master at " + path +
         (closed ? " closed the connection without an answer" : " gave no answer within 10 seconds");
}

int show(const CtlRequest& request, const std::string& line, const Answer& answer) {
  if (request.verb == CtlVerb::metrics && !request.json) return print(metrics_of(line));
  if (request.verb == CtlVerb::events) return print(read_events(line, request.json).text);
  if (request.json) return print(json_text(line));
  switch (request.verb) {
    case CtlVerb::status:
      return print(status_text(line, terminal_width()));
    case CtlVerb::workers:
      return print(workers_text(line, terminal_width()));
    case CtlVerb::ipc:
      return print(ipc_text(line, terminal_width()));
    case CtlVerb::dead_letters:
      return print(dead_letters_text(line, terminal_width()));
    case CtlVerb::metrics:
    case CtlVerb::events:
    case CtlVerb::top:
    case CtlVerb::reload:
    case CtlVerb::upgrade:
    case CtlVerb::stop:
    case CtlVerb::other:
      break;
  }
  return answer.message.empty() ? 0 : print(answer.message + '\n');
}

struct Failure {
  std::string sentence;
  int exit_code = 0;
};

// Asks for one line. @return nullopt: `failure` says why
std::optional<std::string> ask(const CtlRequest& request, CtlClient& client, const std::string& command,
                               Failure& failure) {
  auto reply = client.ask(command, CtlClient::Clock::now() + kPatience);
  if (reply.outcome != CtlClient::Outcome::answered) {
    failure = {no_answer(request.socket, reply.outcome), kExitUnavailable};
    return std::nullopt;
  }
  const Answer answer = read_answer(reply.line);
  if (answer.ok) return std::move(reply.line);
  failure = {answer.message, answer.exit_code};
  return std::nullopt;
}

// Asks repeatedly: the master keeps nothing for listeners, and one that comes too late is told so.
int follow_events(const CtlRequest& request, CtlClient& client) {
  constexpr std::chrono::milliseconds kPause{500};
  for (std::string command = request.command;;) {
    Failure failure;
    const auto line = ask(request, client, command, failure);
    if (!line) return complain(failure.sentence, failure.exit_code);
    const Events events = read_events(*line, request.json);
    if (const int failed = print(events.text); failed != 0) return failed;
    command = "events " + std::to_string(events.next);
    std::this_thread::sleep_for(kPause);
  }
}

// Takes two samples, since rates are differences, and then further ones.
int show_top(const CtlRequest& request, CtlClient& client) {
  constexpr std::chrono::milliseconds kPause{1000};
  const bool live = !request.once && Screen::possible();
  std::optional<Screen> screen;
  TopSample before;
  for (int looks = 0;; ++looks) {
    Failure failure;
    const auto status = ask(request, client, "status", failure);
    const auto events = status ? ask(request, client, "events", failure) : std::nullopt;
    if (!events) {
      screen.reset();
      return complain(failure.sentence, failure.exit_code);
    }
    TopSample now{*status, *events, CtlClient::Clock::now()};
    if (looks > 0) {
      if (!live) return print(top_text(before, now, {terminal_width(), 0}));
      if (!screen) screen.emplace();
      screen->show(top_text(before, now, Screen::size()));
    }
    before = std::move(now);
    if (!live || !screen) {
      std::this_thread::sleep_for(kPause);
    } else if (screen->wait_for_quit(kPause)) {
      return 0;
    }
  }
}

int carry_out(const CtlRequest& request, CtlClient& client) {
  // The master itself limits a reload and an upgrade (boot-timeout, shutdown-timeout).
  std::optional<CtlClient::Clock::time_point> deadline;
  if (request.verb != CtlVerb::reload && request.verb != CtlVerb::upgrade)
    deadline = CtlClient::Clock::now() + kPatience;
  const auto reply = client.ask(request.command, deadline);
  if (reply.outcome != CtlClient::Outcome::answered) {
    const std::string why = no_answer(request.socket, reply.outcome);
    return request.check ? tell_health(health_down(why)) : complain(why, kExitUnavailable);
  }
  if (request.check) return tell_health(health_of(reply.line));
  const Answer answer = read_answer(reply.line);
  if (!answer.ok) return complain(answer.message, answer.exit_code);
  const int shown = show(request, reply.line, answer);
  // The master itself limits its stop (shutdown-timeout).
  if (request.verb == CtlVerb::stop) client.wait_closed(std::nullopt);
  return shown;
}

int run(const std::vector<std::string>& arguments) {
  const auto parsed = parse_ctl_arguments(arguments, std::getenv("PREFORK_CONTROL"));
  if (const auto* message = std::get_if<CtlMessage>(&parsed)) {
    if (message->exit_code == 0) return print(message->text);
    std::fputs(message->text.c_str(), stderr);
    return message->exit_code;
  }
  const auto& request = std::get<CtlRequest>(parsed);
  std::optional<CtlClient> client;
  try {
    client = CtlClient::connect(request.socket, kPatience);
  } catch (const std::system_error& error) {
    const int code = error.code().value();
    const bool not_asked = code == EACCES || code == EPERM || code == ENAMETOOLONG;  // it says nothing about the server
    if (request.check && !not_asked) return tell_health(health_down(why_no_connection(request.socket, error)));
    return explain_no_connection(request.socket, error);
  }
  if (request.verb == CtlVerb::top) return show_top(request, *client);
  return request.follow ? follow_events(request, *client) : carry_out(request, *client);
}

}  // namespace

int main(int argc, char** argv) {
  try {
    fill_standard_streams();
    return run({argv + 1, argv + argc});
  } catch (const std::exception& error) {
    return complain(error.what(), kExitRefused);
  }
}
