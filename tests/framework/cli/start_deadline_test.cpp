#include "framework/cli/start_deadline.hpp"

#include <gtest/gtest.h>
#include <sysexits.h>
#include <unistd.h>

#include "framework/config/errand.hpp"

namespace prefork::cli {
namespace {

std::string words(const std::string& sentence) { return "test: " + sentence + "\n"; }

[[noreturn]] void wait_for_ever() {
  for (;;) ::pause();
}

TEST(StartDeadline, NamesWhatTakesTooLong) {
  const auto start = [] {
    const StartDeadline deadline(std::chrono::seconds(1), STDERR_FILENO, &words);
    config::begin_errand("reading /a");
    config::begin_errand("reading " + std::string(2000, 'b'));
    config::begin_errand("reading /c");
    wait_for_ever();
  };
  EXPECT_EXIT(start(), testing::ExitedWithCode(EX_TEMPFAIL), "^test: reading /c takes too long\n$");
}

TEST(StartDeadline, IsNotForWhatComesLater) {
  {
    const StartDeadline deadline(std::chrono::seconds(1), STDERR_FILENO, &words);
    config::begin_errand("reading /a");
  }
  config::begin_errand("reading /b");
  EXPECT_EQ(::alarm(0), 0U) << "none is set";
}

}  // namespace
}  // namespace prefork::cli
