#include <ctime>
#include <utility>

#include "framework/http/server/connection.hpp"
#include "framework/http/server/upgrade.hpp"

namespace prefork::http {

namespace {

// A stream of events lasts as long as its client stays.
bool has_no_end(const Response& response) noexcept {
  return ResponseParts::media_type(response) == "text/event-stream";
}

}  // namespace

// Request bodies that a handler reads piece by piece.

void Connection::body_consumed(std::size_t bytes) {
  if (partial_ == nullptr) return consume(bytes);
  drop_input(bytes, 0);
}

bool Connection::receive_body() {
  if (body_ended()) return false;
  if (reads_left_ == 0) {
    resume_later();
    return false;
  }
  --reads_left_;
  const std::size_t held = block_bytes().size();
  switch (receive()) {
    case Received::would_block:
      if (!deadline_left()) set_deadline(read_body_->left);
      return false;
    case Received::end:
      read_body_->ended = true;
      return false;
    case Received::data:
      break;
  }
  const auto left = deadline_left().value_or(read_body_->left);
  read_body_->left = share_.times().body_pace.after(left, block_bytes().size() - held);
  clear_deadline();
  return true;
}

// Not send(), which would resume the reader that asks.
void Connection::ask_for_body() { send_piece("HTTP/1.1 100 Continue\r\n\r\n"); }

// Response bodies that are not in the output.

void Connection::head(const Response& response, HeadShape shape) {
  std::string text;  // not the shared one, which another connection's batch may be filling
  Http1Text(share_.codec, state_, text, std::time(nullptr)).head(response, shape);
  if (!gone()) send(text, shape.rest == Rest::data && has_parts(response));
}

bool Connection::data(std::string_view piece) {
  if (!state_.message.chunked) return send_piece(piece);
  constexpr std::size_t kKept = 16 * 1024;
  std::string& frame = share_.frame;
  frame.clear();
  append_chunk(frame, piece);
  const bool sent = send_piece(frame);
  if (frame.capacity() > kKept) std::string().swap(frame);
  return sent;
}

std::optional<std::size_t> Connection::some_data(std::string_view bytes, bool more_follows) {
  return send_some(bytes, more_follows);
}

std::optional<std::size_t> Connection::some_data(const FilePart& part) {
  return send_file(part.file->fd(), part.offset, part.bytes);
}

bool Connection::end(FieldList trailers) {
  if (!state_.message.chunked) return !gone();
  share_.frame.clear();
  append_last_chunk(share_.frame, trailers);
  return send_piece(share_.frame);
}

bool Connection::send_piece(std::string_view bytes) {
  if (gone()) return false;
  if (unsent_ != nullptr) {
    unsent_->append(bytes);
    return true;
  }
  const auto sent = send_some(bytes);
  if (!sent) {
    // The writing function learns of it from this call.
    enter(Phase::orphaned);
    clear_deadline();
    shut_down();
    return false;
  }
  if (*sent < bytes.size()) {
    unsent_ = std::make_unique<std::string>(bytes.substr(*sent));
    set_deadline(host().limits().write_timeout);
  }
  return true;
}

void Connection::transfer(std::unique_ptr<Exchange> exchange) {
  exchange_ = std::move(exchange);
  rest(false);
  const SpecialBody& special = *ResponseParts::special(exchange_->response());
  enter(special.upgrade ? Phase::upgrading : special.function ? Phase::streaming : Phase::parts);
  if (!special.function) exchange_->deadline.disarm();  // the write-timeout covers a slow client
  if (phase_ == Phase::parts) exchange_->open_parts();
  if (unsent_ != nullptr) return set_deadline(host().limits().write_timeout);
  go_on_with_transfer();
}

/// What precedes the body has been sent, or a piece of the body.
void Connection::go_on_with_transfer() {
  if (phase_ == Phase::parts) {
    set_deadline(host().limits().write_timeout);  // also for a socket that is already full: no part would be sent
    return pump_parts();
  }
  clear_deadline();
  if (phase_ == Phase::upgrading) return hand_over();
  stream() != nullptr ? stream()->on_flushed() : start_stream();
}

void Connection::pump_parts() {
  if (unsent_ != nullptr) return;
  PartsTransfer& parts = *exchange_->parts();
  const PartsTransfer::Step step = parts.pump(*this);
  switch (step) {
    case PartsTransfer::Step::done:
      return end_transfer();
    case PartsTransfer::Step::blocked:
      if (parts.moved() > 0) set_deadline(write_pace().after(deadline_left(), parts.moved()));
      return;
    case PartsTransfer::Step::paused:
      set_deadline(write_pace().after(deadline_left(), parts.moved()));
      return resume_later();
    case PartsTransfer::Step::broken:
      return break_off();
  }
}

void Connection::start_stream() {
  StreamedBody& stream = exchange_->open_stream(*this);
  // How long a stream lasts says nothing about how fast its answer was.
  share_.timer.answered(exchange_->state);
  share_.timer.record();
  host().runtime().task_started();
  // A client that left while its handler waited: no event will report it again.
  if (peer_ended()) stream.note_client_end();
  if (exchange_->call_stream()) {
    on_stream_done(this);
  } else {
    if (peer_ended()) resume_later();
    exchange_->notify(&Connection::on_stream_done, this);
    if (has_no_end(exchange_->response())) {
      exchange_->deadline.disarm();
    } else {
      limit_call();
    }
  }
}

/// The head has been sent: a body without its end tells the client.
void Connection::give_up_stream() {
  exchange_->cut_stream();
  tell_of_transfer(false);
  put_back();
}

void Connection::on_stream_done(void* self) {
  auto& connection = *static_cast<Connection*>(self);
  connection.host().runtime().task_ended();
  const bool ended = connection.exchange_->end_stream();
  if (ended && !connection.closed()) return connection.end_transfer();
  // An unfinished body ends without its last chunk, so that the client sees that it is incomplete.
  connection.tell_of_transfer(false);
  connection.put_back();
  connection.close();
}

void Connection::tell_of_transfer(bool complete) {
  exchange_->end_body(complete);
  share_.timer.record();
}

void Connection::put_back() {
  share_.exchanges.put_back(std::move(exchange_));
  read_body_.reset();
}

void Connection::end_transfer() {
  tell_of_transfer(true);
  enter(Phase::idle);
  put_back();
  finish_or_wait(state_.message.keep_alive ? Next::read : Next::close);
  if (!closed() && (has_input() || may_have_input())) resume_later();
}

/// The upgrade continues with the connection.
void Connection::hand_over() {
  const auto upgrade = ResponseParts::special(exchange_->response())->upgrade;
  worker::ServiceHost& to = worker::host_of(*exchange_->state.mount->context);
  tell_of_transfer(true);
  put_back();
  const std::string rest(input().data(), input().size());
  worker::Transport transport = release();
  upgrade->take_over(to, std::move(transport), peer(), rest);
}

}  // namespace prefork::http
