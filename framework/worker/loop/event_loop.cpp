#include "framework/worker/loop/event_loop.hpp"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <climits>
#include <mutex>
#include <string>
#include <utility>

#include "ipc/posix/syscall.hpp"

namespace prefork::worker {

namespace {

constexpr std::uint64_t kForEver = UINT64_MAX;
constexpr std::uint64_t kLateNs = 250'000'000;
constexpr std::uint64_t kLateForNs = 500'000'000;

}  // namespace

/// What is posted, and the descriptor that wakes the loop for it.
class EventLoop::Mailbox final : public EventHandler {
 public:
  explicit Mailbox(EventLoop& loop) : loop_(loop) {}
  // What is destroyed may post more.
  ~Mailbox() {
    while (!waiting_.empty()) std::exchange(waiting_, {}).clear();
  }

  void post(std::unique_ptr<Posted> work) {
    const std::lock_guard lock(mutex_);
    if (!wake_.is_open()) open();
    waiting_.push_back(std::move(work));
    if (waiting_.size() > 1) return;  // the first wakes the loop for all
    const std::uint64_t one = 1;
    [[maybe_unused]] const ssize_t n = ::write(wake_.get(), &one, sizeof one);  // has room: on_events() reads it
  }

 private:
  // At the first use: most workers have no threads.
  void open() {
    ipc::UniqueFd fd(ipc::check_syscall(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC), "eventfd"));
    loop_.add(fd.get(), EPOLLIN, *this);  // epoll_ctl(2) may be called while the loop waits
    wake_ = std::move(fd);
  }

  void on_events(std::uint32_t) override {
    std::uint64_t count = 0;
    std::vector<std::unique_ptr<Posted>> taken;
    {
      const std::lock_guard lock(mutex_);
      [[maybe_unused]] const ssize_t n = ::read(wake_.get(), &count, sizeof count);
      taken.swap(waiting_);
    }
    for (std::unique_ptr<Posted>& work : taken) {
      loop_.begin_work();
      work->run_posted();
      work.reset();
    }
  }

  EventLoop& loop_;
  ipc::UniqueFd wake_;
  std::mutex mutex_;
  std::vector<std::unique_ptr<Posted>> waiting_;
};

EventLoop::EventLoop()
    : epoll_(ipc::check_syscall(::epoll_create1(EPOLL_CLOEXEC), "epoll_create1")),
      now_ns_(ipc::monotonic_ns()),
      ran_ns_(clock_.look(now_ns_)),
      timers_(now_ms()),
      mailbox_(std::make_unique<Mailbox>(*this)) {}

// While the rest is there: work that never ran may have to forget what it asked for.
EventLoop::~EventLoop() { mailbox_.reset(); }

void EventLoop::add(int fd, std::uint32_t events, EventHandler& handler) {
  epoll_event event{.events = events, .data = {.ptr = &handler}};
  if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) == -1) {
    ipc::throw_errno("epoll_ctl EPOLL_CTL_ADD " + std::to_string(fd));
  }
}

void EventLoop::modify(int fd, std::uint32_t events, EventHandler& handler) {
  epoll_event event{.events = events, .data = {.ptr = &handler}};
  if (::epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, fd, &event) == -1) {
    ipc::throw_errno("epoll_ctl EPOLL_CTL_MOD " + std::to_string(fd));
  }
}

void EventLoop::remove(int fd) noexcept { ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr); }

void EventLoop::defer(Deferred& deferred) {
  if (std::exchange(deferred.queued_, true)) return;
  deferred_.push_back(&deferred);
}

void EventLoop::forget(Deferred& deferred) noexcept {
  if (!std::exchange(deferred.queued_, false)) return;
  std::replace(deferred_.begin(), deferred_.end(), &deferred, static_cast<Deferred*>(nullptr));
  std::replace(running_.begin(), running_.end(), &deferred, static_cast<Deferred*>(nullptr));
}

void EventLoop::dispose(std::unique_ptr<Disposable> object) { garbage_.push_back(std::move(object)); }

void EventLoop::destroy_disposed() noexcept {
  // Destructors may dispose of more objects.
  while (!garbage_.empty()) {
    disposing_.swap(garbage_);
    disposing_.clear();
  }
}

void EventLoop::post(std::unique_ptr<Posted> work) { mailbox_->post(std::move(work)); }

int EventLoop::wait_ms() noexcept {
  if (!deferred_.empty()) return 0;
  const auto next = timers_.next_tick();
  if (!next) return -1;
  const std::uint64_t now = now_ms();
  return *next <= now ? 0 : static_cast<int>(std::min<std::uint64_t>(*next - now, INT_MAX));
}

void EventLoop::refresh_clock(std::uint64_t waited_ms) noexcept {
  now_ns_ = ipc::monotonic_ns();
  clock_.allow(waited_ms == kForEver ? ipc::RunningClock::kForEver : waited_ms * 1'000'000);
  ran_ns_ = clock_.look(now_ns_);
}

void EventLoop::turn() {
  std::array<epoll_event, 256> events;
  begin_wait();
  if (load_ != nullptr) load_->begin_wait(ipc::monotonic_ns());
  const int wait = wait_ms();
  const int count = ::epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), wait);
  if (count == -1 && errno != EINTR) ipc::throw_errno("epoll_wait");
  const std::uint64_t last_ns = now_ns_;
  refresh_clock(wait == -1 ? kForEver : static_cast<std::uint64_t>(wait));
  if (now_ns_ - last_ns >= kLateNs) late_until_ns_ = now_ns_ + kLateForNs;
  if (load_ != nullptr) load_->begin_busy(now_ns_);
  for (int i = 0; i < count; ++i) {
    begin_work();
    const epoll_event& event = events[static_cast<std::size_t>(i)];
    static_cast<EventHandler*>(event.data.ptr)->on_events(event.events);
  }
  begin_work();
  timers_.advance(now_ms());
  running_.swap(deferred_);
  for (Deferred* deferred : running_) {
    if (deferred == nullptr) continue;
    deferred->queued_ = false;
    begin_work();
    deferred->run_deferred();
  }
  running_.clear();
  destroy_disposed();
}

}  // namespace prefork::worker
