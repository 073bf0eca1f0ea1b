#include <utility>

#include "framework/http/server/connection.hpp"
#include "framework/http/server/upgrade.hpp"

namespace prefork::http {

namespace {

// A stream of events goes on for as long as its client stays.
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
      if (!deadline_left()) set_deadline(body_left_);
      return false;
    case Received::end:
      input_ended_ = true;
      return false;
    case Received::data:
      break;
  }
  body_left_ = share_.times().body_pace.after(deadline_left().value_or(body_left_), block_bytes().size() - held);
  clear_deadline();
  return true;
}

// Not send(), which would resume the reader that asks.
void Connection::ask_for_body() { send_piece("HTTP/1.1 100 Continue\r\n\r\n"); }

// Response bodies that do not lie in the output.

std::optional<std::size_t> Connection::send_bytes(std::string_view bytes, bool more_follows) {
  return send_some(bytes, more_follows);
}

std::optional<std::size_t> Connection::send_file(const FilePart& part) {
  return StreamConnection::send_file(part.file->fd(), part.offset, part.bytes);
}

bool Connection::send_piece(std::string_view bytes) {
  if (broken_ || closed()) return false;
  if (unsent_ != nullptr) {
    unsent_->append(bytes);
    return true;
  }
  const auto sent = send_some(bytes);
  if (!sent) {
    // The function that writes learns of it from this call.
    broken_ = true;
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

void Connection::transfer(std::unique_ptr<Call> call) {
  call_ = std::move(call);
  transferring_ = true;
  rest(false);
  const SpecialBody& special = *ResponseParts::special(call_->response());
  if (!special.function) call_->deadline.disarm();  // a slow client is the write-timeout's matter
  if (!special.upgrade && !special.function) parts_ = std::make_unique<PartsTransfer>(special.parts);
  if (unsent_ != nullptr) return set_deadline(host().limits().write_timeout);
  go_on_with_transfer();
}

/// What was before the body has been sent, or a piece of the body.
void Connection::go_on_with_transfer() {
  if (parts_) {
    set_deadline(host().limits().write_timeout);  // also for a socket that is full already: no part would move
    return pump_parts();
  }
  clear_deadline();
  if (stream_) return stream_->on_flushed();
  if (ResponseParts::special(call_->response())->upgrade) return hand_over();
  start_stream();
}

void Connection::pump_parts() {
  if (unsent_ != nullptr) return;
  const PartsTransfer::Step step = parts_->pump(*this);
  switch (step) {
    case PartsTransfer::Step::done:
      return end_transfer();
    case PartsTransfer::Step::blocked:
      if (parts_->moved() > 0) set_deadline(write_pace().after(deadline_left(), parts_->moved()));
      return;
    case PartsTransfer::Step::paused:
      set_deadline(write_pace().after(deadline_left(), parts_->moved()));
      return resume_later();
    case PartsTransfer::Step::broken:
      return break_off();
  }
}

void Connection::start_stream() {
  const RequestState& request = call_->state;
  Context& context = *request.mount->context;
  StreamSink& sink = *this;
  stream_ = std::make_unique<StreamedBody>(sink, context, request.head.minor_version != 0);
  // How long a stream goes on says nothing of how fast its answer was.
  share_.timer.answered(call_->state);
  share_.timer.record();
  host().runtime().task_started();
  // A client that left while its handler waited: no event will tell of it again.
  if (peer_ended()) stream_->note_client_end();
  if (call_->start_body(*stream_)) {
    on_stream_done(this);
  } else {
    if (peer_ended()) resume_later();
    call_->notify(&Connection::on_stream_done, this);
    if (has_no_end(call_->response())) {
      call_->deadline.disarm();
    } else {
      limit_call();
    }
  }
}

/// The head has been sent: the client learns from a body without its end.
void Connection::give_up_stream() {
  call_->cancel();
  tell_of_transfer(false);
  stream_.reset();
  share_.cycle.ended(std::move(call_));
  close();
}

void Connection::on_stream_done(void* self) {
  auto& connection = *static_cast<Connection*>(self);
  connection.host().runtime().task_ended();
  const bool failed = connection.call_->failed();
  if (failed) connection.share_.cycle.log_failure(*connection.call_);
  if (!failed && !connection.broken_) connection.send_piece(connection.stream_->ending());
  // An unfinished body ends without its last chunk, so that the client sees that it is incomplete.
  if (failed || connection.broken_ || connection.closed()) {
    connection.tell_of_transfer(false);
    connection.stream_.reset();
    connection.share_.cycle.ended(std::move(connection.call_));
    return connection.close();
  }
  connection.end_transfer();
}

void Connection::tell_of_transfer(bool complete) {
  const std::uint64_t bytes = parts_ ? parts_->sent() : stream_ ? stream_->written() : 0;
  share_.answered({call_.get(), call_->state.client, &call_->response(), bytes, complete});
  share_.timer.record();
}

void Connection::end_transfer() {
  tell_of_transfer(true);
  parts_.reset();
  stream_.reset();
  transferring_ = false;
  const bool keep_alive = call_->keep_alive;
  share_.cycle.ended(std::move(call_));
  finish_or_wait(keep_alive ? Next::read : Next::close);
  if (!closed() && (has_input() || may_have_input())) resume_later();
}

/// The connection goes on as what the upgrade makes of it.
void Connection::hand_over() {
  const auto upgrade = ResponseParts::special(call_->response())->upgrade;
  worker::ServiceHost& to = worker::host_of(*call_->state.mount->context);
  tell_of_transfer(true);
  share_.cycle.ended(std::move(call_));
  const std::string rest(input().data(), input().size());
  ipc::UniqueFd fd = release();
  upgrade->take_over(to, std::move(fd), peer(), rest);
}

}  // namespace prefork::http
