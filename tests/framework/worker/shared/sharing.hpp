#pragma once

#include <sys/epoll.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "framework/worker/service/detached.hpp"
#include "framework/worker/shared/shared_objects.hpp"
#include "framework/worker/shared/shared_waits.hpp"
#include "framework/worker/shared/signals.hpp"
#include "ipc/objects/shared_object.hpp"
#include "tests/framework/worker/harness.hpp"
#include "tests/ipc/objects/parties.hpp"

/// Workers in one process that share objects. Each has a loop of its own, which the test turns.
namespace prefork::worker::test {

class SharingWorker final : public Harness, private EventHandler {
 public:
  SharingWorker(const prefork::test::Parties& parties, std::size_t slot, std::string pool = "main")
      : Harness(WorkerIdentity{std::move(pool), static_cast<unsigned>(slot), 1}, parties.party(slot)),
        bell_(parties.wait_fd(slot)) {
    runtime.loop.add(bell_, EPOLLIN, *this);
  }

  /// Attaches to objects as the service `setup` sees them.
  void share(const ServiceSetup& setup) {
    shared = std::make_unique<SharedObjects>(waits, setup, host.identity());
    signals = std::make_unique<Signals>(waits, host.identity(), setup.signals);
    host.share(*shared, *signals);
  }
  void run(Task<void> task) { run_detached(host, std::move(task), "test"); }
  bool idle() const { return runtime.tasks == 0; }

 private:
  void on_events(std::uint32_t) override {
    ipc::clear_bell(bell_);
    waits.on_bell();
  }

 public:
  SharedWaits& waits = services.waits();
  std::unique_ptr<SharedObjects> shared;
  std::unique_ptr<Signals> signals;

 private:
  int bell_;
};

/// Two workers and whatever objects a test declares.
struct Sharing : testing::Test {
  /// Makes an object that both know by `name`.
  ipc::SharedObject& make(std::string name, ipc::SharedShape shape, std::uint32_t max_deliveries = 0) {
    objects.push_back(std::make_unique<ipc::SharedObject>(ipc::SharedObject::create(name, shape, parties.slots())));
    setup.shared.push_back({std::move(name), objects.back().get(), max_deliveries});
    a.share(setup);
    b.share(setup);
    return *objects.back();
  }
  void TearDown() override { EXPECT_TRUE(a.idle() && b.idle()) << "the test left coroutines waiting"; }
  [[nodiscard]] bool turn_until(const std::function<bool()>& done) {
    return a.turn_until([&] {
      b.turn();
      return done();
    });
  }
  void turn_some() {
    for (int i = 0; i < 5; ++i) a.turn(), b.turn();
  }

  prefork::test::Parties parties{8};
  ServiceSetup setup{"test", "test", -1, {}, {}};
  std::vector<std::unique_ptr<ipc::SharedObject>> objects;
  SharingWorker a{parties, 0};
  SharingWorker b{parties, 1};
};

}  // namespace prefork::worker::test
