#pragma once

#include <cstddef>
#include <cstdint>
#include <ctime>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "framework/http/routing/dispatch.hpp"
#include "framework/http/routing/endpoint.hpp"
#include "framework/http/server/call.hpp"
#include "framework/http/wire/chunked.hpp"
#include "framework/http/wire/date_cache.hpp"
#include "framework/http/wire/parser.hpp"

/// What happens between the bytes that were read and the bytes to be sent. No socket, no clock: the
/// connection reads, calls this, sends.
namespace prefork::http {

/// What a connection remembers between two calls, about 80 bytes.
struct CycleState {
  ParseState parse;
  ChunkedState chunked;
  std::uint64_t body_limit = 0;
  std::size_t body_start = 0;     ///< not 0: a body is under way, and begins here
  std::size_t message_bytes = 0;  ///< all of a message with Content-Length; 0 for a chunked one
  std::uint32_t waited_ms = 0;    ///< how long what came last had waited for the worker; 0: nobody asked
  bool more_behind = false;       ///< in a drain: bytes wait in the socket, behind the input
  bool last = false;              ///< in a drain: it has lasted, and the next response is the last in any case

  bool in_body() const noexcept { return body_start != 0; }
  /// What is left of it where a message with a body is done with.
  CycleState next_message() const noexcept {
    CycleState next;
    next.more_behind = more_behind;
    next.last = last;
    return next;
  }
};

enum class Next : std::uint8_t {
  read,      ///< more bytes are needed
  write,     ///< much is to be sent: send it, then call again
  suspend,   ///< a handler waits: keep the input as it is, send, wait for the call's end
  start,     ///< send, then call the handler, which reads the body itself; finish() when it has ended
  transfer,  ///< send, then send the body that the call's response has, then ended()
  close,     ///< send, then close: nothing more is answered, whatever is on its way
};

struct Progress {
  Next next = Next::read;
  std::size_t consumed = 0;    ///< bytes at the start of the input that are done with
  std::size_t dropped = 0;     ///< bytes to be cut off the end of the input (a chunked body got shorter)
  std::size_t wanted = 0;      ///< read: the size of the message that begins after `consumed`; 0: not known
  std::unique_ptr<Call> call;  ///< suspend, start, transfer: the caller keeps it; suspend: it calls its notify()
};

/// A response that has been appended, or whose body has ended. Valid during the call only.
struct Answer {
  const Call* call = nullptr;  ///< null: the request could not be parsed, or never came whole
  ClientSource client;
  const Response* response = nullptr;
  std::uint64_t body_bytes = 0;  ///< that were sent
  bool complete = true;          ///< false: it was cut short
};

/// Who is told of each request before its handler is called, and of each answer.
class RequestObserver {
 public:
  virtual void serving(RequestState& request) = 0;
  virtual void answered(const Answer& answer) = 0;

 protected:
  ~RequestObserver() = default;
};

/// Serves the requests of one endpoint in one worker. All its connections share it.
class RequestCycle {
 public:
  /// `endpoint`, and `observer` where there is one, outlive this.
  explicit RequestCycle(const Endpoint& endpoint, RequestObserver* observer = nullptr);

  /// Takes all requests that are complete in `input`, which begins where the last call's `consumed`
  /// ended, and appends their responses to `output`. `input` may be rewritten in place.
  Progress run(CycleState& state, std::span<char> input, std::string& output, std::time_t now,
               const ClientSource& client);

  /// Appends the response of a call whose coroutine has ended, and takes the call back. The caller then
  /// drops `consumed` bytes of its input, and goes on with run() where `next` is read.
  Progress finish(std::unique_ptr<Call> call, std::string& output, std::time_t now);

  /// Ends a call whose coroutine waits beyond its time: destroys the coroutine and appends 503. The caller then drops
  /// `consumed` bytes of its input and closes.
  Progress give_up(std::unique_ptr<Call> call, std::string& output, std::time_t now);

  /// Logs what the function that writes a body has thrown. REQUIRES that it failed.
  void log_failure(const Call& call);

  /// Takes back a call whose response has been sent, or never will be.
  void ended(std::unique_ptr<Call> call);

  /// Appends 408 (RFC 9110 15.5.9), for a request that began with `begun` and did not arrive in time.
  void append_timeout(std::string& output, std::time_t now, const ClientSource& client, std::span<const char> begun);

  /// From now on the response to the last request that has come from a client says `Connection: close`: `more_behind`
  /// and `last` of its state count.
  void drain() noexcept { draining_ = true; }
  bool draining() const noexcept { return draining_; }

  /// Responses so far, for the scoreboard.
  std::uint64_t served() const noexcept { return served_; }

 private:
  bool take_body(CycleState& state, std::span<char> rest, std::string& output, Progress& progress);
  bool take_request(CycleState& state, std::span<char> rest, std::string& output, Progress& progress);
  bool begin_body(CycleState& state, std::span<char> rest, const Dispatch& target, std::string& output,
                  Progress& progress);
  bool start_streamed(std::span<char> rest, const Dispatch& target, std::string& output, Progress& progress);
  bool answer(const Dispatch& target, std::string& output, Progress& progress);
  void append(Call& call, Response& response, std::string& output);
  void append_result(Call& call, std::string& output);
  Next after(const Call& call) const noexcept;
  void log(const Call& call, const std::string& why);
  void shed(std::string& output, Progress& progress);
  void refuse(const Refusal& refusal, std::string& output, Progress& progress);
  void count(const Mount* mount, const Response& response) noexcept;
  void tell(const Call* call, const ClientSource& client, const Response& response, bool head_only);
  void make_current();

  const Endpoint& endpoint_;
  RequestObserver* observer_;
  std::vector<Header> fields_;
  std::unique_ptr<Call> current_;
  std::vector<std::unique_ptr<Call>> spare_;
  DateCache date_;
  std::span<const char> taking_;  ///< what run() is taking, from the first byte of its request line
  std::time_t now_ = 0;
  std::uint64_t served_ = 0;
  bool head_known_ = false;  ///< current_ has the head of the request that is being taken
  bool draining_ = false;
};

}  // namespace prefork::http
