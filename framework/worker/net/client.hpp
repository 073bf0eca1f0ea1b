#pragma once

#include <cstdint>
#include <string>

#include "framework/worker/loop/intrusive_list.hpp"
#include "framework/worker/net/peer_address.hpp"
#include "framework/worker/service/service_host.hpp"

namespace prefork::worker {

/// A client of a listener, as its worker sees it, whatever its stream: counted as accepted and as open, in the list
/// Runtime::connections, served by a service, and told when the worker drains. It is one part of a connection; the
/// stream is the other.
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
  /// It is no longer a client: its stream has closed, or was passed on. May be called twice.
  void depart() noexcept;

 private:
  ServiceHost& host_;
  std::uint64_t id_;
  bool resting_ = false;
  bool departed_ = false;
  PeerAddress peer_;
};

}  // namespace prefork::worker
