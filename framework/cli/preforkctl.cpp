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
#include <variant>
#include <vector>

#include "framework/cli/ctl_client.hpp"
#include "framework/cli/ctl_options.hpp"
#include "framework/cli/ctl_print.hpp"
#include "framework/master/control_command.hpp"

namespace {

using namespace prefork::cli;
using prefork::master::kExitRefused;
using prefork::master::kExitUnavailable;
using prefork::master::kExitUsage;

constexpr int kExitIo = 74;
constexpr int kExitPermission = 77;
constexpr std::chrono::seconds kPatience{10};

int complain(const std::string& sentence, int exit_code) {
  std::fprintf(stderr, "preforkctl: %s\n", sentence.c_str());
  return exit_code;
}

int print(const std::string& text) {
  const bool written = std::fputs(text.c_str(), stdout) >= 0 && std::fflush(stdout) == 0;
  return written ? 0 : complain("cannot write to standard output", kExitIo);
}

std::size_t terminal_width() {
  winsize size{};
  if (::isatty(STDOUT_FILENO) == 0 || ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == -1) return 0;
  return size.ws_col;
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
      return complain("the prefork-master at " + path + " takes no connections: it is stuck", kExitUnavailable);
    default:
      break;
  }
  return complain("no prefork-master answers at " + path + ": " + reason +
                      " (is it running? is \"control\" set in its configuration?)",
                  kExitUnavailable);
}

int show(const CtlRequest& request, const std::string& line, const Answer& answer) {
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
    case CtlVerb::reload:
    case CtlVerb::upgrade:
    case CtlVerb::stop:
    case CtlVerb::other:
      break;
  }
  return answer.message.empty() ? 0 : print(answer.message + '\n');
}

int carry_out(const CtlRequest& request, CtlClient& client) {
  // The master bounds a reload and an upgrade itself (boot-timeout, shutdown-timeout).
  std::optional<CtlClient::Clock::time_point> deadline;
  if (request.verb != CtlVerb::reload && request.verb != CtlVerb::upgrade)
    deadline = CtlClient::Clock::now() + kPatience;
  const auto reply = client.ask(request.command, deadline);
  if (reply.outcome == CtlClient::Outcome::closed) {
    return complain("the prefork-master at " + request.socket + " closed the connection without an answer",
                    kExitUnavailable);
  }
  if (reply.outcome == CtlClient::Outcome::timed_out) {
    return complain("the prefork-master at " + request.socket + " gave no answer within 10 seconds", kExitUnavailable);
  }
  const Answer answer = read_answer(reply.line);
  if (!answer.ok) return complain(answer.message, answer.exit_code);
  const int shown = show(request, reply.line, answer);
  // The master bounds its stop itself (shutdown-timeout).
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
    return explain_no_connection(request.socket, error);
  }
  return carry_out(request, *client);
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run({argv + 1, argv + argc});
  } catch (const std::exception& error) {
    return complain(error.what(), kExitRefused);
  }
}
