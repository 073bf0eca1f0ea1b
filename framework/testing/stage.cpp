#include "framework/testing/stage.hpp"

#include <sys/epoll.h>
#include <sys/socket.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <stdexcept>
#include <utility>

#include "framework/config/secret.hpp"
#include "framework/config/service_options.hpp"
#include "framework/worker/net/stream_connection.hpp"
#include "framework/worker/service/detached.hpp"
#include "ipc/posix/syscall.hpp"

namespace prefork::testkit {

/// Makes protocols as a worker does.
class ProtocolMaker {
 public:
  static std::unique_ptr<worker::Protocol> make(worker::ServiceHost& host) {
    const std::array<worker::ServiceHost*, 1> sharing{&host};
    return host.service().make_protocol(sharing);
  }
};

namespace {

constexpr std::size_t kSlots = 4;
constexpr std::chrono::seconds kPatience{10};
const std::string kName = "service";

ipc::Scoreboard with_a_worker() {
  ipc::Scoreboard board = ipc::Scoreboard::create(kSlots);
  board.assign(0);
  return board;
}

/// How one of the service's hooks has ended.
struct Ending {
  bool ended = false;
  std::exception_ptr error;
};

worker::Detached watch(Task<void> hook, Ending& ending) {
  try {
    co_await std::move(hook);
  } catch (...) {
    ending.error = std::current_exception();
  }
  ending.ended = true;
}

worker::ChannelSetup::End end_of(const master::ChannelEnd& end) { return {end.pool, end.index}; }

}  // namespace

ServiceTester::Stage::Stage(const Manifest& manifest, ServiceKind kind, std::unique_ptr<ServiceBase> service,
                            const Options& options)
    : board_(with_a_worker()),
      wakeups_(ipc::Wakeups::create(kSlots)),
      runtime_(board_.slot(0), *this),
      waits_(runtime_, {ipc::owner_of(0), &wakeups_.bells()}),
      service_(std::move(service)) {
  if (kind == ServiceKind::blocking) throw std::invalid_argument("a BlockingService can't be run in a test's process");
  share(manifest, kind, options);
  start();
  protocol_ = ProtocolMaker::make(*host_);
}

// Ends like a worker: every coroutine is told, and gets a moment to finish.
ServiceTester::Stage::~Stage() {
  try {
    drain();
    run_until([&] { return runtime_.idle(); }, "the service's connections and coroutines to end");
    stop();
  } catch (const std::exception& error) {
    std::fprintf(stderr, "prefork::testkit: %s\n", error.what());
    std::abort();  // whatever still waits would use what is about to be destroyed
  }
}

// Does what the master does before it forks a worker.
void ServiceTester::Stage::share(const Manifest& manifest, ServiceKind kind, const Options& options) {
  const config::PluginReport report = config::report_of(manifest, kind, kName);
  config::ServiceOptions service;
  service.name = service.plugin = kName;
  service.origin.text = "options of the test";
  for (const auto& [name, value] : options) service.own[name] = {value, {"option " + name + " of the test"}};
  auto checked = config::check_service_options(service, report.options);
  config::read_secrets(service, report.options, checked);
  setup_.name = setup_.plugin = kName;
  setup_.options.insert(checked.begin(), checked.end());
  config::PoolOptions pool;
  pool.name = identity_.pool;
  const master::SharedPlan plan = master::plan_shared({{service, report, setup_.options}}, {pool});
  set_ = master::SharedSet::make(plan.objects, kSlots);
  const auto& objects = set_.objects();
  for (const auto& use : plan.services.at(0).objects) {
    setup_.shared.push_back({use.name, objects.at(use.object).get(), use.max_deliveries});
  }
  for (const auto& use : plan.services.at(0).channels) {
    setup_.channels.push_back({use.name, end_of(use.first), end_of(use.second), objects.at(use.to_second).get(),
                               objects.at(use.to_first).get()});
  }
  if (plan.services.at(0).signals) setup_.signals = objects.at(plan.signals.value()).get();
  host_ = std::make_unique<worker::ServiceHost>(runtime_, identity_, std::uint8_t{0}, kName, setup_.options,
                                                worker::ServiceLimits{service.idle_timeout, service.write_timeout, {}});
  shared_ = std::make_unique<worker::SharedObjects>(waits_, setup_, identity_);
  signals_ = std::make_unique<worker::Signals>(waits_, identity_, setup_.signals);
  host_->host(*service_);
  host_->share(*shared_, *signals_);
  runtime_.loop.add(wakeups_.wait_fd(0), EPOLLIN, *this);
}

void ServiceTester::Stage::start() {
  Ending ending;
  watch(service_->start(*host_), ending);
  run_until([&] { return ending.ended; }, "the service's start()");
  if (ending.error) std::rethrow_exception(ending.error);
}

void ServiceTester::Stage::stop() {
  Ending ending;
  watch(service_->stop(), ending);
  run_until([&] { return ending.ended; }, "the service's stop()");
  if (ending.error) std::rethrow_exception(ending.error);
}

int ServiceTester::Stage::connect() {
  int ends[2];
  ipc::check_syscall(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends), "socketpair");
  protocol_->open(ipc::UniqueFd(ends[0]), worker::PeerAddress());
  return ends[1];
}

void ServiceTester::Stage::turn() {
  runtime_.loop.timers().arm(moment_, runtime_.loop.tick_after(1));
  runtime_.loop.turn();
}

void ServiceTester::Stage::run_until(const std::function<bool()>& done, std::string_view what) {
  const auto end = std::chrono::steady_clock::now() + kPatience;
  while (!done()) {
    if (std::chrono::steady_clock::now() > end) throw std::runtime_error("waited too long for " + std::string(what));
    turn();
  }
}

void ServiceTester::Stage::drain() {
  runtime_.drain = worker::DrainMode::closing;
  runtime_.connections.for_each([](worker::StreamConnection& connection) { connection.on_drain(); });
  waits_.on_drain();
}

void ServiceTester::Stage::log(LogLevel, std::string_view line) { lines_.emplace_back(line); }

}  // namespace prefork::testkit
