#include "framework/http/server/connection.hpp"

#include <ctime>
#include <utility>

#include "framework/http/server/access_log.hpp"
#include "framework/http/server/slow_log.hpp"

namespace prefork::http {

namespace {

// A client that sends without end must not occupy the worker.
constexpr std::uint8_t kReadsPerTurn = 16;
// A client that never waits for its answers must not keep a worker that is about to leave.
constexpr std::uint64_t kPipelineMs = 2000;

}  // namespace

void ConnectionShare::serving(RequestState& request) {
  const RequestHead& head = request.head;
  const char* line = head.method_name.data();  // method, blank, target: as they are in the request line
  const auto length = static_cast<std::size_t>(head.target.data() + head.target.size() - line);
  worker::ServiceHost& served = worker::host_of(*request.mount->context);
  request.started_ns = served.begin_activity(ipc::ActivityKind::request, request.client.peer->raw(), {line, length});
  const bool exact = served.limits().request_timeout.count() > 0;
  const Records& records = request.mount->records;
  if (!exact && (records.access_log != nullptr || records.slow_log != nullptr))
    request.started_ns = ipc::monotonic_ns();
}

void ConnectionShare::answered(const Answer& answer) {
  const Mount* const mount = answer.exchange != nullptr ? answer.exchange->state.mount : nullptr;
  if (mount != nullptr) {
    if (mount->records.slow_log != nullptr) mount->records.slow_log->consider(answer);
    timer.answered(answer.exchange->state);
  }
  AccessLog* const log = mount != nullptr ? mount->records.access_log : endpoint.access_log();
  if (log == nullptr || !log->wants(answer.response->status())) return;
  AccessRecord record;
  std::string client;
  if (answer.exchange != nullptr) {
    record.request = &answer.exchange->request;
    client = answer.exchange->request.client_address();
    if (const std::uint64_t started = answer.exchange->state.started_ns; started != 0)
      record.microseconds = (ipc::monotonic_ns() - started) / 1000;
  } else {
    client = answer.client.peer->to_string();
  }
  record.response = answer.response;
  record.status = answer.response->status();
  record.client = client;
  record.body_bytes = answer.body_bytes;
  record.connection = answer.client.connection_id;
  record.when = std::time(nullptr);
  record.complete = answer.complete;
  log->record(record);
}

void ConnectionShare::count_requests() noexcept {
  host.runtime().slot.add(ipc::Counter::requests, exchanges.served() - std::exchange(counted, exchanges.served()));
  timer.record();
}

Connection::Connection(ConnectionShare& share, worker::Transport transport, const worker::PeerAddress& peer)
    : StreamConnection(share.host, std::move(transport), peer), share_(share) {}

void Connection::open() {
  await_first_bytes(share_.times().header_timeout);
  if (host().runtime().drain != worker::DrainMode::none) on_drain();
  on_input();
  attach();
}

void Connection::on_input() {
  reads_left_ = kReadsPerTurn;
  switch (phase_) {
    case Phase::reading:
      return exchange_->reader->on_input();
    case Phase::parts:
      return pump_parts();
    case Phase::streaming:
    case Phase::orphaned:
      return stream() != nullptr && peer_ended() ? stream()->on_client_end() : void();
    default:
      if (!must_wait()) receive_requests();
  }
}

// Requests that are there are answered before more are received: otherwise what was received and not looked at would
// pile up.
void Connection::receive_requests() {
  bool unread = has_input();  // the rest from a handler that waited
  while (!closed() && !must_wait() && reads_left_ > 0) {
    --reads_left_;
    if (!unread) {
      const Received received = receive();
      if (received == Received::would_block) return;
      if (received == Received::end) return close();
      if (phase_ == Phase::body) set_deadline(share_.times().body_pace.after(deadline_left(), block_bytes().size()));
      if (share_.times().queue_timeout.count() > 0 && partial_ == nullptr) state_.waited_ms = waited_ms();
    }
    unread = process() != Next::read && has_input();
  }
  if (!closed() && !must_wait() && (unread || may_have_input())) resume_later();
}

// Input is usually one whole message or several, and is read where it lies. A message in parts is collected in a string
// of its own, so that a slow client holds no block.
std::span<char> Connection::input() noexcept {
  if (partial_ == nullptr) return {block(), block_bytes().size()};
  partial_->append(block_bytes());
  release_block();
  return *partial_;
}

Next Connection::process() {
  const Next next = answer_input();
  if (share_.limited) host().runtime().slot.end_activity();  // what comes now does not belong to that request
  return next;
}

Next Connection::answer_input() {
  Progress progress;
  look_ahead();
  do {
    progress = share_.codec.run(state_, input(), share_.output, std::time(nullptr), source());
    if (progress.consumed > 0) enter(Phase::idle);
    if (progress.next == Next::suspend) {
      suspend(std::move(progress.exchange), progress.consumed);
    } else {
      drop_input(progress.consumed, progress.dropped);
    }
    state_.waited_ms = 0;
    send(share_.output, progress.next == Next::transfer && has_parts(progress.exchange->response()));
    share_.output.clear();
  } while (progress.next == Next::write && !closed() && unsent_ == nullptr && has_input());
  share_.count_requests();
  if (closed()) return Next::close;
  if (progress.next == Next::start) {
    start(progress);
  } else if (progress.next == Next::transfer) {
    transfer(std::move(progress.exchange));
  } else {
    finish_or_wait(progress.next);
  }
  return progress.next;
}

void Connection::drop_input(std::size_t consumed, std::size_t dropped) {
  if (consumed > 0) asked_ = true;
  if (partial_ != nullptr) {
    partial_->resize(partial_->size() - dropped);
    partial_->erase(0, consumed);
    if (partial_->empty()) partial_.reset();
    return;
  }
  const std::string_view bytes = block_bytes();
  const std::string_view rest = bytes.substr(consumed, bytes.size() - consumed - dropped);
  if (!rest.empty()) partial_ = std::make_unique<std::string>(rest);
  release_block();
}

void Connection::suspend(std::unique_ptr<Exchange> exchange, std::size_t skipped) {
  enter(Phase::calling);
  exchange_ = std::move(exchange);
  skipped_ = skipped;
  exchange_->notify(&Connection::on_call_done, this);
  host().runtime().task_started();
  limit_call();
}

/// Calls a handler that reads its request's body itself.
void Connection::start(Progress& progress) {
  enter(Phase::reading);
  exchange_ = std::move(progress.exchange);
  skipped_ = 0;
  Http1Input& input = *this;
  read_body_ =
      std::make_unique<ReadBody>(exchange_->state.head, progress.body_limit, input, share_.times().body_pace.timeout);
  exchange_->state.reader = &exchange_->reader.emplace(read_body_->body);
  rest(false);
  clear_deadline();
  host().runtime().task_started();
  if (exchange_->call()) {
    on_call_done(this);
  } else {
    exchange_->notify(&Connection::on_call_done, this);
    limit_call();
  }
}

/// The call's coroutine waits: from the start of its request on the service's request-timeout applies.
void Connection::limit_call() {
  const RequestState& request = exchange_->state;
  if (exchange_->deadline.armed()) return;
  const auto limit = worker::host_of(*request.mount->context).limits().request_timeout;
  if (limit.count() == 0) return;
  exchange_->deadline.notify(&Connection::on_call_overdue, this);
  auto& loop = host().runtime().loop;
  exchange_->deadline.arm(loop, loop.ran_at(request.started_ns) + static_cast<std::uint64_t>(limit.count()));
}

// Called by the event loop, so no coroutine is running: the one that is destroyed is waiting.
void Connection::on_call_overdue(void* self) {
  auto& connection = *static_cast<Connection*>(self);
  connection.host().runtime().task_ended();
  connection.host().runtime().slot.add(ipc::Counter::timeouts);
  if (connection.stream() != nullptr) return connection.give_up_stream();
  std::unique_ptr<Exchange> exchange = connection.end_call();
  exchange->cancel();
  if (connection.read_body_) connection.read_body_->body.release();
  exchange->give_up(connection);
  connection.answered(std::move(exchange), Exchange::Step::done);
}

void Connection::on_call_done(void* self) {
  auto& connection = *static_cast<Connection*>(self);
  connection.host().runtime().task_ended();
  connection.look_behind_call();
  std::unique_ptr<Exchange> exchange = connection.end_call();
  // The rest of a body that nobody has read is not a request.
  if (connection.read_body_ && !connection.read_whole_body(*exchange)) connection.state_.message.keep_alive = false;
  const Exchange::Step step = exchange->finish(connection);
  connection.answered(std::move(exchange), step);
}

/// The handler has ended, or is about to be cancelled: its exchange leaves the connection.
std::unique_ptr<Exchange> Connection::end_call() noexcept {
  if (phase_ != Phase::orphaned) enter(Phase::idle);
  return std::move(exchange_);
}

bool Connection::read_whole_body(const Exchange& exchange) {
  if (!exchange.reader->failed()) return read_body_->body.finish();
  read_body_->body.release();
  return false;
}

/// The head of an exchange that had to wait has been sent.
void Connection::answered(std::unique_ptr<Exchange> exchange, Exchange::Step step) {
  share_.count_requests();
  if (gone()) {
    share_.exchanges.put_back(std::move(exchange));
    return close();
  }
  const bool transfers = step == Exchange::Step::body;
  if (transfers && read_body_ == nullptr) exchange->state.keep_head(exchange->state.section);
  drop_input(skipped_ + state_.message.bytes, 0);
  if (transfers) return transfer(std::move(exchange));
  share_.exchanges.put_back(std::move(exchange));
  read_body_.reset();
  finish_or_wait(state_.message.keep_alive ? Next::read : Next::close);
  if (!closed()) resume_later();
}

void Connection::send(std::string_view output, bool more_follows) {
  if (output.empty()) return;
  if (unsent_ != nullptr) {
    unsent_->append(output);
    return;
  }
  const auto sent = send_some(output, more_follows);
  if (!sent) return break_off();
  if (*sent < output.size()) unsent_ = std::make_unique<std::string>(output.substr(*sent));
}

void Connection::finish_or_wait(Next next) {
  if (next == Next::close) enter(Phase::closing);
  if (unsent_ != nullptr) {
    rest(false);
    return set_deadline(host().limits().write_timeout);
  }
  if (phase_ == Phase::closing) return close_gracefully();
  set_phase_deadline();
}

// A header section must arrive in time, however its bytes trickle in. A body's time is renewed when its bytes come
// (receive_requests).
void Connection::set_phase_deadline() {
  rest(receives(phase_) && !has_input());
  if (!receives(phase_)) return waits_for_body() ? set_deadline(read_body_->left) : clear_deadline();
  if (!has_input()) {
    enter(Phase::idle);
    return await_first_bytes(share_.times().keepalive_timeout);
  }
  const Phase begun = state_.in_body() ? Phase::body : Phase::head;
  if (phase_ == begun) return;
  enter(begun);
  set_deadline(begun == Phase::body ? share_.times().body_pace.timeout : share_.times().header_timeout);
}

void Connection::on_writable() {
  if (unsent_ == nullptr) return phase_ == Phase::parts ? pump_parts() : void();
  const auto sent = send_some(*unsent_);
  if (!sent) return break_off();
  unsent_->erase(0, *sent);
  if (!unsent_->empty()) {
    if (*sent > 0) set_deadline(write_pace().after(deadline_left(), *sent));
    return;
  }
  unsent_.reset();
  if (transfers(phase_)) return go_on_with_transfer();
  finish_or_wait(Next::read);
  if (!closed() && receives(phase_) && has_input()) process();
}

void Connection::on_timeout() {
  if (waits_for_body()) return exchange_->reader->fail(refusals::kSlowBody);
  if (unsent_ != nullptr || phase_ == Phase::parts) return break_off();
  if (!has_input()) return close_gracefully();
  share_.codec.append_timeout(share_.output, std::time(nullptr), source(), input());
  share_.count_requests();
  send(share_.output);
  share_.output.clear();
  if (!closed()) finish_or_wait(Next::close);
}

void Connection::on_drain() {
  if (share_.patient_until_ms == 0) share_.patient_until_ms = host().runtime().loop.ran_after(kPipelineMs);
  share_.codec.drain();
  if (stream() != nullptr) return stream()->announce_end();
  const bool idle = !must_wait() && !has_input() && !may_have_input() && unread_bytes() == 0;
  if (!idle || host().runtime().drain != worker::DrainMode::closing) return;
  asked_ ? close_gracefully() : hurry_first_bytes();
}

/// In a drain the answer to the last request that has come says `Connection: close`: otherwise requests that a client
/// has sent after it without waiting would be lost.
void Connection::look_ahead() {
  if (!share_.codec.draining()) return;
  state_.last = host().runtime().loop.ran_ms() >= share_.patient_until_ms;
  state_.more_behind = !state_.last && unread_bytes() > 0;
}

/// Does the same for a request whose handler has waited.
void Connection::look_behind_call() {
  if (!share_.codec.draining()) return;
  look_ahead();
  const std::size_t own = skipped_ + state_.message.bytes + (read_body_ ? read_body_->body.held() : 0);
  state_.message.more_follows = !state_.last && (state_.more_behind || input().size() > own);
}

std::string Connection::describe() const {
  constexpr std::size_t kMostOfTarget = 80;  // several connections share a line
  const std::string client = StreamConnection::describe();
  return exchange_ == nullptr ? client : client + " (" + short_request(exchange_->state.head, kMostOfTarget) + ")";
}

// Timers and others refer to a waiting coroutine, so it must end by itself.
void Connection::break_off() noexcept {
  if (phase_ == Phase::orphaned) return;
  const bool reads = phase_ == Phase::reading;
  const bool streams = phase_ == Phase::streaming && stream() != nullptr;
  if (!reads && !streams && phase_ != Phase::calling) {
    if (phase_ == Phase::parts) tell_of_transfer(false);
    return close();
  }
  enter(Phase::orphaned);
  unsent_.reset();
  clear_deadline();
  shut_down();
  if (streams) return stream()->on_gone();
  if (reads) exchange_->reader->fail(refusals::kUnfinished);
}

}  // namespace prefork::http
