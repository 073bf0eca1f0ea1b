#pragma once

#include "framework/worker/net/client.hpp"
#include "framework/worker/net/coroutine_stream.hpp"

#include <prefork/connection.hpp>

namespace prefork::worker {

/// The Connection of a coroutine service: a client's CoroutineStream.
class CoroutineConnection final : public CoroutineStream, public Client, public Connection {
 public:
  CoroutineConnection(ServiceHost& host, Transport transport, const PeerAddress& peer);

  using Client::id;
  using CoroutineStream::close;
  using CoroutineStream::finish_read;
  using CoroutineStream::finish_write;
  using CoroutineStream::park_reader;
  using CoroutineStream::park_writer;
  using CoroutineStream::start_read;
  using CoroutineStream::start_write;

 private:
  void on_drain() override;
  void on_left() noexcept override { depart(); }
  bool gives_up_reading() const noexcept override { return host().runtime().drain == DrainMode::closing; }
  void going_on() noexcept override { host().begin_activity(ipc::ActivityKind::connection, peer().raw()); }
};

}  // namespace prefork::worker
