#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "framework/master/loop/clock.hpp"

/// The buffers and deadlines of one connection to the control socket. Pure: the caller reads and writes.
namespace prefork::master {

/// One command is carried out at a time, so a client can make the master hold at most one line and one answer. The
/// caller's turn, on any event of the connection:
///
///   read if wants_input(); feed(); while (auto line = next_line()) answer(...) or wait();
///   write output(); wrote(); close if finished() or deadline() has passed.
class ControlSession {
 public:
  struct Limits {
    std::size_t line_bytes = 1024;
    /// How long the client may take to send a whole line, and to begin the next; zero: no limit.
    std::chrono::milliseconds input{30'000};
    /// How long the client may take to accept the next piece of an answer.
    std::chrono::milliseconds output{10'000};
  };

  /// What an upgrade carries over; deadlines start again.
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

  /// Whether to read from the client now. True even while it waits for an answer, so that its disconnection is noticed.
  bool wants_input() const noexcept;

  /// Takes what was read. `too_long`: the line being received exceeds the limit; the input is dropped, and the session
  /// continues only to say so. A line that is too long but follows a valid one is left to the parser, which refuses it.
  enum class Fed { ok, too_long };
  Fed feed(std::string_view bytes);

  /// The client has sent everything (end of file); its commands are still answered.
  void input_ended() noexcept { input_ended_ = true; }

  /// @return the next line without its line end (LF or CR LF); nullopt: there is none, or the previous answer is not
  /// out yet
  std::optional<std::string> next_line(TimePoint now);

  /// Whether next_line() would return a line.
  bool has_line() const noexcept;

  /// The command takes a while, or its answer is the end of the connection: there is no deadline until `answer`.
  void wait() noexcept { waiting_ = true; }

  /// Queues an answer line, with its line end.
  void answer(std::string_view line, TimePoint now);

  /// Ends the connection once the output is written: after a line that was too long.
  void close_when_written() noexcept { closing_ = true; }

  /// @return what must be written
  std::string_view output() const noexcept { return std::string_view(output_).substr(written_); }
  void wrote(std::size_t bytes, TimePoint now);

  /// Whether the connection is done.
  bool finished() const noexcept;

  /// @return when the client counts as too slow; nullopt while the master must act
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
