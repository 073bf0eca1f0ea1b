#include <signal.h>
#include <unistd.h>

#include <chrono>
#include <optional>
#include <prefork/blocking_service.hpp>
#include <prefork/channel.hpp>
#include <prefork/event.hpp>
#include <prefork/metrics.hpp>
#include <prefork/queue.hpp>
#include <prefork/semaphore.hpp>
#include <prefork/service.hpp>
#include <prefork/signal.hpp>
#include <prefork/table.hpp>
#include <prefork/topic.hpp>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

using namespace prefork;
using namespace std::chrono_literals;

std::string text(const Outcome<Message>& message) {
  if (!message) return "none";
  return std::string(message->bytes()) + " (" + std::to_string(message->deliveries()) + ")";
}

void declare(Manifest& manifest) {
  manifest.queue("jobs",
                 {.capacity = 8, .message_bytes = 32, .max_deliveries = 2, .dead_letters = 4, .hold_limit = 300ms},
                 "Work.", Scope::server);
  manifest.semaphore("gate", {.permits = 2}, "A gate.", Scope::server);
}

/// Does with shared objects what its client says, a line each.
class Sharing final : public Service {
 public:
  static void describe(Manifest& manifest) {
    manifest.summary("Shares objects on demand.");
    declare(manifest);
    manifest.mutex("door", {}, "A door.");
    manifest.event("go", "A flag.");
    manifest.topic("news", {.capacity = 16, .message_bytes = 64}, "News.");
    manifest.counter("hits", "Lines.");
    manifest.table("rows", {.rows = 8, .key_bytes = 16, .columns = {{"count"}}}, "Rows.");
    manifest.channel("wire", {.first = "0", .second = "1", .capacity = 8, .message_bytes = 32}, "A wire.");
    manifest.signals();
  }

  Task<void> start(Context& context) override {
    context_ = &context;
    context.on_signal("note", [this](Signal signal) {
      heard_.push_back(signal.payload + " of " + std::to_string(signal.from_worker));
    });
    context.on_signal(SIGUSR1, [this] { heard_.push_back("USR1"); });
    return {};
  }

  Task<void> on_connection(Connection& peer) override {
    std::vector<Message> taken;
    std::vector<Permit> permits;
    while (const auto line = co_await peer.read_line()) {
      context_->counter("hits").add();
      std::istringstream words{std::string(*line)};
      std::string verb, argument, rest;
      words >> verb >> argument >> rest;
      const std::string answer = co_await obey(verb, argument, rest, taken, permits);
      co_await peer.write(answer + "\n");
    }
  }

 private:
  Task<std::string> obey(std::string verb, std::string argument, std::string rest, std::vector<Message>& taken,
                         std::vector<Permit>& permits) {
    Queue& jobs = context_->queue("jobs");
    if (verb == "who") co_return std::to_string(context_->worker_index()) + " " + std::to_string(::getpid());
    if (verb == "put") co_return (co_await jobs.put(argument, {.timeout = 100ms})) == PutStatus::done ? "done" : "full";
    if (verb == "take" || verb == "get") {
      auto message = co_await jobs.get(10s);
      std::string answer = text(message);
      if (message && verb == "take") taken.push_back(std::move(*message));
      if (message && verb == "get") message->ack();
      co_return answer;
    }
    if (verb == "look") co_return text(jobs.get_nowait());
    if (verb == "nack") co_return taken.clear(), "done";
    if (verb == "acquire" || verb == "lock") {
      Outcome<Permit> permit = Reason::nothing;
      if (verb == "lock") {
        permit = co_await context_->mutex("door").lock(10s);
      } else {
        permit = co_await context_->semaphore("gate").acquire(10s);
      }
      if (!permit) co_return "none";
      std::string answer = permit->owner_died() ? "owner died" : "done";
      permits.push_back(std::move(*permit));
      co_return answer;
    }
    if (verb == "release") co_return permits.clear(), "done";
    if (verb == "set") co_return context_->event("go").set() ? "done" : "was set";
    if (verb == "wait") co_return (co_await context_->event("go").wait(10s)) ? "done" : "none";
    if (verb == "send") co_return context_->channel("wire")->send_nowait(argument) == PutStatus::done ? "done" : "full";
    if (verb == "receive") {
      auto message = co_await context_->channel("wire")->receive(10s);
      std::string answer = text(message);
      if (message && argument == "ack") message->ack();
      if (message && argument != "ack") taken.push_back(std::move(*message));
      co_return answer;
    }
    if (verb == "signal") co_return context_->signal(argument, "note", rest) ? "done" : "none";
    if (verb == "heard") {
      for (int i = 0; i < 2000 && heard_.empty(); ++i) co_await context_->sleep_for(5ms);
      std::string all;
      for (const auto& note : heard_) all += note + ";";
      heard_.clear();
      co_return all;
    }
    if (verb == "incr") co_return std::to_string(context_->table("rows").increment(argument, 0).value);
    if (verb == "hits") co_return std::to_string(context_->counter("hits").value());
    co_return "what?";
  }

  Context* context_ = nullptr;
  std::vector<std::string> heard_;
};

/// The same objects from a service that blocks.
class Blocking final : public BlockingService {
 public:
  static void describe(Manifest& manifest) {
    manifest.summary("Waits for jobs, blocking.");
    declare(manifest);
  }
  void handle(Stream& peer) override {
    Context& context = peer.context();
    while (const auto line = peer.read_line()) {
      std::string answer = "what?";
      if (*line == "get") {
        auto message = context.queue("jobs").get_blocking(10s);
        answer = text(message);
        if (message) message->ack();
      }
      if (*line == "get for ever") answer = text(context.queue("jobs").get_blocking());
      if (*line == "short") answer = text(context.queue("jobs").get_blocking(5ms));
      if (*line == "gate") answer = context.semaphore("gate").acquire_blocking(10s) ? "done" : "none";
      if (!peer.write(answer + "\n")) return;
    }
  }
};

}  // namespace

#if defined(BLOCKING)
PREFORK_SERVICE(Blocking)
#else
PREFORK_SERVICE(Sharing)
#endif
