#pragma once

#include <termios.h>

#include <chrono>
#include <string>

#include "framework/cli/ctl_top.hpp"

namespace prefork::cli {

/// The terminal as one page that is written over and over (xterm's alternate screen). It is given back as it was when
/// the object goes; SIGINT, SIGTERM and SIGHUP are waited for, so that it goes.
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
  /// Waits; a change of the window's size ends that early. @return whether q, Ctrl-C or a signal asks to end.
  bool wait_for_quit(std::chrono::milliseconds patience);

 private:
  termios before_{};
};

}  // namespace prefork::cli
