#include "framework/http/connection.hpp"

#include <ctime>
#include <utility>

namespace prefork::http {

namespace {

// A client that sends without end must not keep the worker to itself.
constexpr int kReadsPerTurn = 16;

std::string address_of(const void* connection) {
  return static_cast<const Connection*>(connection)->peer().to_string();
}

}  // namespace

void ConnectionShare::serving(const RequestState& request) {
  const RequestHead& head = request.head;
  const char* line = head.method_name.data();  // method, blank, target: as they stand in the request line
  const auto length = static_cast<std::size_t>(head.target.data() + head.target.size() - line);
  worker::host_of(*request.context).begin_activity(ipc::ActivityKind::request, {line, length});
}

void ConnectionShare::count_requests() noexcept {
  host.runtime().slot.add(ipc::Counter::requests, cycle.served() - std::exchange(counted, cycle.served()));
}

Connection::Connection(ConnectionShare& share, ipc::UniqueFd fd, const worker::PeerAddress& peer)
    : StreamConnection(share.host, std::move(fd), peer), share_(share) {}

void Connection::open() {
  set_deadline(share_.times().header_timeout);
  on_input();
  attach();
}

void Connection::on_input() {
  if (must_wait()) return;
  if (has_input()) process();  // what a handler that waited has left
  for (int reads = 0; reads < kReadsPerTurn && !closed() && !must_wait(); ++reads) {
    switch (receive()) {
      case Received::would_block:
        return;
      case Received::end:
        return close();
      case Received::data:
        process();
    }
  }
  if (!closed() && !must_wait() && may_have_input()) resume_later();
}

// What came is one whole message or several as a rule, and is read where it lies. A message in parts is
// collected in a string of its own, so that a slow client holds no block.
std::span<char> Connection::input() noexcept {
  if (partial_ == nullptr) return {block(), block_bytes().size()};
  partial_->append(block_bytes());
  release_block();
  return *partial_;
}

void Connection::process() {
  Next next = Next::read;
  do {
    Progress progress =
        share_.cycle.run(state_, input(), share_.output, std::time(nullptr), ClientSource{&address_of, this});
    next = progress.next;
    if (next == Next::suspend) {
      suspend(progress);
    } else {
      drop_input(progress.consumed, progress.dropped);
    }
    if (progress.consumed > 0) in_message_ = false;
    send(share_.output);
    share_.output.clear();
  } while (next == Next::write && !closed() && unsent_ == nullptr && has_input());
  share_.count_requests();
  if (!closed()) finish_or_wait(next);
}

void Connection::drop_input(std::size_t consumed, std::size_t dropped) {
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

void Connection::suspend(Progress& progress) {
  call_ = std::move(progress.call);
  skipped_ = progress.consumed;
  call_->notify(&Connection::on_call_done, this);
  host().runtime().task_started();
}

void Connection::on_call_done(void* self) {
  auto& connection = *static_cast<Connection*>(self);
  connection.host().runtime().task_ended();
  std::string output;  // not the shared one: another connection's batch may be filling it
  const Progress progress = connection.share_.cycle.finish(std::move(connection.call_), output, std::time(nullptr));
  connection.share_.count_requests();
  if (connection.broken_) return connection.close();
  connection.drop_input(connection.skipped_ + progress.consumed, 0);
  connection.send(output);
  if (!connection.closed()) connection.finish_or_wait(progress.next);
  if (!connection.closed()) connection.resume_later();
}

void Connection::send(std::string_view output) {
  if (output.empty()) return;
  if (unsent_ != nullptr) {
    unsent_->append(output);
    return;
  }
  const auto sent = send_some(output);
  if (!sent) return break_off();
  if (*sent < output.size()) unsent_ = std::make_unique<std::string>(output.substr(*sent));
}

void Connection::finish_or_wait(Next next) {
  if (next == Next::close) end_ = End::close;
  if (next == Next::linger) end_ = End::linger;
  if (unsent_ != nullptr) return set_deadline(host().limits().write_timeout);
  if (end_ != End::none) return close_gracefully(end_ == End::linger);
  set_phase_deadline();
}

// A message must be there in its time, however its bytes trickle in; only a body's time is renewed by
// each piece of it.
void Connection::set_phase_deadline() {
  if (call_ != nullptr) return clear_deadline();
  if (!has_input()) {
    in_message_ = false;
    return set_deadline(share_.times().keepalive_timeout);
  }
  if (state_.in_body()) return set_deadline(share_.times().body_timeout);
  if (!std::exchange(in_message_, true)) set_deadline(share_.times().header_timeout);
}

void Connection::on_writable() {
  if (unsent_ == nullptr) return;
  const auto sent = send_some(*unsent_);
  if (!sent) return break_off();
  unsent_->erase(0, *sent);
  if (!unsent_->empty()) {
    if (*sent > 0) set_deadline(host().limits().write_timeout);
    return;
  }
  unsent_.reset();
  finish_or_wait(Next::read);
  if (closed() || call_ != nullptr) return;
  if (has_input()) process();
}

void Connection::on_timeout() {
  if (unsent_ != nullptr || !has_input()) return break_off();
  share_.cycle.append_timeout(share_.output, std::time(nullptr));
  send(share_.output);
  share_.output.clear();
  if (!closed()) finish_or_wait(Next::linger);
}

void Connection::on_drain() {
  share_.cycle.drain();
  const bool idle = !must_wait() && !has_input() && !may_have_input();
  if (idle && host().runtime().drain == worker::DrainMode::closing) close();
}

// A waiting handler's coroutine is known to timers and others: it must end by itself.
void Connection::break_off() noexcept {
  if (call_ == nullptr) return close();
  broken_ = true;
  unsent_.reset();
  clear_deadline();
  shut_down();
}

}  // namespace prefork::http
