#pragma once

#include <cstddef>
#include <cstdint>
#include <ctime>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "framework/http/server/exchange.hpp"
#include "framework/http/wire/chunked.hpp"
#include "framework/http/wire/date_cache.hpp"
#include "framework/http/wire/parser.hpp"

/// HTTP/1: the steps between the bytes that were read and the exchanges, and between their answers and the bytes to be
/// sent. Has neither socket nor clock: the connection reads, calls this, and sends.
namespace prefork::http {

/// What an HTTP/1 connection remembers about the message being answered.
struct Http1Message {
  std::size_t bytes = 0;      ///< of the request, as it lies in the input
  bool keep_alive = true;     ///< as the request asks, then as the response says
  bool old_version = false;   ///< HTTP/1.0
  bool chunked = false;       ///< the body of the answer is sent in chunks
  bool more_follows = false;  ///< in a drain: the client has sent more after this request
};

/// What a connection remembers between two calls, about 100 bytes.
struct Http1State {
  ParseState parse;
  ChunkedState chunked;
  std::uint64_t body_limit = 0;
  std::size_t body_start = 0;     ///< not 0: a body is arriving, and begins here
  std::size_t message_bytes = 0;  ///< the whole message with Content-Length; 0 for a chunked one
  std::uint32_t waited_ms = 0;    ///< how long the latest input had waited for the worker; 0: unknown
  bool more_behind = false;       ///< in a drain: bytes wait in the socket, after the input
  bool last = false;  ///< in a drain: it has lasted long enough, and the next response is the last in any case
  Http1Message message;

  bool in_body() const noexcept { return body_start != 0; }
  /// The state that is left when a message with a body is done.
  Http1State next_message() const noexcept {
    Http1State next;
    next.more_behind = more_behind;
    next.last = last;
    next.message = message;
    return next;
  }
};

enum class Next : std::uint8_t {
  read,      ///< more bytes are needed
  write,     ///< much must be sent: send it, then call again
  suspend,   ///< a handler waits: keep the input as it is, send, wait for the exchange's end
  start,     ///< send, then call the handler, which reads the body itself; Exchange::finish() when it has ended
  transfer,  ///< send, then send the body of the exchange's response
  close,     ///< send, then close: nothing more is answered, whatever arrives
};

struct Progress {
  Next next = Next::read;
  std::size_t consumed = 0;            ///< bytes at the start of the input that are done
  std::size_t dropped = 0;             ///< bytes to cut off the end of the input (a chunked body became shorter)
  std::size_t wanted = 0;              ///< read: the size of the message that begins after `consumed`; 0: unknown
  std::uint64_t body_limit = 0;        ///< start: of the decoded body
  std::unique_ptr<Exchange> exchange;  ///< suspend, start, transfer: the caller keeps it; suspend: and calls notify()
};

class Http1Codec;

/// The answers to one connection as HTTP/1 text in a string, which is not cleared: pipelined answers share one send. It
/// takes no files.
class Http1Text final : public ExchangeSink {
 public:
  /// All must outlive this object.
  Http1Text(Http1Codec& codec, Http1State& state, std::string& output, std::time_t now) noexcept
      : codec_(codec), state_(state), output_(output), now_(now) {}

  void head(const Response& response, HeadShape shape) override;
  bool data(std::string_view piece) override;
  bool blocked() const noexcept override { return false; }
  std::optional<std::size_t> some_data(std::string_view bytes, bool more_follows) override;
  std::optional<std::size_t> some_data(const FilePart&) override { return std::nullopt; }
  bool end(FieldList trailers) override;
  void reset() override { state_.message.keep_alive = false; }

 private:
  friend class Http1Codec;
  Http1Codec& codec_;
  Http1State& state_;
  std::string& output_;
  std::time_t now_;
};

/// Turns bytes into requests and answers into bytes: the HTTP/1 of one endpoint in one worker. All its connections
/// share it.
class Http1Codec {
 public:
  /// `endpoint` and `exchanges` must outlive this object.
  Http1Codec(const Endpoint& endpoint, Exchanges& exchanges);

  /// Takes all complete requests in `input`, which begins where the last call's `consumed` ended, and appends their
  /// responses to `output`. `input` may be rewritten in place.
  Progress run(Http1State& state, std::span<char> input, std::string& output, std::time_t now,
               const ClientSource& client);

  /// Appends 408 (RFC 9110 15.5.9), for a request that began with `begun` and did not arrive in time.
  void append_timeout(std::string& output, std::time_t now, const ClientSource& client, std::span<const char> begun);

  /// From now on the response to the last request from a client says `Connection: close`: `more_behind` and `last` of
  /// its state count.
  void drain() noexcept { draining_ = true; }
  bool draining() const noexcept { return draining_; }

 private:
  friend class Http1Text;
  struct Batch;

  bool take_body(Batch& batch);
  bool take_request(Batch& batch);
  bool begin_body(Batch& batch, const Dispatch& target);
  bool start_streamed(Batch& batch, const Dispatch& target);
  bool answer(Batch& batch, const Dispatch& target);
  bool refuse(Batch& batch, const Refusal& refusal);
  void hand_over(Batch& batch, Next next);
  void make_current();

  const Endpoint& endpoint_;
  Exchanges& exchanges_;
  std::vector<Header> fields_;
  std::unique_ptr<Exchange> current_;
  DateCache date_;
  bool head_known_ = false;  ///< current_ has the head of the request being taken
  bool draining_ = false;
};

}  // namespace prefork::http
