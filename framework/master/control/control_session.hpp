#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "framework/master/loop/clock.hpp"

/// The buffers and deadlines of one connection to the control socket. Pure: the caller reads and writes.
namespace prefork::master {

/// One command is carried out at a time, so a client can make the master hold one line and one answer
/// at most. The caller's turn, on any event of the connection:
///
///   read if wants_input(); feed(); while (auto line = next_line()) answer(...) or wait();
///   write output(); wrote(); close if finished() or deadline() has passed.
class ControlSession {
 public:
  struct Limits {
    std::size_t line_bytes = 1024;
    /// For the client to send a whole line, and between two lines; zero: no limit.
    std::chrono::milliseconds input{30'000};
    /// For the client to take the next piece of an answer.
    std::chrono::milliseconds output{10'000};
  };

  /// What an upgrade carries over; deadlines begin anew.
  struct Kept {
    std::string input;
    std::string output;
    bool input_ended = false;
    bool waiting = false;
    bool closing = false;
  };

  explicit ControlSession(TimePoint now) : ControlSession(now, Limits{}) {}
  ControlSession(TimePoint now, const Limits& limits);
  ControlSession(TimePoint now, const Limits& limits, Kept kept);
  Kept keep() const { return {input_, std::string(output()), input_ended_, waiting_, closing_}; }

  /// Whether to read from the client now. Also while an answer is awaited, so that its leaving is seen.
  bool wants_input() const noexcept;

  /// Takes what was read. `too_long`: the line that it begins or goes on with is beyond the limit; what
  /// was fed is dropped, and the session goes on only to say so. A too long line behind a good one is
  /// left to the parser, which refuses it.
  enum class Fed { ok, too_long };
  Fed feed(std::string_view bytes);

  /// The client said all that it will say (end of file): what it asked is still answered.
  void input_ended() noexcept { input_ended_ = true; }

  /// @return the next line without its end (LF or CR LF); nullopt: none is there, or the answer to the
  /// one before is not out yet.
  std::optional<std::string> next_line(TimePoint now);

  /// Whether next_line() has one.
  bool has_line() const noexcept;

  /// The command takes a while, or its answer is the end of the connection: no deadline until `answer`.
  void wait() noexcept { waiting_ = true; }

  /// Queues an answer line, its end included.
  void answer(std::string_view line, TimePoint now);

  /// Lets the connection end once the output is written: after a line that was too long.
  void close_when_written() noexcept { closing_ = true; }

  /// @return what is to be written.
  std::string_view output() const noexcept { return std::string_view(output_).substr(written_); }
  void wrote(std::size_t bytes, TimePoint now);

  /// Whether the connection has no more purpose.
  bool finished() const noexcept;

  /// @return when the client has been too slow; nullopt while it is the master's turn.
  std::optional<TimePoint> deadline() const noexcept;

 private:
  Limits limits_;
  std::string input_;
  std::string output_;
  std::size_t written_ = 0;
  bool input_ended_ = false;
  bool waiting_ = false;
  bool closing_ = false;
  TimePoint input_by_;
  TimePoint output_by_;
};

}  // namespace prefork::master
