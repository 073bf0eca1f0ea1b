#include "framework/master/upgrade.hpp"

#include <sys/epoll.h>
#include <sysexits.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "ipc/contract/shared_layout.hpp"

namespace prefork::master {

namespace {

/// If no pool limits how long a new process may take.
constexpr std::chrono::milliseconds kTrialPatience{30'000};

}  // namespace

std::chrono::milliseconds trial_patience(const config::Options& options) {
  std::chrono::milliseconds longest{0};
  for (const auto& pool : options.pools) longest = std::max(longest, pool.boot_timeout);
  return longest.count() > 0 ? longest : kTrialPatience;
}

Upgrade::Upgrade(Program program, std::string version, Reactor& reactor, Log& log, Hooks hooks)
    : program_(std::move(program)),
      version_(std::move(version)),
      reactor_(reactor),
      log_(log),
      hooks_(std::move(hooks)) {}

std::string Upgrade::ask(std::optional<std::string> binary, std::optional<ControlSocket::ClientId> client,
                         std::string_view why, bool after_reload) {
  if (current_) return "an upgrade is under way already";
  Program program = program_;
  if (binary) program.binary = std::move(*binary);
  log_.notice(std::string(why) + ": upgrade to " + program.binary + (after_reload ? ", after the reload" : ""));
  current_ = Current{std::move(program), client, nullptr, false};
  return {};
}

void Upgrade::tend(TimePoint now, const Busy& busy, std::chrono::milliseconds patience) {
  if (!current_) return;
  if (current_->proved) {
    if (!busy.jobs) execute();
  } else if (current_->trial == nullptr) {
    if (!busy.reload) begin_trial(now + patience);
  } else if (current_->trial->deadline() <= now) {
    current_->trial->kill_late();
  }
}

std::optional<TimePoint> Upgrade::next_deadline() const {
  if (!current_ || current_->trial == nullptr) return std::nullopt;
  return current_->trial->deadline();
}

void Upgrade::begin_trial(TimePoint deadline) {
  try {
    const Handover handover = hooks_.hand_over();
    const ipc::UniqueFd state = sealed_text(encode_handover(handover, ipc::shared_layout()));
    current_->trial =
        std::make_unique<UpgradeTrial>(current_->program, state.get(), descriptors_of(handover), deadline);
    const int fd = current_->trial->fd();
    reactor_.watch(fd, EPOLLIN, [this, fd](std::uint32_t) {
      if (!current_->trial->hear()) reactor_.forget(fd);
    });
  } catch (const std::exception& error) {
    end(error.what(), EX_OSERR);
  }
}

void Upgrade::buried(pid_t pid, int wait_status) {
  if (!current_ || current_->trial == nullptr || current_->trial->pid() != pid) return;
  const TrialVerdict verdict = current_->trial->ended(wait_status);
  reactor_.forget(current_->trial->fd());
  if (!verdict.passed) return end(verdict.message, verdict.exit_code);
  log_.info("prefork-master " + verdict.message + " (" + current_->program.binary + ") can take over");
  current_->trial.reset();
  current_->proved = true;
}

// Everything that can fail has been tried in the child, with the same descriptors and a state like this one.
void Upgrade::execute() {
  try {
    hooks_.settle();
    const Handover handover = hooks_.hand_over();
    const ipc::UniqueFd state = sealed_text(encode_handover(handover, ipc::shared_layout()));
    const int error = execute_in_place(current_->program, state.get(), descriptors_of(handover));
    end("exec " + current_->program.binary + ": " + std::strerror(error), EX_OSERR);
  } catch (const std::exception& error) {
    end(error.what(), EX_OSERR);
  }
}

void Upgrade::end(const std::string& failure, int exit_code) {
  const Current ended = std::move(*std::exchange(current_, std::nullopt));
  if (ended.trial != nullptr) reactor_.forget(ended.trial->fd());
  const std::string sentence = "not upgraded, prefork-master " + version_ + " goes on: " + failure;
  log_.error(sentence);
  if (ended.client) hooks_.answer(*ended.client, answer_error(sentence, exit_code));
}

void Upgrade::stop() {
  if (current_) end("the server is stopping", kExitUnavailable);
}

}  // namespace prefork::master
