#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "framework/http/body/exchange_sink.hpp"
#include "framework/http/routing/endpoint.hpp"
#include "framework/http/server/connection_phase.hpp"
#include "framework/http/server/exchange.hpp"
#include "framework/http/server/http1_body.hpp"
#include "framework/http/server/http1_codec.hpp"
#include "framework/http/server/request_timer.hpp"
#include "framework/worker/net/stream_connection.hpp"
#include "ipc/posix/check.hpp"

namespace prefork::http {

/// What the connections of one listener share in one worker.
struct ConnectionShare final : ExchangeObserver {
  ConnectionShare(worker::ServiceHost& first, Endpoint services)
      : host(first),
        endpoint(std::move(services)),
        exchanges(endpoint, this),
        codec(endpoint, exchanges),
        limited(endpoint.has_request_timeout()) {}

  const HttpOptions& times() const noexcept { return endpoint.options(); }
  /// Records in the scoreboard what is about to be served.
  void serving(RequestState& request) override;
  void answered(const Answer& answer) override;
  /// Updates the scoreboard's number of requests, and the histograms of request times.
  void count_requests() noexcept;

  worker::ServiceHost& host;  ///< of the listener's first service
  const Endpoint endpoint;
  Exchanges exchanges;
  Http1Codec codec;
  std::uint64_t patient_until_ms = 0;  ///< in a drain: clients that continue to ask are answered until then, by the
                                       ///< running clock
  std::string output;                  ///< responses of the batch being answered; empty between batches
  std::string frame;                   ///< a piece of a body with its chunk framing, while it is sent
  std::uint64_t counted = 0;
  const bool limited;  ///< whether some service has a request-timeout
  RequestTimer timer;
};

/// An HTTP/1.1 connection: passes bytes from the socket to the codec, and the answers of its exchanges back, one after
/// the other. It holds no buffer while it is idle.
class Connection final : public worker::StreamConnection, private ExchangeSink, private Http1Input {
 public:
  Connection(ConnectionShare& share, worker::Transport transport, const worker::PeerAddress& peer);

  /// Answers the request that came with the connection, or starts to wait for the first one.
  void open();

 private:
  /// A body that a handler reads piece by piece.
  struct ReadBody {
    ReadBody(const RequestHead& head, std::uint64_t limit, Http1Input& input,
             std::chrono::milliseconds timeout) noexcept
        : body(head, limit, input), left(timeout) {}
    Http1Body body;
    std::chrono::milliseconds left;  // the time that the client has left for it
    bool ended = false;              // whether the end of the input was noticed
  };

  /// The only way from one phase to the next.
  void enter(Phase next) noexcept {
    PREFORK_CHECK(phase_ == next || may_follow(phase_, next));
    phase_ = next;
  }
  void on_input() override;
  void on_writable() override;
  void on_timeout() override;
  void on_broken() override { break_off(); }
  void on_drain() override;
  std::string describe() const override;

  // connection.cpp: requests
  ClientSource source() const noexcept { return {&peer(), id()}; }
  bool must_wait() const noexcept { return !receives(phase_) || unsent_ != nullptr; }
  bool has_input() const noexcept { return partial_ != nullptr || !block_bytes().empty(); }
  std::span<char> input() noexcept;
  void receive_requests();
  /// Answers the requests in the input. @return why it stopped; `read`: no whole message is left there
  Next process();
  Next answer_input();
  void drop_input(std::size_t consumed, std::size_t dropped);
  void suspend(std::unique_ptr<Exchange> exchange, std::size_t skipped);
  void start(Progress& progress);
  static void on_call_done(void* self);
  void limit_call();
  static void on_call_overdue(void* self);
  std::unique_ptr<Exchange> end_call() noexcept;
  bool read_whole_body(const Exchange& exchange);
  bool waits_for_body() const noexcept { return phase_ == Phase::reading && exchange_->reader->waiting(); }
  void answered(std::unique_ptr<Exchange> exchange, Exchange::Step step);
  void send(std::string_view output, bool more_follows = false);
  void finish_or_wait(Next next);
  void look_ahead();
  void look_behind_call();
  TransferPace write_pace() const noexcept { return {host().limits().write_timeout, share_.times().write_min_rate}; }
  void set_phase_deadline();
  void break_off() noexcept;

  // connection_bodies.cpp: bodies that are not in the input or not in the output
  std::span<char> body_input() override { return input(); }
  void body_consumed(std::size_t bytes) override;
  bool receive_body() override;
  bool body_ended() const noexcept override { return (read_body_ && read_body_->ended) || gone(); }
  bool gone() const noexcept { return phase_ == Phase::orphaned || closed(); }
  void ask_for_body() override;

  void head(const Response& response, HeadShape shape) override;
  bool data(std::string_view piece) override;
  bool blocked() const noexcept override { return unsent_ != nullptr; }
  std::optional<std::size_t> some_data(std::string_view bytes, bool more_follows) override;
  std::optional<std::size_t> some_data(const FilePart& part) override;
  bool end(FieldList trailers) override;
  void reset() override { close(); }

  StreamedBody* stream() noexcept { return exchange_ != nullptr ? exchange_->stream() : nullptr; }
  bool send_piece(std::string_view bytes);
  void transfer(std::unique_ptr<Exchange> exchange);
  void go_on_with_transfer();
  void pump_parts();
  void start_stream();
  static void on_stream_done(void* self);
  void end_transfer();
  void give_up_stream();
  void tell_of_transfer(bool complete);
  void put_back();
  void hand_over();

  ConnectionShare& share_;
  Http1State state_;
  std::unique_ptr<std::string> partial_;  // the beginning of an incomplete message
  std::unique_ptr<std::string> unsent_;
  std::unique_ptr<Exchange> exchange_;   // a waiting handler, or a response whose body is being sent
  std::unique_ptr<ReadBody> read_body_;  // that exchange_'s handler reads, or has read
  std::size_t skipped_ = 0;              // bytes of the input before the waiting exchange's request
  std::uint8_t reads_left_ = 0;          // in this turn, for a body that is read piece by piece
  Phase phase_ = Phase::idle;
  bool asked_ = false;  // a request has come
};

}  // namespace prefork::http
