#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "framework/worker/service/detached.hpp"
#include "framework/worker/service/service_host.hpp"
#include "framework/worker/shared/shared_topic.hpp"

#include <prefork/signal.hpp>

namespace prefork::worker {

/// The signals of one worker: those that workers send each other through one topic of the server, and those that an
/// operator sends to the process. Callbacks of services run as tasks of their own.
class Signals {
 public:
  using OnSignal = std::function<Task<void>(Signal)>;
  using OnNumber = std::function<Task<void>()>;

  /// @param topic  null: no service of this worker declared that it uses signals
  Signals(SharedWaits& waits, const WorkerIdentity& identity, const ipc::SharedObject* topic);

  /// @throws std::logic_error: not declared; std::invalid_argument: a bad target; std::length_error
  bool send(std::string_view target, std::string_view name, std::string_view payload);
  void listen(ServiceHost& host, std::string name, OnSignal callback);
  void listen(ServiceHost& host, int number, OnNumber callback);

  /// SIGUSR1 or SIGUSR2 was sent to the worker.
  void on_number(int number);

 private:
  struct Named {
    ServiceHost& host;
    std::string name;
    OnSignal callback;
  };
  struct Numbered {
    ServiceHost& host;
    int number;
    OnNumber callback;
  };

  void require_topic() const;
  Detached receive(Subscription subscription);
  void deliver(const Publication& publication);

  SharedWaits& waits_;
  const WorkerIdentity& identity_;
  std::unique_ptr<SharedTopic> topic_;
  // A coroutine that a callback began may use what the callback holds: neither may move.
  std::deque<Named> named_;
  std::deque<Numbered> numbered_;
};

}  // namespace prefork::worker
