#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "framework/http/endpoint.hpp"
#include "framework/http/request_cycle.hpp"
#include "framework/worker/stream_connection.hpp"

namespace prefork::http {

/// What the connections of one listener share in one worker.
struct ConnectionShare final : RequestObserver {
  ConnectionShare(worker::ServiceHost& first, Endpoint services)
      : host(first), endpoint(std::move(services)), cycle(endpoint, this) {}

  const ServiceLimits& times() const noexcept { return endpoint.limits(); }
  /// Notes in the scoreboard what is about to be served.
  void serving(const RequestState& request) override;
  /// Brings the scoreboard's number of requests up to date.
  void count_requests() noexcept;

  worker::ServiceHost& host;  ///< of the listener's first service
  const Endpoint endpoint;
  RequestCycle cycle;
  std::string output;  ///< responses of the batch that is being answered; empty between batches
  std::uint64_t counted = 0;
};

/// An HTTP/1.1 connection: brings bytes from the socket to the request cycle and responses back. It holds
/// no buffer while it is idle.
class Connection final : public worker::StreamConnection {
 public:
  Connection(ConnectionShare& share, ipc::UniqueFd fd, const worker::PeerAddress& peer);

  /// Answers the request that came with the connection, or starts to wait for the first one.
  void open();

 private:
  enum class End : std::uint8_t { none, close, linger };  // after what is unsent

  void on_input() override;
  void on_writable() override;
  void on_timeout() override;
  void on_broken() override { break_off(); }
  void on_drain() override;

  bool must_wait() const noexcept { return call_ != nullptr || unsent_ != nullptr || end_ != End::none; }
  bool has_input() const noexcept { return partial_ != nullptr || !block_bytes().empty(); }
  std::span<char> input() noexcept;
  void process();
  void drop_input(std::size_t consumed, std::size_t dropped);
  void suspend(Progress& progress);
  static void on_call_done(void* self);
  void send(std::string_view output);
  void finish_or_wait(Next next);
  void set_phase_deadline();
  void break_off() noexcept;

  ConnectionShare& share_;
  CycleState state_;
  std::unique_ptr<std::string> partial_;  // the start of a message that is not complete
  std::unique_ptr<std::string> unsent_;
  std::unique_ptr<Call> call_;  // a handler that waits; its request's bytes stay where they are
  std::size_t skipped_ = 0;     // bytes of the input before the waiting call's request
  End end_ = End::none;
  bool in_message_ = false;  // part of a message has come: its deadline runs and is not renewed
  bool broken_ = false;      // the client is gone, a handler still waits
};

}  // namespace prefork::http
