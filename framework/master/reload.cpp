#include "framework/master/reload.hpp"

#include <sys/epoll.h>
#include <sysexits.h>

#include <algorithm>
#include <utility>

#include "framework/config/config_error.hpp"
#include "framework/config/findings.hpp"
#include "framework/config/secret.hpp"
#include "framework/master/log/log_settings.hpp"
#include "framework/master/upgrade/handover.hpp"

namespace prefork::master {

void tell_oddities(const Generation& generation, Log& log) {
  for (const std::string& note : generation.options.notes) log.notice(note);
  for (const std::string& warning : generation.warnings) log.warning(warning);
  for (const std::string& remark : generation.listeners->remarks()) log.warning(remark);
}

Reload::Reload(const Parts& parts, PrepareAgain prepare_again, Hooks hooks)
    : with_(parts), prepare_again_(std::move(prepare_again)), hooks_(std::move(hooks)) {}

void Reload::ask(Wanted wanted, std::string_view why) {
  const bool waits = now_.has_value() || with_.workforce.rolling();
  std::string what = std::string(why) + ": reload" + (wanted.only ? " of pool " + *wanted.only : "");
  for (const std::string& name : wanted.discard) what += ", discarding " + name;
  with_.log.notice(what + (waits ? ", after the previous one" : ""));
  if (!next_) {
    next_ = std::move(wanted);
    return;
  }
  if (next_->only != wanted.only) next_->only.reset();
  next_->discard.merge(wanted.discard);
  next_->waiting.insert(next_->waiting.end(), wanted.waiting.begin(), wanted.waiting.end());
}

void Reload::tend(TimePoint now, bool may_begin) {
  tend_preparation(now);
  if (const auto how = with_.workforce.take_rollout_end()) end(how->failure, kExitRefused);
  if (next_ && !now_ && !with_.workforce.rolling() && may_begin) begin();
  const std::size_t alive = with_.workforce.generations().size();
  if (alive < generations_alive_) close_access_logs();
  generations_alive_ = alive;
}

std::optional<TimePoint> Reload::next_deadline() const {
  return preparation_ != nullptr ? std::optional(preparation_->deadline()) : std::nullopt;
}

bool Reload::buried(pid_t pid, int wait_status) noexcept {
  if (preparation_ == nullptr || preparation_->pid() != pid) return false;
  preparation_->ended(wait_status);
  return true;
}

void Reload::stop() {
  end_preparation();
  for (; now_ || next_; now_ = std::exchange(next_, std::nullopt)) {
    if (now_) end("the server is stopping", kExitUnavailable);
  }
}

bool Reload::busy() const noexcept { return now_ || next_ || with_.workforce.rolling(); }

std::string_view Reload::phase() const noexcept {
  return preparation_ != nullptr ? "preparing" : with_.workforce.rollout_phase();
}

void Reload::report(MasterStatus& status) const {
  status.reload = std::string(phase());
  status.last_reload = last_;
  status.reloads_done = done_;
  status.reloads_failed = failed_;
}

void Reload::begin() {
  hooks_.begins();
  now_ = std::exchange(next_, std::nullopt);
  const Generation& running = with_.workforce.current();
  const unsigned number = ++last_number_;
  try {
    preparation_ = std::make_unique<Preparation>(
        running, [this, number] { return prepare(number); }, running.options.master.prepare_timeout);
    with_.reactor.watch(preparation_->fd(), EPOLLIN, [this](std::uint32_t) {
      if (!preparation_->hear()) with_.reactor.forget(preparation_->fd());
    });
  } catch (const std::exception& error) {
    end_preparation();
    end(error.what(), EX_OSERR);
  }
}

// Runs in the child.
Generation Reload::prepare(unsigned number) const {
  const Generation& running = with_.workforce.current();
  Generation next = prepare_again_(running, number, now_->only);
  refuse_master_changes(running.options, next.options);
  with_.access_logs.check(next);
  next.listeners = std::make_unique<ListenerSet>(next.options, running.listeners.get());
  return next;
}

void Reload::tend_preparation(TimePoint now) {
  if (preparation_ == nullptr) return;
  if (preparation_->is_over()) return begin_rollout();
  if (now < preparation_->deadline()) return;
  const std::string late = preparation_->late_sentence();
  end_preparation();  // killed, but not waited for: it may be stuck in the kernel
  end(late, EX_TEMPFAIL);
}

void Reload::end_preparation() noexcept {
  if (preparation_ != nullptr) with_.reactor.forget(preparation_->fd());
  preparation_.reset();
}

void Reload::begin_rollout() {
  try {
    auto next = std::make_shared<Generation>(preparation_->take(with_.workforce.current()));
    end_preparation();
    next->discard = now_->discard;
    with_.fork_server.withhold(config::secret_variables(next->options));
    with_.access_logs.open(*next);
    tell_oddities(*next, with_.log);
    with_.workforce.begin_rollout(std::move(next), now_->only);
    with_.log.info("generation " + std::to_string(last_number_) + " is prepared");
    with_.workforce.tend(Clock::now());  // the canaries start
  } catch (const config::ConfigError& error) {
    end_preparation();
    end(config::in_one_line(error.what()), error.exit_code());
  } catch (const std::exception& error) {
    end_preparation();
    end(error.what(), EX_OSERR);
  }
}

void Reload::end(const std::string& failure, int exit_code) {
  const std::string answer = failure.empty() ? succeeded() : failed(failure, exit_code);
  hooks_.ended();
  for (const auto client : std::exchange(now_, std::nullopt).value_or(Wanted{}).waiting) {
    hooks_.answer(client, answer);
  }
  close_access_logs();
}

/// @return the answer for the clients that wait
std::string Reload::succeeded() {
  const LogSettings log = log_settings(with_.workforce.current().options.master);
  with_.log.set(log.threshold, log.format);
  ++done_;
  last_ = current() + " serves";
  with_.log.notice("reloaded: " + last_);
  return answer_ok("message", last_);
}

std::string Reload::failed(const std::string& failure, int exit_code) {
  ++failed_;
  last_ = "failed: " + failure;
  const std::string sentence = "not reloaded, " + current() + " goes on: " + failure;
  with_.log.error(sentence);
  return answer_error(sentence, exit_code);
}

std::string Reload::current() const { return "generation " + std::to_string(with_.workforce.current().number); }

void Reload::close_access_logs() { with_.access_logs.keep_only(with_.workforce.generations()); }

void Reload::hand_over(Handover& handover) const {
  handover.last_number = last_number_;
  handover.last_reload = last_;
  handover.reloads_done = done_;
  handover.reloads_failed = failed_;
  handover.wants_reload = next_.has_value();
  if (!next_) return;
  handover.reload_only = next_->only;
  handover.reload_discard.assign(next_->discard.begin(), next_->discard.end());
}

bool Reload::is_awaited_by(ControlSocket::ClientId client) const {
  return next_ && std::ranges::find(next_->waiting, client) != next_->waiting.end();
}

void Reload::adopt(const Handover& handover) {
  last_number_ = handover.last_number;
  last_ = handover.last_reload;
  done_ = handover.reloads_done;
  failed_ = handover.reloads_failed;
  generations_alive_ = with_.workforce.generations().size();
  if (!handover.wants_reload) return;
  next_ = Wanted{handover.reload_only, {handover.reload_discard.begin(), handover.reload_discard.end()}, {}};
}

void Reload::adopt_waiting(ControlSocket::ClientId client) {
  if (next_) next_->waiting.push_back(client);
}

}  // namespace prefork::master
