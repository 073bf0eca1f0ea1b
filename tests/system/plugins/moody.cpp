#include <signal.h>
#include <unistd.h>

#include <cstdlib>
#include <prefork/service.hpp>
#include <stdexcept>
#include <string>

namespace {

constexpr std::chrono::milliseconds kMoment{20};
volatile bool forever = true;

void spin() {
  while (forever) {
  }
}

/// A service that fails on demand: as `mood` says in start(), as its client says in a connection.
class Moody final : public prefork::Service {
 public:
  static void describe(prefork::Manifest& manifest) {
    manifest.summary("Fails on demand.");
    manifest.choice("mood", "good", {"good", "crash", "throw", "hang", "wait", "exit", "late"}, "What start() does.");
    manifest.text("unless", "", "A file: where it is there, the mood is good.");
  }

  prefork::Task<void> start(prefork::Context& context) override {
    context_ = &context;
    const std::string mood = context.options().text("mood");
    const std::string& unless = context.options().text("unless");
    if (!unless.empty() && ::access(unless.c_str(), F_OK) == 0) co_return;
    if (mood == "crash") std::abort();
    if (mood == "throw") throw std::runtime_error("a bad day");
    if (mood == "hang") spin();
    if (mood == "wait") co_await context.sleep_for(std::chrono::hours(1));
    if (mood == "exit") std::exit(3);
    while (mood == "late" && ::access(unless.c_str(), F_OK) != 0) co_await context.sleep_for(kMoment);
  }

  prefork::Task<void> on_connection(prefork::Connection& peer) override {
    while (auto line = co_await peer.read_line()) {
      const std::string word(*line);
      if (word == "crash") ::raise(SIGSEGV);
      if (word == "exit") ::_exit(5);
      if (word == "throw") throw std::runtime_error("as you wish");
      if (word == "spin") {
        co_await peer.write("spinning\n");
        spin();
      }
      if (word == "hoard") {
        hoard_.assign(200U << 20, 'x');
        spin();
      }
      if (word == "pid" && !co_await peer.write(std::to_string(::getpid()) + "\n")) co_return;
      if (word.starts_with("say ")) {  // "say 1 text": a line of level 1 (info)
        context_->log(static_cast<prefork::LogLevel>(word[4] - '0'), std::string_view(word).substr(6));
        if (!co_await peer.write("said\n")) co_return;
      }
      if (word == "slow") {
        co_await context_->sleep_for(std::chrono::milliseconds(300));
        co_await peer.write("done\n");
      }
    }
  }

 private:
  prefork::Context* context_ = nullptr;
  std::string hoard_;
};

}  // namespace

PREFORK_SERVICE(Moody)
