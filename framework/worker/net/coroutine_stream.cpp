#include "framework/worker/net/coroutine_stream.hpp"

#include <algorithm>
#include <utility>

#include "framework/worker/net/line_scan.hpp"
#include "ipc/posix/check.hpp"

#include <prefork/forever.hpp>

namespace prefork::worker {

namespace {
// A client that sends without end must not occupy the worker.
constexpr std::uint16_t kReadsPerTurn = 32;
}  // namespace

CoroutineStream::CoroutineStream(Runtime& runtime, Transport transport, Limits limits, ipc::WorkerSlot* counters)
    : ByteStream(runtime, std::move(transport), counters), budget_(kReadsPerTurn), limits_(limits) {}

bool CoroutineStream::start_read(std::size_t max_line) {
  PREFORK_CHECK(!reader_);
  max_line_ = max_line;
  if (given_ > 0) consume(std::exchange(given_, 0));
  if (try_read()) return true;
  if (unsent_.empty()) set_deadline(limits_.idle);
  return false;
}

// @return true: finish_read() has a result, possibly the end
bool CoroutineStream::try_read() {
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
  return block_bytes().empty() && gives_up_reading();
}

bool CoroutineStream::take(std::size_t bytes, std::size_t with_line_end) noexcept {
  length_ = static_cast<std::uint32_t>(bytes);
  given_ = static_cast<std::uint32_t>(bytes + with_line_end);
  has_result_ = true;
  return true;
}

bool CoroutineStream::take_line() noexcept {
  const LineScan line = scan_line(block_bytes(), max_line_, block_room() == 0);
  overlong_ = line.overlong;
  return line.found && take(line.length, line.line_end);
}

Outcome<std::string_view> CoroutineStream::finish_read() noexcept {
  if (!has_result_) {
    if (overlong_) return Reason::too_long;
    return input_ended_ && !ended_ ? Reason::closed : why_;
  }
  has_result_ = false;
  return block_bytes().substr(0, length_);
}

bool CoroutineStream::start_write(std::string_view bytes) {
  PREFORK_CHECK(!writer_ && unsent_.empty());
  if (ended_ || bytes.empty()) return true;
  const auto sent = send_some(bytes);
  if (!sent) {
    on_broken();  // a read that waits in another coroutine ends too
    return true;
  }
  unsent_ = bytes.substr(*sent);
  if (unsent_.empty()) return true;
  set_deadline(limits_.write);
  return false;
}

void CoroutineStream::on_input() {
  if (ended_) {
    resume_writer();
    resume_reader();
    return;
  }
  budget_ = kReadsPerTurn;
  if (!reader_) return;
  going_on();
  if (try_read()) resume_reader();
}

void CoroutineStream::on_writable() {
  if (unsent_.empty()) return;
  const auto sent = send_some(unsent_);
  if (!sent) return on_broken();
  unsent_.remove_prefix(*sent);
  if (!unsent_.empty()) {
    if (*sent > 0) set_deadline(limits_.write);
    return;
  }
  going_on();
  resume_writer();
}

// While a write waits, the one deadline is the writer's, otherwise the reader's.
void CoroutineStream::resume_reader() {
  if (unsent_.empty()) clear_deadline();
  if (auto reader = std::exchange(reader_, nullptr)) reader.resume();
}

void CoroutineStream::resume_writer() {
  unsent_ = {};
  clear_deadline();
  if (reader_) set_deadline(limits_.idle);
  if (auto writer = std::exchange(writer_, nullptr)) writer.resume();
}

void CoroutineStream::on_broken() {
  broken_ = true;
  end();
}

void CoroutineStream::end(Reason why) noexcept {
  if (std::exchange(ended_, true)) return;
  why_ = why;
  has_result_ = false;
  // An answer that is cut off must not look complete.
  broken_ = broken_ || !unsent_.empty();
  broken_ ? shut_down() : finish_sending();
  // The loop resumes them, since the caller may be one of the two coroutines.
  if (reader_ || writer_) resume_later();
}

void CoroutineStream::on_timeout() { end(Reason::timed_out); }

void CoroutineStream::set_idle_timeout(std::chrono::milliseconds limit) noexcept {
  const std::chrono::milliseconds none(0), least(1);
  limits_.idle = limit == kForever ? none : std::max(limit, least);
}

void CoroutineStream::finish() noexcept {
  PREFORK_CHECK(!reader_ && !writer_);
  if (closed()) return;
  broken_ ? close() : close_gracefully();
}

}  // namespace prefork::worker
