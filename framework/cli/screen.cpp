#include "framework/cli/screen.hpp"

#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

namespace prefork::cli {

namespace {

volatile sig_atomic_t g_quit = 0;

void note_quit(int) { g_quit = 1; }
void note_nothing(int) {}  // of the window: makes poll(2) return

void handle(int signal, void (*handler)(int)) {
  struct sigaction action {};
  action.sa_handler = handler;
  ::sigaction(signal, &action, nullptr);
}

void write_out(const std::string& text) {
  std::fputs(text.c_str(), stdout);
  std::fflush(stdout);
}

}  // namespace

bool Screen::possible() noexcept { return ::isatty(STDIN_FILENO) == 1 && ::isatty(STDOUT_FILENO) == 1; }

TopSize Screen::size() noexcept {
  winsize size{};
  if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == -1) return {};
  return {size.ws_col, size.ws_row};
}

Screen::Screen() {
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) handle(signal, note_quit);
  handle(SIGWINCH, note_nothing);
  ::tcgetattr(STDIN_FILENO, &before_);
  termios raw = before_;
  raw.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO);
  ::tcsetattr(STDIN_FILENO, TCSANOW, &raw);
  write_out("\x1b[?1049h\x1b[?25l");
}

Screen::~Screen() {
  write_out("\x1b[?25h\x1b[?1049l");
  ::tcsetattr(STDIN_FILENO, TCSANOW, &before_);
}

// Overwrites line by line, so that nothing flickers.
void Screen::show(const std::string& text) {
  std::string page = "\x1b[H";
  for (std::size_t begin = 0; begin < text.size();) {
    const auto end = std::min(text.find('\n', begin), text.size());
    page.append(text, begin, end - begin).append("\x1b[K");
    begin = end + 1;
    if (begin < text.size()) page += "\r\n";
  }
  write_out(page + "\x1b[J");
}

bool Screen::wait_for_quit(std::chrono::milliseconds patience) {
  pollfd input{STDIN_FILENO, POLLIN, 0};
  if (g_quit == 0 && ::poll(&input, 1, static_cast<int>(patience.count())) == 1) {
    char key = 0;
    const ssize_t n = ::read(STDIN_FILENO, &key, 1);
    if (n <= 0 || key == 'q' || key == 'Q' || key == '\x03') return true;
  }
  return g_quit != 0;
}

}  // namespace prefork::cli
