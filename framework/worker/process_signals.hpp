#pragma once

namespace prefork::worker {

/// The system's signals as a worker has them, by handlers alone: nothing is ignored and nothing blocked, since both
/// would pass to the programs that a service starts, in whatever way it does; handlers do not. Source: execve(2),
/// signal(7).
///
/// TERM, USR1 and USR2 are noted, to be taken here. INT, QUIT, HUP and TSTP are the master's: they do nothing. PIPE is
/// told by errno. TTIN and TTOU are ignored from the first one on, as the terminal asks it of who goes on. The rest is
/// default.
///
/// A child that a service forks and that executes nothing has them as well, and is ended by them as if it had none.
class ProcessSignals {
 public:
  /// To be called once, in a fresh child. Nothing that came before it is lost, if it was blocked.
  /// @throws std::system_error
  static void take_over();

  /// Readable where a signal was noted; -1 before take_over().
  static int fd() noexcept;
  /// Calls `take(number)` for each signal that was noted since the last call, however often it came.
  template <class Take>
  static void take(Take take) {
    for (unsigned noted = exchange(); noted != 0; noted &= noted - 1) take(__builtin_ctz(noted));
  }

 private:
  static unsigned exchange() noexcept;  ///< a bit for each number
};

}  // namespace prefork::worker
