// Compares the shared objects of ipc/ with their usual alternatives, in one run on one machine.
//
//   prefork-ipc-bench [--rounds N] [--messages N] [--only messages|trips|topic|single|idle]
//
// Kinds and cases take turns, round by round; it prints medians with the least and the greatest. Ratios compare results
// of the same round. Every message is copied out, even if it could be read in place. Each process ends by itself, by an
// alarm, or with this program.
#include <fcntl.h>
#include <linux/futex.h>
#include <mqueue.h>
#include <pthread.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <boost/interprocess/ipc/message_queue.hpp>
#include <cerrno>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "ipc/memory/shared_memory.hpp"
#include "ipc/objects/event.hpp"
#include "ipc/objects/message_queue.hpp"
#include "ipc/objects/metrics.hpp"
#include "ipc/objects/semaphore.hpp"
#include "ipc/objects/sleeper.hpp"
#include "ipc/objects/table.hpp"
#include "ipc/objects/topic.hpp"
#include "ipc/objects/wakeup.hpp"
#include "ipc/posix/syscall.hpp"

#include <prefork/metrics.hpp>

namespace prefork::bench {
namespace {

using ipc::check_syscall;
using Bytes = std::span<std::byte>;
using ConstBytes = std::span<const std::byte>;

constexpr std::size_t kSlots = 64;
constexpr std::uint32_t kQueueLength = 1024;
constexpr unsigned kAlarmSeconds = 60;
constexpr std::uint64_t kStop = UINT64_MAX;

[[noreturn]] void fail(const std::string& what) {
  std::fprintf(stderr, "prefork-ipc-bench: %s\n", what.c_str());
  std::_Exit(1);
}

std::uint64_t clock_ns(clockid_t clock) {
  timespec now{};
  ::clock_gettime(clock, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<std::uint64_t>(now.tv_nsec);
}
std::uint64_t cpu_ns() { return clock_ns(CLOCK_PROCESS_CPUTIME_ID); }
std::uint64_t wall_ns() { return clock_ns(CLOCK_MONOTONIC); }
void sleep_us(long us) {
  const timespec time{.tv_sec = us / 1'000'000, .tv_nsec = us % 1'000'000 * 1000};
  ::nanosleep(&time, nullptr);
}

/// The wake-ups of all processes of a run. Made once, before any fork.
const ipc::Wakeups& wakeups() {
  static const ipc::Wakeups all = ipc::Wakeups::create(kSlots);
  return all;
}
ipc::Party party(std::size_t slot) { return {ipc::owner_of(slot), &wakeups().bells()}; }

/// Memory with one object of class T in it.
template <class T>
class Made {
 public:
  explicit Made(typename T::Shape shape)
      : shape_(std::move(shape)), memory_(ipc::SharedMemory::create("bench", T::bytes(shape_, kSlots))) {
    T::check(shape_);
    T::format(memory_.data(), shape_, kSlots);
  }
  T at(std::size_t slot) const { return T(memory_.data(), shape_, kSlots, party(slot)); }

 private:
  typename T::Shape shape_;
  ipc::SharedMemory memory_;
};

/// Child processes that begin together.
class Crew {
 public:
  struct Times {
    std::uint64_t begin_ns, end_ns, cpu_ns;
    double result;
  };

  Crew() : board_(ipc::SharedMemory::create("crew", kSlots * sizeof(Times))) {
    check_syscall(::pipe(gate_), "pipe");
    check_syscall(::pipe(ready_), "pipe");
    ::alarm(kAlarmSeconds);
  }
  Crew(const Crew&) = delete;
  Crew& operator=(const Crew&) = delete;
  ~Crew() {
    for (const int fd : {gate_[0], gate_[1], ready_[0], ready_[1]}) ::close(fd);
  }

  /// Forks a process that does `work` when the gate opens. @return its number
  std::size_t add(const std::function<void(Times&)>& work) {
    const std::size_t number = pids_.size();
    const pid_t master = ::getpid();
    const pid_t pid = check_syscall(::fork(), "fork");
    if (pid == 0) run(master, work, times(number));
    pids_.push_back(pid);
    return number;
  }
  void go() {
    char byte = 0;
    for (std::size_t i = 0; i < pids_.size(); ++i) check_syscall(::read(ready_[0], &byte, 1), "read");
    ::close(std::exchange(gate_[1], -1));
  }
  void join(std::size_t number) {
    int status = 0;
    if (pids_[number] == 0) return;
    check_syscall(::waitpid(pids_[number], &status, 0), "waitpid");
    if (status != 0) fail("a process of the crew ended with status " + std::to_string(status));
    pids_[number] = 0;
  }
  void join_all() {
    for (std::size_t i = 0; i < pids_.size(); ++i) join(i);
  }
  Times& times(std::size_t number) const { return static_cast<Times*>(board_.data())[number]; }
  pid_t pid(std::size_t number) const { return pids_[number]; }
  /// From the first that began to the last that ended.
  double seconds() const {
    std::uint64_t begin = UINT64_MAX, end = 0;
    for (std::size_t i = 0; i < pids_.size(); ++i) {
      begin = std::min(begin, times(i).begin_ns);
      end = std::max(end, times(i).end_ns);
    }
    return static_cast<double>(end - begin) * 1e-9;
  }

 private:
  [[noreturn]] void run(pid_t master, const std::function<void(Times&)>& work, Times& times) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != master) ::_exit(1);
    ::alarm(kAlarmSeconds);
    ::close(gate_[1]);
    char byte = 0;
    check_syscall(::write(ready_[1], &byte, 1), "write");
    check_syscall(::read(gate_[0], &byte, 1), "read");
    times.begin_ns = wall_ns();
    const std::uint64_t cpu = cpu_ns();
    work(times);
    times.cpu_ns = cpu_ns() - cpu;
    times.end_ns = wall_ns();
    ::_exit(0);
  }

  ipc::SharedMemory board_;
  int gate_[2], ready_[2];
  std::vector<pid_t> pids_;
};

/// One direction between processes.
class Link {
 public:
  virtual ~Link() = default;
  /// Called in each process before it uses the link.
  virtual void attach(std::size_t) {}
  virtual void send(ConstBytes message) = 0;
  virtual void receive(Bytes message) = 0;
};

void expect(bool good, const char* what) {
  if (!good) fail(std::string(what) + ": " + std::strerror(errno));
}
bool whole(ssize_t n, std::size_t bytes) { return n == static_cast<ssize_t>(bytes); }

/// A pipe, or a socketpair that keeps the bounds of messages. Writes of up to 4,096 bytes are whole in both.
class FdLink final : public Link {
 public:
  explicit FdLink(bool sockets) {
    if (sockets) {
      check_syscall(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds_), "socketpair");
    } else {
      check_syscall(::pipe(fds_), "pipe");
    }
  }
  ~FdLink() override {
    for (const int fd : fds_) ::close(fd);
  }
  void send(ConstBytes message) override {
    expect(whole(::write(fds_[1], message.data(), message.size()), message.size()), "write");
  }
  void receive(Bytes message) override {
    expect(whole(::read(fds_[0], message.data(), message.size()), message.size()), "read");
  }

 private:
  int fds_[2];
};

/// A POSIX message queue of the length that any user may have.
class PosixLink final : public Link {
 public:
  explicit PosixLink(std::size_t bytes) {
    const std::string name = "/prefork-ipc-bench." + std::to_string(::getpid());
    mq_attr attributes{};
    attributes.mq_maxmsg = 10;
    attributes.mq_msgsize = static_cast<long>(bytes);
    queue_ = check_syscall(::mq_open(name.c_str(), O_CREAT | O_EXCL | O_RDWR, 0600, &attributes), "mq_open");
    ::mq_unlink(name.c_str());
  }
  ~PosixLink() override { ::mq_close(queue_); }
  void send(ConstBytes message) override {
    expect(::mq_send(queue_, reinterpret_cast<const char*>(message.data()), message.size(), 0) == 0, "mq_send");
  }
  void receive(Bytes message) override {
    const auto n = ::mq_receive(queue_, reinterpret_cast<char*>(message.data()), message.size(), nullptr);
    expect(whole(n, message.size()), "mq_receive");
  }

 private:
  mqd_t queue_;
};

class BoostLink final : public Link {
 public:
  explicit BoostLink(std::size_t bytes) {
    const std::string name = "prefork-ipc-bench." + std::to_string(::getpid());
    Queue::remove(name.c_str());
    queue_ = std::make_unique<Queue>(boost::interprocess::create_only, name.c_str(), kQueueLength, bytes);
    Queue::remove(name.c_str());
  }
  void send(ConstBytes message) override { queue_->send(message.data(), message.size(), 0); }
  void receive(Bytes message) override {
    Queue::size_type length = 0;
    unsigned priority = 0;
    queue_->receive(message.data(), message.size(), length, priority);
  }

 private:
  using Queue = boost::interprocess::message_queue;
  std::unique_ptr<Queue> queue_;
};

class OurLink final : public Link {
 public:
  explicit OurLink(std::size_t bytes) : made_({kQueueLength, static_cast<std::uint32_t>(bytes), 0}) {}
  void attach(std::size_t slot) override {
    queue_.emplace(made_.at(slot));
    sleeper_.emplace(wakeups().wait_fd(slot));
  }
  void send(ConstBytes message) override {
    expect(queue_->put(message, *sleeper_, ipc::kNoDeadline) == ipc::PutResult::done, "put");
  }
  void receive(Bytes message) override {
    const auto taken = queue_->get(*sleeper_, ipc::kNoDeadline);
    expect(taken.has_value(), "get");
    std::memcpy(message.data(), taken->bytes.data(), taken->bytes.size());
    queue_->ack(taken->sequence);
  }

 private:
  Made<ipc::MessageQueue> made_;
  std::optional<ipc::MessageQueue> queue_;
  std::optional<ipc::BellSleeper> sleeper_;
};

/// The limit: a ring for one writer and one reader that sleep on a futex, with nothing that survives a kill.
class RingLink final : public Link {
 public:
  explicit RingLink(std::size_t bytes)
      : bytes_(bytes),
        memory_(ipc::SharedMemory::create("ring", sizeof(Control) + kQueueLength * bytes)),
        control_(static_cast<Control*>(memory_.data())),
        slots_(static_cast<std::byte*>(memory_.data()) + sizeof(Control)) {}

  void send(ConstBytes message) override {
    const std::uint32_t at = control_->written.load(std::memory_order_relaxed);
    wait_while(control_->read, control_->writer_waits, at - kQueueLength);
    std::memcpy(slot(at), message.data(), bytes_);
    advance(control_->written, control_->reader_waits, at);
  }
  void receive(Bytes message) override {
    const std::uint32_t at = control_->read.load(std::memory_order_relaxed);
    wait_while(control_->written, control_->reader_waits, at);
    std::memcpy(message.data(), slot(at), bytes_);
    advance(control_->read, control_->writer_waits, at);
  }

 private:
  using Word = std::atomic<std::uint32_t>;
  struct Control {
    alignas(64) Word written;
    alignas(64) Word read;
    alignas(64) Word reader_waits;
    alignas(64) Word writer_waits;
  };

  std::byte* slot(std::uint32_t at) const { return slots_ + at % kQueueLength * bytes_; }
  static void futex(Word& word, int operation, std::uint32_t value) {
    ::syscall(SYS_futex, &word, operation, value, nullptr, nullptr, 0);
  }
  static void wait_while(Word& word, Word& waits, std::uint32_t value) {
    while (word.load() == value) {
      waits.store(1);
      futex(word, FUTEX_WAIT, value);
      waits.store(0);
    }
  }
  static void advance(Word& word, Word& waits, std::uint32_t at) {
    word.store(at + 1);
    if (waits.load() != 0) futex(word, FUTEX_WAKE, 1);
  }

  std::size_t bytes_;
  ipc::SharedMemory memory_;
  Control* control_;
  std::byte* slots_;
};

enum class Kind { pipe, seqpacket, posix, boost, ours, ring };
constexpr std::array kKinds{Kind::pipe, Kind::seqpacket, Kind::posix, Kind::boost, Kind::ours, Kind::ring};

const char* name_of(Kind kind) {
  constexpr std::array names{"pipe", "socketpair", "POSIX mq", "Boost mq", "MessageQueue", "bare ring"};
  return names[static_cast<std::size_t>(kind)];
}

std::unique_ptr<Link> make_link(Kind kind, std::size_t bytes) {
  switch (kind) {
    case Kind::pipe:
    case Kind::seqpacket:
      return std::make_unique<FdLink>(kind == Kind::seqpacket);
    case Kind::posix:
      return std::make_unique<PosixLink>(bytes);
    case Kind::boost:
      return std::make_unique<BoostLink>(bytes);
    case Kind::ours:
      return std::make_unique<OurLink>(bytes);
    case Kind::ring:
      break;
  }
  return std::make_unique<RingLink>(bytes);
}

/// A message with a number in it.
class Letter {
 public:
  explicit Letter(std::size_t bytes) : bytes_(bytes) {}
  Bytes bytes() { return bytes_; }
  ConstBytes numbered(std::uint64_t number) {
    std::memcpy(bytes_.data(), &number, sizeof number);
    return bytes_;
  }
  std::uint64_t number() const {
    std::uint64_t number = 0;
    std::memcpy(&number, bytes_.data(), sizeof number);
    return number;
  }

 private:
  std::vector<std::byte> bytes_;
};

/// Messages a second through one link.
double throughput(Kind kind, std::size_t each, std::size_t bytes, std::uint64_t messages) {
  const auto link = make_link(kind, bytes);
  Crew crew;
  for (std::size_t i = 0; i < each; ++i) {
    crew.add([&, i](Crew::Times& times) {
      link->attach(each + i);
      Letter letter(bytes);
      std::uint64_t got = 0;
      for (;; ++got) {
        link->receive(letter.bytes());
        if (letter.number() == kStop) break;
      }
      times.result = static_cast<double>(got);
    });
  }
  for (std::size_t i = 0; i < each; ++i) {
    crew.add([&, i](Crew::Times&) {
      link->attach(i);
      Letter letter(bytes);
      for (std::uint64_t n = 0; n < messages / each; ++n) link->send(letter.numbered(n));
    });
  }
  crew.go();
  for (std::size_t i = each; i < 2 * each; ++i) crew.join(i);
  link->attach(2 * each);
  Letter letter(bytes);
  for (std::size_t i = 0; i < each; ++i) link->send(letter.numbered(kStop));
  crew.join_all();
  double got = 0;
  for (std::size_t i = 0; i < each; ++i) got += crew.times(i).result;
  const auto sent = static_cast<double>(messages / each * each);
  if (std::abs(got - sent) > 0.5) fail(std::string(name_of(kind)) + " lost messages");
  return got / crew.seconds();
}

/// Microseconds there and back.
double round_trip(Kind kind, std::size_t bytes, std::uint64_t times) {
  const auto there = make_link(kind, bytes), back = make_link(kind, bytes);
  Crew crew;
  for (const bool first : {true, false}) {
    crew.add([&, first](Crew::Times&) {
      there->attach(first ? 0 : 1);
      back->attach(first ? 0 : 1);
      Letter letter(bytes);
      for (std::uint64_t n = 0; n < times; ++n) {
        if (first) there->send(letter.numbered(n));
        (first ? back : there)->receive(letter.bytes());
        if (!first) back->send(letter.numbered(n));
      }
    });
  }
  crew.go();
  crew.join_all();
  return crew.seconds() * 1e6 / static_cast<double>(times);
}

/// `woken`: they sleep, and are only woken: what the kernel's part of it costs.
enum class Subscribers { none, poll, sleep, follow, woken };

void subscribe(const Made<ipc::Topic>& made, Subscribers how, std::size_t slot, const std::atomic<bool>& over) {
  const ipc::Topic topic = made.at(slot);
  ipc::BellSleeper sleeper(wakeups().wait_fd(slot));
  if (how == Subscribers::sleep ||
      how == Subscribers::woken) {  // at once, so that the publisher does not wait long for it to be asleep
    for (int i = 0; i < 20; ++i) sleeper.spin.did_not_help();
  }
  auto cursor = topic.join();
  std::vector<std::byte> buffer(topic.shape().message_bytes);
  const auto poll = [&] { return topic.poll(cursor, buffer).what != ipc::Topic::Polled::none || over.load(); };
  while (!over.load(std::memory_order_relaxed)) {
    if (how == Subscribers::poll) {
      poll();
    } else {
      ipc::wait_for(topic.waiting(), party(slot), sleeper, ipc::kNoDeadline, poll);
    }
  }
}

/// CPU of the publisher alone, in nanoseconds a message. `sleep` and `woken`: each finds all subscribers asleep.
double publish_cpu(Subscribers how, std::uint64_t messages) {
  constexpr std::size_t kSubscribers = 4;
  const Made<ipc::Topic> made({kQueueLength, 64});
  const auto shared = ipc::SharedMemory::create("over", sizeof(std::atomic<bool>));
  auto& over = *static_cast<std::atomic<bool>*>(shared.data());
  Crew crew;
  const std::size_t publisher = crew.add([&](Crew::Times& times) {
    const ipc::Topic topic = made.at(0);
    Letter letter(64);
    const bool one_by_one = how == Subscribers::sleep || how == Subscribers::woken;
    const auto asleep = [&] { return topic.waiting().count() == kSubscribers; };
    std::uint64_t spent = 0;
    std::uint64_t before = cpu_ns();
    const std::uint64_t empty = cpu_ns() - before;  // what asking costs
    for (std::uint64_t n = 0; n < messages; ++n) {
      if (one_by_one) {
        while (!asleep()) sleep_us(20);
        sleep_us(50);  // announced, and now really asleep
        before = cpu_ns();
      }
      how == Subscribers::woken ? topic.waiting().wake_all(wakeups().bells())
                                : static_cast<void>(topic.publish(letter.numbered(n)));
      if (one_by_one) spent += std::max(cpu_ns() - before, empty) - empty;
    }
    if (!one_by_one) spent = cpu_ns() - before;
    times.result = static_cast<double>(spent) / static_cast<double>(messages);
    over.store(true);
    topic.waiting().wake_all(wakeups().bells());
    for (std::size_t i = 0; i < kSlots; ++i) wakeups().bells().ring(i);
  });
  for (std::size_t i = 1; i <= kSubscribers && how != Subscribers::none; ++i) {
    crew.add([&, i](Crew::Times&) { subscribe(made, how, i, over); });
  }
  crew.go();
  crew.join_all();
  return crew.times(publisher).result;
}

/// CPU nanoseconds of one turn of `f`, in this process.
template <class F>
double each(std::uint64_t times, F f) {
  for (std::uint64_t i = 0; i < times / 10; ++i) f(i);
  const std::uint64_t before = cpu_ns();
  for (std::uint64_t i = 0; i < times; ++i) f(i);
  return static_cast<double>(cpu_ns() - before) / static_cast<double>(times);
}

/// The public counter, as a service uses it; its worker's word is what the runtime gives it.
class PublicCounter final : public Counter {
 public:
  explicit PublicCounter(std::atomic<std::uint64_t>* cell) : Counter(cell) {}
};

using Results = std::map<std::string, std::vector<double>>;

template <class T>
void keep(const T& value) {
  asm volatile("" : : "g"(&value) : "memory");
}

void measure_numbers(Results& results) {
  constexpr std::uint64_t kTimes = 2'000'000;
  const Made<ipc::SharedCounter> made_counter({});
  const ipc::SharedCounter counter = made_counter.at(1);
  PublicCounter public_counter(&counter.own());
  const Made<ipc::SharedHistogram> made_histogram({});
  const ipc::SharedHistogram histogram = made_histogram.at(1);
  results["counter add (public)"].push_back(each(kTimes, [&](std::uint64_t) { public_counter.add(); }));
  results["counter add (ipc)"].push_back(each(kTimes, [&](std::uint64_t) { counter.add(); }));
  results["counter value, 64 slots"].push_back(each(kTimes / 50, [&](std::uint64_t) { keep(counter.value()); }));
  results["histogram record"].push_back(each(kTimes, [&](std::uint64_t i) { histogram.record(i & 0xffff); }));
}

/// The alternatives for a lock that survives its holder.
double robust_mutex() {
  const auto memory = ipc::SharedMemory::create("mutex", sizeof(pthread_mutex_t));
  auto* mutex = static_cast<pthread_mutex_t*>(memory.data());
  pthread_mutexattr_t attributes;
  ::pthread_mutexattr_init(&attributes);
  ::pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
  ::pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
  ::pthread_mutex_init(mutex, &attributes);
  ::pthread_mutexattr_destroy(&attributes);
  return each(500'000, [&](std::uint64_t) {
    ::pthread_mutex_lock(mutex);
    ::pthread_mutex_unlock(mutex);
  });
}

void measure_locks(Results& results) {
  constexpr std::uint64_t kTimes = 500'000;
  const Made<ipc::Semaphore> made_mutex({1}), made_semaphore({16});
  const Made<ipc::Event> made_event({});
  ipc::Semaphore mutex = made_mutex.at(1), semaphore = made_semaphore.at(1);
  ipc::Event event = made_event.at(1);
  ipc::BellSleeper sleeper(wakeups().wait_fd(1));
  results["mutex lock and unlock"].push_back(
      each(kTimes, [&](std::uint64_t) { mutex.release(*mutex.acquire(sleeper, ipc::kNoDeadline)); }));
  results["mutex: pthread, robust and shared"].push_back(robust_mutex());
  results["semaphore of 16: acquire and release"].push_back(
      each(kTimes, [&](std::uint64_t) { semaphore.release(*semaphore.acquire(sleeper, ipc::kNoDeadline)); }));
  results["event set and clear"].push_back(each(kTimes, [&](std::uint64_t) {
    event.set();
    event.clear();
  }));
  results["event is set"].push_back(each(kTimes, [&](std::uint64_t) { keep(event.is_set()); }));
}

void measure_queue_alone(Results& results) {
  constexpr std::uint64_t kTimes = 500'000;
  Letter letter(64);
  const auto there_and_back = [&](Link& link) {
    return each(kTimes, [&](std::uint64_t n) {
      link.send(letter.numbered(n));
      link.receive(letter.bytes());
    });
  };
  OurLink ours(64);
  ours.attach(1);
  BoostLink boost(64);
  results["queue put, get and ack, alone"].push_back(there_and_back(ours));
  results["queue: Boost mq send and receive, alone"].push_back(there_and_back(boost));
  const Made<ipc::Topic> made({kQueueLength, 64});
  const ipc::Topic topic = made.at(1);
  results["topic publish, nobody listens"].push_back(
      each(kTimes, [&](std::uint64_t n) { topic.publish(letter.numbered(n)); }));
}

void measure_table(Results& results) {
  constexpr std::uint64_t kTimes = 200'000;
  constexpr std::size_t kRows = 1000;
  const Made<ipc::Table> made(
      {1024, 64, {{"visits", ipc::ColumnType::integer, 0}, {"name", ipc::ColumnType::text, 32}}});
  ipc::Table table = made.at(1);
  std::vector<std::string> keys;
  for (std::size_t i = 0; i < kRows; ++i) keys.push_back("user/" + std::to_string(i * 7919));
  const ipc::Row row{std::int64_t{1}, std::string("somebody")};
  ipc::Row read;
  results["table set"].push_back(each(kTimes, [&](std::uint64_t i) { table.set(keys[i % kRows], row); }));
  results["table get"].push_back(each(kTimes, [&](std::uint64_t i) { table.get(keys[i % kRows], read); }));
  results["table incr"].push_back(each(kTimes, [&](std::uint64_t i) { table.incr(keys[i % kRows], 0, 1); }));
}

std::uint64_t run_time_ns(pid_t pid) {
  const std::string path = "/proc/" + std::to_string(pid) + "/schedstat";
  std::FILE* file = std::fopen(path.c_str(), "r");
  if (file == nullptr) fail("no " + path);
  unsigned long long ns = 0;
  const int got = std::fscanf(file, "%llu", &ns);
  std::fclose(file);
  if (got != 1) fail("nothing in " + path);
  return ns;
}

/// CPU nanoseconds that eight processes spend in two seconds of waiting for a queue.
double idle_cpu() {
  constexpr std::size_t kWaiters = 8;
  const Made<ipc::MessageQueue> made({kQueueLength, 64, 0});
  Crew crew;
  for (std::size_t i = 0; i < kWaiters; ++i) {
    crew.add([&, i](Crew::Times&) {
      ipc::MessageQueue queue = made.at(i);
      ipc::BellSleeper sleeper(wakeups().wait_fd(i));
      queue.get(sleeper, ipc::kNoDeadline);
    });
  }
  crew.go();
  ipc::MessageQueue queue = made.at(kWaiters);
  while (queue.getters().count() < kWaiters) sleep_us(1000);
  sleep_us(200'000);
  const auto all = [&] {
    std::uint64_t sum = 0;
    for (std::size_t i = 0; i < kWaiters; ++i) sum += run_time_ns(crew.pid(i));
    return sum;
  };
  const std::uint64_t before = all();
  sleep_us(2'000'000);
  const std::uint64_t spent = all() - before;
  queue.close();
  crew.join_all();
  return static_cast<double>(spent);
}

// Telling.

struct Spread {
  double least, median, greatest;
};
Spread spread(std::vector<double> values) {
  if (values.empty()) return {NAN, NAN, NAN};
  std::sort(values.begin(), values.end());
  return {values.front(), values[values.size() / 2], values.back()};
}

void tell(const char* title, const char* unit, const Results& results) {
  if (results.empty()) return;
  std::printf("\n%-42s %14s %14s %14s   %s\n", title, "median", "least", "greatest", unit);
  for (const auto& [name, values] : results) {
    const Spread s = spread(values);
    const int digits = s.median < 1000 ? 2 : 0;
    std::printf("%-42s %14.*f %14.*f %14.*f\n", name.c_str(), digits, s.median, digits, s.least, digits, s.greatest);
  }
}

/// A demand on a figure, or on the ratio of two.
class Targets {
 public:
  void at_most(const std::string& what, const std::vector<double>& values, double most) {
    tell_one(what, values, "at most", most, spread(values).median <= most);
  }
  void at_least(const std::string& what, const std::vector<double>& values, double least) {
    tell_one(what, values, "at least", least, spread(values).median >= least);
  }

 private:
  void tell_one(const std::string& what, const std::vector<double>& values, const char* sense, double bound, bool met) {
    if (values.empty()) return;
    if (!std::exchange(begun_, true)) std::printf("\n%-60s %9s %19s %14s\n", "target", "median", "spread", "demanded");
    const Spread s = spread(values);
    std::printf("%-60s %9.2f %9.2f-%9.2f %8s %5.2f  %s\n", what.c_str(), s.median, s.least, s.greatest, sense, bound,
                met ? "met" : "MISSED");
  }
  bool begun_ = false;
};

std::vector<double> ratios(Results& results, const std::string& above, const std::string& below) {
  std::vector<double> all;
  const std::vector<double>&over = results[above], &under = results[below];
  for (std::size_t i = 0; i < std::min(over.size(), under.size()); ++i) all.push_back(over[i] / under[i]);
  return all;
}

std::string case_of(std::size_t each_side, std::size_t bytes, Kind kind) {
  const std::string side = std::to_string(each_side);
  return std::to_string(bytes) + " bytes, " + side + ":" + side + ", " + name_of(kind);
}

constexpr std::array<std::string_view, 5> kParts{"messages", "trips", "topic", "single", "idle"};

struct Arguments {
  unsigned rounds = 5;
  std::uint64_t messages = 400'000;
  std::string only;

  bool wants(const char* part) const { return only.empty() || only == part; }
};

Arguments parse(int argc, char** argv) {
  Arguments arguments;
  for (int i = 1; i < argc; i += 2) {
    const std::string key = argv[i];
    const std::string value = i + 1 < argc ? argv[i + 1] : "";
    if (key == "--rounds" && !value.empty()) {
      arguments.rounds = static_cast<unsigned>(std::clamp(std::atoi(value.c_str()), 1, 99));
    } else if (key == "--messages" && !value.empty()) {
      arguments.messages = static_cast<std::uint64_t>(std::clamp(std::atol(value.c_str()), 1000L, 10'000'000L));
    } else if (key == "--only" && std::find(kParts.begin(), kParts.end(), value) != kParts.end()) {
      arguments.only = value;
    } else {
      std::fprintf(stderr, "prefork-ipc-bench [--rounds N] [--messages N] [--only messages|trips|topic|single|idle]\n");
      std::exit(64);
    }
  }
  return arguments;
}

struct All {
  Results messages, trips, topic, single, idle;
};

void measure_speed(const Arguments& arguments, Kind kind, std::size_t bytes, Results& results) {
  // Those that enter the kernel for each message take long enough with fewer.
  const bool quick = kind == Kind::boost || kind == Kind::ours || kind == Kind::ring;
  const std::uint64_t messages = quick ? arguments.messages : arguments.messages / 4;
  for (const std::size_t each_side : {std::size_t{1}, std::size_t{4}}) {
    if (kind == Kind::ring && each_side > 1) continue;
    results[case_of(each_side, bytes, kind)].push_back(throughput(kind, each_side, bytes, messages));
  }
}

void measure_round(const Arguments& arguments, All& all) {
  for (const std::size_t bytes : {std::size_t{64}, std::size_t{1024}}) {
    for (const Kind kind : kKinds) {
      if (arguments.wants("messages")) measure_speed(arguments, kind, bytes, all.messages);
      if (arguments.wants("trips")) {
        all.trips[case_of(1, bytes, kind)].push_back(round_trip(kind, bytes, arguments.messages / 40));
      }
    }
  }
  if (arguments.wants("topic")) {
    const std::uint64_t n = arguments.messages;
    all.topic["nobody listens"].push_back(publish_cpu(Subscribers::none, n) / 1000);
    all.topic["4 that poll all the time"].push_back(publish_cpu(Subscribers::poll, n) / 1000);
    all.topic["4 that follow, asleep when there is nothing"].push_back(publish_cpu(Subscribers::follow, n) / 1000);
    all.topic["4 that all sleep, each time"].push_back(publish_cpu(Subscribers::sleep, n / 400) / 1000);
    all.topic["nothing published, 4 sleepers woken"].push_back(publish_cpu(Subscribers::woken, n / 400) / 1000);
  }
  if (arguments.wants("single")) {
    measure_numbers(all.single);
    measure_locks(all.single);
    measure_queue_alone(all.single);
    measure_table(all.single);
  }
  if (arguments.wants("idle")) all.idle["8 processes asleep on a queue for 2 s"].push_back(idle_cpu());
}

void tell_targets(All& all) {
  Targets targets;
  const auto speed = [&](std::size_t each_side, std::size_t bytes, Kind other) {
    return ratios(all.messages, case_of(each_side, bytes, Kind::ours), case_of(each_side, bytes, other));
  };
  targets.at_least("1:1, 64 bytes, messages/s to Boost's", speed(1, 64, Kind::boost), 1.0);
  targets.at_least("1:1, 64 bytes, messages/s to a pipe's", speed(1, 64, Kind::pipe), 1.5);
  targets.at_least("4:4, 64 bytes, messages/s to Boost's", speed(4, 64, Kind::boost), 2.0);
  targets.at_least("1:1, 1,024 bytes, messages/s to Boost's", speed(1, 1024, Kind::boost), 2.0);
  targets.at_least("4:4, 1,024 bytes, messages/s to Boost's", speed(4, 1024, Kind::boost), 2.0);
  targets.at_most("round trip, 64 bytes, to a pipe's",
                  ratios(all.trips, case_of(1, 64, Kind::ours), case_of(1, 64, Kind::pipe)), 1.0);
  targets.at_most("counter add (public), ns", all.single["counter add (public)"], 3);
  targets.at_most("mutex lock and unlock, ns", all.single["mutex lock and unlock"], 50);
  for (const char* how : {"4 that poll all the time", "4 that follow, asleep when there is nothing"}) {
    targets.at_most("publish, CPU us, " + std::string(how), all.topic[how], 1.5);
  }
  targets.at_most("publish, CPU us, 4 that all sleep, each time", all.topic["4 that all sleep, each time"], 1.5);
  targets.at_most("idle waiters' CPU, ns", all.idle["8 processes asleep on a queue for 2 s"], 0);
}

int run(int argc, char** argv) {
  const Arguments arguments = parse(argc, argv);
  wakeups();
  All all;
  for (unsigned i = 0; i < arguments.rounds; ++i) measure_round(arguments, all);
  tell("messages through one link", "messages/s", all.messages);
  tell("there and back", "us", all.trips);
  tell("topic: one publication of 64 bytes", "us CPU of the publisher", all.topic);
  tell("one process", "ns CPU", all.single);
  tell("waiting", "ns CPU of all", all.idle);
  tell_targets(all);
  return 0;
}

}  // namespace
}  // namespace prefork::bench

int main(int argc, char** argv) { return prefork::bench::run(argc, argv); }
