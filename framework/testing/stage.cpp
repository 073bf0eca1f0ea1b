#include "framework/testing/stage.hpp"

#include <sys/epoll.h>
#include <sys/socket.h>

#include <cstdio>
#include <cstdlib>
#include <stdexcept>
#include <utility>

#include "framework/cli/sharing.hpp"
#include "framework/config/secret.hpp"
#include "framework/config/service_options.hpp"
#include "ipc/posix/syscall.hpp"

namespace prefork::testkit {

namespace {

constexpr std::size_t kSlots = 4;
constexpr std::chrono::seconds kPatience{10};
const std::string kName = "service";

ipc::Scoreboard with_a_worker() {
  ipc::Scoreboard board = ipc::Scoreboard::create(kSlots);
  board.assign(0);
  return board;
}

config::PluginReport report_of(const Manifest& manifest, ServiceKind kind) {
  return {kind,
          kName,
          manifest.summary(),
          manifest.options(),
          manifest.shared(),
          manifest.wants_signals(),
          manifest.wants_master()};
}

}  // namespace

ServiceTester::Stage::Stage(const Manifest& manifest, ServiceKind kind, std::unique_ptr<ServiceBase> service,
                            const Options& options)
    : board_(with_a_worker()), wakeups_(ipc::Wakeups::create(kSlots)), service_(std::move(service)) {
  if (kind == ServiceKind::blocking) throw std::invalid_argument("a BlockingService can't be run in a test's process");
  assemble(manifest, kind, options);
  services_->start();
  finish_hook("the service's start()");
  protocol_ = services_->protocol_of({0});
}

// Ends like a worker: every coroutine is told, and gets a moment to finish.
ServiceTester::Stage::~Stage() {
  try {
    drain();
    run_until([&] { return services_->runtime().idle(); }, "the service's connections and coroutines to end");
    services_->stop();
    finish_hook("the service's stop()");
  } catch (const std::exception& error) {
    std::fprintf(stderr, "prefork::testkit: %s\n", error.what());
    std::abort();  // whatever still waits would use what is about to be destroyed
  }
}

// Does what the master does before it forks a worker, and the worker before it starts its services.
void ServiceTester::Stage::assemble(const Manifest& manifest, ServiceKind kind, const Options& options) {
  const config::PluginReport report = report_of(manifest, kind);
  config::ServiceOptions service;
  service.name = service.plugin = kName;
  service.origin.text = "options of the test";
  for (const auto& [name, value] : options) service.own[name] = {value, {"option " + name + " of the test"}};
  auto checked = config::check_service_options(service, report.options);
  config::read_secrets(service, report.options, checked);
  worker::ServiceSetup setup;
  setup.name = setup.plugin = kName;
  setup.options.insert(checked.begin(), checked.end());
  setup.limits = {service.idle_timeout, service.write_timeout, {}};
  config::PoolOptions pool;
  pool.name = "main";
  const master::SharedPlan plan = master::plan_shared({{service, report, setup.options}}, {pool});
  set_ = master::SharedSet::make(plan.objects, kSlots);
  cli::share(plan, set_.objects(), 0, setup);
  const ipc::Party self{ipc::owner_of(0), &wakeups_.bells()};
  services_.emplace(worker::WorkerIdentity{pool.name, 0, 1}, board_.slot(0), static_cast<worker::LogSink&>(*this), self,
                    setup.signals);
  services_->add(std::move(setup)).host(*service_);
  services_->runtime().loop.add(wakeups_.wait_fd(0), EPOLLIN, *this);
}

void ServiceTester::Stage::finish_hook(std::string_view what) {
  run_until([&] { return !services_->busy(); }, what);
  if (services_->failure()) std::rethrow_exception(services_->failure()->error);
}

int ServiceTester::Stage::connect() {
  int ends[2];
  ipc::check_syscall(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends), "socketpair");
  protocol_->open(ipc::UniqueFd(ends[0]), worker::PeerAddress());
  return ends[1];
}

void ServiceTester::Stage::turn() {
  worker::EventLoop& loop = services_->runtime().loop;
  loop.timers().arm(moment_, loop.tick_after(1));
  loop.turn();
}

void ServiceTester::Stage::run_until(const std::function<bool()>& done, std::string_view what) {
  const auto end = std::chrono::steady_clock::now() + kPatience;
  while (!done()) {
    if (std::chrono::steady_clock::now() > end) throw std::runtime_error("waited too long for " + std::string(what));
    turn();
  }
}

void ServiceTester::Stage::drain() { services_->drain(worker::DrainMode::closing); }

void ServiceTester::Stage::log(LogLevel, std::string_view line) { lines_.emplace_back(line); }

}  // namespace prefork::testkit
