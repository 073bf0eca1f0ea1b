#pragma once

#include <cstdint>
#include <string>

#include "framework/worker/loop/intrusive_list.hpp"
#include "framework/worker/net/peer_address.hpp"
#include "framework/worker/service/service_host.hpp"

namespace prefork::worker {

/// What a client of a listener is to its worker, whatever its stream: counted as accepted and as open, in the list
/// Runtime::connections, served by a service, and told when the worker drains. One part of a connection; the stream is
/// the other.
class Client : public ListHook<Client> {
 public:
  Client(ServiceHost& host, const PeerAddress& peer);
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  /// The worker is about to leave (Runtime::drain says how).
  virtual void on_drain() = 0;
  /// The client and what it is served, in a few words for the log; any bytes.
  virtual std::string describe() const { return peer_.to_string(); }

  ServiceHost& host() const noexcept { return host_; }
  const PeerAddress& peer() const noexcept { return peer_; }
  std::uint64_t id() const noexcept { return id_; }

 protected:
  ~Client();

  /// Whether nothing is under way on it: it waits for its client's next request, or for its time-out. A worker with
  /// only such connections counts as idle. Cheap if nothing changes.
  void rest(bool rests) noexcept {
    if (rests != resting_) host_.runtime().connection_rests(resting_ = rests);
  }
  /// It is no client any more: its stream has closed, or goes on in other hands. May be called twice.
  void depart() noexcept;

 private:
  ServiceHost& host_;
  std::uint64_t id_;
  bool resting_ = false;
  bool departed_ = false;
  PeerAddress peer_;
};

}  // namespace prefork::worker
