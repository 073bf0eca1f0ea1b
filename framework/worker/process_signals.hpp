#pragma once

namespace prefork::worker {

/// A worker's signals, set up with handlers only: nothing is ignored or blocked, since both would pass to the programs
/// that a service starts, however it starts them; handlers do not. Source: execve(2), signal(7).
///
/// TERM, USR1 and USR2 are noted and taken here. INT, QUIT, HUP and TSTP are for the master: they do nothing. PIPE does
/// nothing, since errno reports it. TTIN and TTOU are ignored from the first one on, because the terminal requires it
/// of a process that continues. The others keep their default action.
///
/// A child that a service forks and that executes nothing has the handlers too, and is ended by these signals as if it
/// had none.
class ProcessSignals {
 public:
  /// Must be called once, in a fresh child. Signals that were blocked before are not lost.
  /// @throws std::system_error
  static void take_over();

  /// Readable if a signal was noted; -1 before take_over().
  static int fd() noexcept;
  /// Calls `take(number)` once for each signal that was noted since the last call, however often it came.
  template <class Take>
  static void take(Take take) {
    for (unsigned noted = exchange(); noted != 0; noted &= noted - 1) take(__builtin_ctz(noted));
  }

 private:
  static unsigned exchange() noexcept;  ///< a bit for each number
};

}  // namespace prefork::worker
