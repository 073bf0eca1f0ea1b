#pragma once

#include <functional>

#include "framework/master/log/log.hpp"
#include "framework/master/loop/reactor.hpp"
#include "framework/master/workforce/crew.hpp"
#include "ipc/contract/contract.hpp"

namespace prefork::master {

/// Reads what workers send: packets on their status pipes, and lines on standard output and error. Lines go to the log,
/// as many as log-rate allows; every other message goes to the callback. Nothing here blocks, and no worker gets more
/// than its share of a turn.
class Hearing {
 public:
  /// Gets each message that is not a line for the log.
  using Said = std::function<void(WorkerRecord&, const ipc::StatusMessage&)>;

  /// @param crew, reactor, log  must outlive this object
  Hearing(Crew& crew, Reactor& reactor, Log& log, Said said)
      : crew_(crew), reactor_(reactor), log_(log), said_(std::move(said)) {}
  Hearing(const Hearing&) = delete;
  Hearing& operator=(const Hearing&) = delete;

  /// Listens to a worker of the crew from now on. @throws std::system_error
  void listen(WorkerRecord& worker);
  /// Reads what a dead worker has left in its pipes, up to a limit, and stops listening to it.
  void hear_last_words(WorkerRecord& worker);
  /// A worker has sent something that no worker sends: logs it once.
  void note_nonsense(WorkerRecord& worker);

 private:
  bool hear(WorkerRecord& worker, unsigned packets);
  bool hear_output(WorkerRecord& worker, unsigned reads);
  void heard(WorkerRecord& worker, const ipc::StatusMessage& message);
  void pass_on(WorkerRecord& worker, const ipc::StatusMessage& line);
  void tell_of_dropped_lines(WorkerRecord& worker, TimePoint now);

  Crew& crew_;
  Reactor& reactor_;
  Log& log_;
  Said said_;
};

}  // namespace prefork::master
