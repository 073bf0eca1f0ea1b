#include "framework/master/notifier.hpp"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstddef>
#include <cstring>
#include <utility>

#include "framework/base/visible.hpp"
#include "framework/master/loop/environment.hpp"

namespace prefork::master {

namespace {

using std::chrono::microseconds;

constexpr std::size_t kMaxStatusBytes = 512;
constexpr std::size_t kMaxUnsent = 16;
constexpr std::chrono::milliseconds kRetryPause{100};

std::optional<std::uint64_t> number_in(const std::string& text) {
  std::uint64_t value = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc{} || stop != end) return std::nullopt;
  return value;
}

/// @return its length in bytes; 0: not an address of a unix socket
socklen_t address_of(const std::string& text, sockaddr_un& address) {
  address.sun_family = AF_UNIX;
  const bool is_address = text.starts_with('/') || text.starts_with('@');
  if (!is_address || text.size() < 2 || text.size() >= sizeof address.sun_path) return 0;
  text.copy(address.sun_path, text.size());
  if (text.front() == '@') address.sun_path[0] = '\0';
  return static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + text.size());
}

}  // namespace

std::string status_text(const ServiceReport& report) {
  if (report.stopping) return "stopping: " + std::to_string(report.running) + " workers left";
  std::string text = "generation " + std::to_string(report.generation) + ": " + std::to_string(report.ready) +
                     " workers ready, " + std::to_string(report.wanted) + " wanted";
  if (!report.reload.empty()) text += "; reload: " + std::string(report.reload);
  if (report.reload.empty() && report.last_reload.starts_with("failed")) {
    text += "; the last reload " + std::string(report.last_reload);
  }
  return base::escape_untrusted(text, kMaxStatusBytes);
}

Notifier::Setup Notifier::take_environment() {
  Setup setup;
  setup.socket = take_variable("NOTIFY_SOCKET");
  const auto period = number_in(take_variable("WATCHDOG_USEC"));
  const std::string whose = take_variable("WATCHDOG_PID");
  const bool ours = whose.empty() || number_in(whose) == static_cast<std::uint64_t>(::getpid());
  const auto longest = static_cast<std::uint64_t>(microseconds(std::chrono::hours(24 * 365)).count());
  if (ours && period && *period > 0) setup.watchdog = microseconds(std::min(*period, longest));
  return setup;
}

Notifier::Notifier(Setup setup, Log& log) : setup_(std::move(setup)), log_(log) {
  if (setup_.socket.empty()) return;
  socket_.reset(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket_.is_open()) give_up("socket", errno);
  if (setup_.watchdog) next_sign_ = Clock::now();
}

void Notifier::tend(TimePoint now, const ServiceReport& report) {
  if (phase_ == Phase::starting && (report.complete || setup_.was_ready)) {
    phase_ = Phase::ready;
    say(setup_.tells_pid ? "READY=1\nMAINPID=" + std::to_string(::getpid()) : "READY=1");
    if (setup_.on_ready) setup_.on_ready();
  }
  if (!socket_.is_open()) return;
  std::string status = status_text(report);
  if (status != last_status_) {
    last_status_ = std::move(status);
    say("STATUS=" + last_status_);
  }
  // The manager's clock ran while this server was stopped.
  const bool resumed = std::exchange(lost_, Clock::lost()) != Clock::lost();
  if (next_sign_ && (*next_sign_ <= now || resumed)) {
    next_sign_ = now + std::chrono::duration_cast<Clock::duration>(*setup_.watchdog / 2);
    say("WATCHDOG=1");
  }
  flush();
}

std::optional<TimePoint> Notifier::next_deadline() const noexcept {
  if (unsent_.empty()) return next_sign_;
  const TimePoint retry = Clock::now() + kRetryPause;
  return next_sign_ ? std::min(*next_sign_, retry) : retry;
}

void Notifier::reload_began() {
  if (phase_ != Phase::ready) return;
  phase_ = Phase::reloading;
  const std::uint64_t now_us = ipc::monotonic_ns() / 1000;
  say("RELOADING=1\nMONOTONIC_USEC=" + std::to_string(now_us) + (next_sign_ ? "\nWATCHDOG=1" : ""));
}

void Notifier::reload_ended() {
  if (phase_ != Phase::reloading) return;
  phase_ = Phase::ready;
  say("READY=1");
}

void Notifier::stopping() {
  if (std::exchange(phase_, Phase::stopping) != Phase::stopping) say("STOPPING=1");
}

// Sent at once, unless an earlier message is still waiting. Of statuses and watchdog messages only the last one counts.
void Notifier::say(std::string assignments) {
  if (!socket_.is_open()) return;
  for (const std::string_view kind : {"STATUS=", "WATCHDOG="}) {
    if (!assignments.starts_with(kind)) continue;
    std::erase_if(unsent_, [&](const std::string& waiting) { return waiting.starts_with(kind); });
  }
  if (unsent_.size() == kMaxUnsent) unsent_.pop_front();
  unsent_.push_back(std::move(assignments));
  flush();
}

void Notifier::flush() {
  sockaddr_un address{};
  const socklen_t length = address_of(setup_.socket, address);
  while (!unsent_.empty()) {
    const std::string& text = unsent_.front();
    const ssize_t sent = length == 0 ? -1
                                     : ::sendto(socket_.get(), text.data(), text.size(), MSG_NOSIGNAL | MSG_DONTWAIT,
                                                reinterpret_cast<const sockaddr*>(&address), length);
    const int error = length == 0 ? EAFNOSUPPORT : errno;
    if (sent == -1 && (error == EAGAIN || error == ENOBUFS || error == EINTR)) return;
    if (sent == -1) give_up("sendto", error);
    unsent_.pop_front();
  }
}

void Notifier::give_up(std::string_view call, int error) {
  if (std::exchange(gave_up_, true)) return;
  log_.warning("the service manager can't be notified: " + std::string(call) + " NOTIFY_SOCKET " +
               base::escape_untrusted(setup_.socket, sizeof(sockaddr_un::sun_path)) + ": " + std::strerror(error));
}

}  // namespace prefork::master
