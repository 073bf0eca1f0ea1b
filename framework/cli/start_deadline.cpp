#include "framework/cli/start_deadline.hpp"

#include <signal.h>
#include <sysexits.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <utility>

#include "framework/config/errand.hpp"

namespace prefork::cli {

namespace {

// For the signal handler, which can't format a sentence.
std::array<char, 1024> last_words;
std::size_t last_words_length = 0;
int last_words_fd = STDERR_FILENO;

void end_late(int) {
  static_cast<void>(!::write(last_words_fd, last_words.data(), last_words_length));
  ::_exit(EX_TEMPFAIL);
}

}  // namespace

StartDeadline::StartDeadline(std::chrono::seconds patience, int fd, Words words)
    : seconds_(static_cast<unsigned>(patience.count())), words_(std::move(words)) {
  last_words_fd = fd;
  ::signal(SIGALRM, &end_late);
  config::on_errand([this](const std::string& what) { begin(what); });
}

StartDeadline::~StartDeadline() {
  ::alarm(0);
  config::on_errand({});
  ::signal(SIGALRM, SIG_DFL);
}

void StartDeadline::begin(const std::string& what) const {
  ::alarm(0);
  const std::string words = words_(config::late_errand(what));
  last_words_length = std::min(words.size(), last_words.size());
  std::copy_n(words.begin(), last_words_length, last_words.begin());
  ::alarm(seconds_);
}

}  // namespace prefork::cli
