#pragma once

#include <termios.h>

#include <chrono>
#include <string>

#include "framework/cli/ctl_top.hpp"

namespace prefork::cli {

/// The terminal as one page that is written repeatedly (xterm's alternate screen). The destructor restores the
/// terminal; the object waits for SIGINT, SIGTERM and SIGHUP, so that the destructor runs.
class Screen {
 public:
  /// Whether standard input and output are a terminal.
  static bool possible() noexcept;
  static TopSize size() noexcept;

  Screen();
  Screen(const Screen&) = delete;
  Screen& operator=(const Screen&) = delete;
  ~Screen();

  void show(const std::string& text);
  /// Waits; a change of the window's size ends the wait early. @return whether q, Ctrl-C or a signal asks to quit
  bool wait_for_quit(std::chrono::milliseconds patience);

 private:
  termios before_{};
};

}  // namespace prefork::cli
