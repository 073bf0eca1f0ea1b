#include "framework/worker/net/coroutine_connection.hpp"

#include <algorithm>
#include <utility>

#include "framework/worker/net/line_scan.hpp"
#include "ipc/posix/check.hpp"

namespace prefork::worker {

namespace {
// A client that sends without end must not keep the worker to itself.
constexpr std::uint16_t kReadsPerTurn = 32;
}  // namespace

CoroutineConnection::CoroutineConnection(ServiceHost& host, ipc::UniqueFd fd, const PeerAddress& peer)
    : StreamConnection(host, std::move(fd), peer), budget_(kReadsPerTurn), idle_timeout_(host.limits().idle_timeout) {}

bool CoroutineConnection::start_read(std::size_t max_line) {
  PREFORK_CHECK(!reader_);
  max_line_ = max_line;
  if (given_ > 0) consume(std::exchange(given_, 0));
  if (try_read()) return true;
  if (unsent_.empty()) set_deadline(idle_timeout_);
  return false;
}

// True: finish_read() has something to give, be it the end.
bool CoroutineConnection::try_read() {
  has_result_ = false;
  if (ended_) return true;
  if (max_line_ > 0 ? take_line() : !block_bytes().empty() && take(block_bytes().size(), 0)) return true;
  if (overlong_) return true;
  if (budget_ == 0 && may_have_input()) {
    resume_later();
    return false;
  }
  while (!input_ended_ && may_have_input()) {
    if (budget_ > 0) --budget_;
    const Received received = receive();
    if (received == Received::end) input_ended_ = true;
    if (received != Received::data) break;
    if (max_line_ == 0) return take(block_bytes().size(), 0);
    if (take_line() || overlong_) return true;
  }
  if (input_ended_) {
    // The last line may lack its line end.
    if (max_line_ > 0 && block_bytes().size() > max_line_) overlong_ = true;
    if (!overlong_ && !block_bytes().empty()) return take(block_bytes().size(), 0);
    return true;
  }
  return host().runtime().drain == DrainMode::closing && block_bytes().empty();
}

bool CoroutineConnection::take(std::size_t bytes, std::size_t with_line_end) noexcept {
  length_ = static_cast<std::uint32_t>(bytes);
  given_ = static_cast<std::uint32_t>(bytes + with_line_end);
  has_result_ = true;
  return true;
}

bool CoroutineConnection::take_line() noexcept {
  const LineScan line = scan_line(block_bytes(), max_line_, block_room() == 0);
  overlong_ = line.overlong;
  return line.found && take(line.length, line.line_end);
}

Outcome<std::string_view> CoroutineConnection::finish_read() noexcept {
  if (!has_result_) {
    if (overlong_) return Reason::too_long;
    return input_ended_ && !ended_ ? Reason::closed : why_;
  }
  has_result_ = false;
  return block_bytes().substr(0, length_);
}

bool CoroutineConnection::start_write(std::string_view bytes) {
  PREFORK_CHECK(!writer_ && unsent_.empty());
  if (ended_ || bytes.empty()) return true;
  const auto sent = send_some(bytes);
  if (!sent) {
    on_broken();  // a read that waits in another coroutine ends with it
    return true;
  }
  unsent_ = bytes.substr(*sent);
  if (unsent_.empty()) return true;
  set_deadline(host().limits().write_timeout);
  return false;
}

void CoroutineConnection::on_input() {
  if (ended_) {
    resume_writer();
    resume_reader();
    return;
  }
  budget_ = kReadsPerTurn;
  if (!reader_) return;
  host().begin_activity(ipc::ActivityKind::connection, peer().raw());
  if (try_read()) resume_reader();
}

void CoroutineConnection::on_writable() {
  if (unsent_.empty()) return;
  const auto sent = send_some(unsent_);
  if (!sent) return on_broken();
  unsent_.remove_prefix(*sent);
  if (!unsent_.empty()) {
    if (*sent > 0) set_deadline(host().limits().write_timeout);
    return;
  }
  host().begin_activity(ipc::ActivityKind::connection, peer().raw());
  resume_writer();
}

// The one deadline is the writer's while a write waits, else the reader's.
void CoroutineConnection::resume_reader() {
  if (unsent_.empty()) clear_deadline();
  if (auto reader = std::exchange(reader_, nullptr)) reader.resume();
}

void CoroutineConnection::resume_writer() {
  unsent_ = {};
  clear_deadline();
  if (reader_) set_deadline(idle_timeout_);
  if (auto writer = std::exchange(writer_, nullptr)) writer.resume();
}

void CoroutineConnection::on_broken() {
  broken_ = true;
  end();
}

void CoroutineConnection::end(Reason why) noexcept {
  if (std::exchange(ended_, true)) return;
  why_ = why;
  has_result_ = false;
  // What is cut in the middle is not to look whole.
  broken_ = broken_ || !unsent_.empty();
  broken_ ? shut_down() : finish_sending();
  // Resumed by the loop, since the caller may be one of the two coroutines.
  if (reader_ || writer_) resume_later();
}

void CoroutineConnection::on_timeout() { end(Reason::timed_out); }

void CoroutineConnection::set_idle_timeout(std::chrono::milliseconds limit) noexcept {
  const std::chrono::milliseconds none(0), least(1);
  idle_timeout_ = limit == kForever ? none : std::max(limit, least);
}

void CoroutineConnection::on_drain() {
  if (host().runtime().drain != DrainMode::closing || !reader_) return;
  look_again();  // what has come before the order is served
  resume_later();
}

void CoroutineConnection::finish() noexcept {
  PREFORK_CHECK(!reader_ && !writer_);
  if (closed()) return;
  broken_ ? close() : close_gracefully();
}

}  // namespace prefork::worker

namespace prefork {

namespace {
worker::CoroutineConnection& self(Connection& peer) noexcept { return static_cast<worker::CoroutineConnection&>(peer); }
const worker::CoroutineConnection& self(const Connection& peer) noexcept {
  return static_cast<const worker::CoroutineConnection&>(peer);
}
}  // namespace

void Connection::close() noexcept { self(*this).end(); }
std::string Connection::peer_address() const { return self(*this).peer().to_string(); }
std::uint64_t Connection::id() const noexcept { return self(*this).id(); }
Context& Connection::context() const noexcept { return self(*this).host(); }
void Connection::idle_timeout(std::chrono::milliseconds limit) noexcept { self(*this).set_idle_timeout(limit); }

bool Connection::start_read() { return self(*this).start_read(0); }
bool Connection::start_read_line(std::size_t max_bytes) {
  return self(*this).start_read(std::max<std::size_t>(max_bytes, 1));
}
Outcome<std::string_view> Connection::finish_read() noexcept { return self(*this).finish_read(); }
bool Connection::start_write(std::string_view bytes) { return self(*this).start_write(bytes); }
bool Connection::finish_write() noexcept { return self(*this).finish_write(); }
void Connection::park_reader(std::coroutine_handle<> awaiting) noexcept { self(*this).park_reader(awaiting); }
void Connection::park_writer(std::coroutine_handle<> awaiting) noexcept { self(*this).park_writer(awaiting); }

}  // namespace prefork
