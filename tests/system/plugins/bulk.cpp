#include <unistd.h>

#include <prefork/queue.hpp>
#include <prefork/semaphore.hpp>
#include <prefork/service.hpp>
#include <prefork/table.hpp>
#include <prefork/topic.hpp>
#include <sstream>
#include <string>
#include <vector>

namespace {

using namespace prefork;

/// Fills big shared objects as its client says, a line each: "fill 1000", "bury 1000", "take 1000", "permits 1000",
/// "rows 1000". How big they are is said by the options of the service.
class Bulk final : public Service {
 public:
  static void describe(Manifest& manifest) {
    manifest.summary("Fills big shared objects.");
    manifest.queue("jobs", {.capacity = 8, .message_bytes = 8, .max_deliveries = 1, .dead_letters = 8}, "Work.");
    manifest.topic("news", {.capacity = 8, .message_bytes = 8}, "News.");
    manifest.semaphore("gate", {.permits = 8}, "A gate.");
    manifest.table("rows", {.rows = 8, .key_bytes = 16, .columns = {{"count"}}}, "Rows.");
  }

  Task<void> start(Context& context) override {
    context_ = &context;
    return {};
  }

  Task<void> on_connection(Connection& peer) override {
    while (const auto line = co_await peer.read_line()) {
      std::istringstream words{std::string(*line)};
      std::string verb;
      std::size_t times = 0;
      words >> verb >> times;
      std::size_t done = 0;
      if (verb == "pid") {
        done = static_cast<std::size_t>(::getpid());
      } else {
        while (done < times && once(verb, done)) ++done;
      }
      co_await peer.write(std::to_string(done) + "\n");
    }
  }

 private:
  bool once(const std::string& verb, std::size_t number) {
    Queue& jobs = context_->queue("jobs");
    if (verb == "fill") return jobs.put_nowait(std::to_string(number % 10'000'000)) == PutStatus::done;
    if (verb == "bury") {  // it is undeliverable once it has been given back
      if (jobs.put_nowait(std::to_string(number % 10'000'000)) != PutStatus::done) return false;
      (void)jobs.get_nowait();
      return !jobs.get_nowait();
    }
    if (verb == "take") {
      auto message = jobs.get_nowait();
      if (message) taken_.push_back(std::move(*message));
      return !taken_.empty() && taken_.size() > number;
    }
    if (verb == "permits") {
      auto permit = context_->semaphore("gate").acquire_nowait();
      if (permit) permits_.push_back(std::move(*permit));
      return permits_.size() > number;
    }
    if (verb == "rows") return context_->table("rows").increment(std::to_string(number), 0).status == TableStatus::done;
    return false;
  }

  Context* context_ = nullptr;
  std::vector<Message> taken_;
  std::vector<Permit> permits_;
};

}  // namespace

PREFORK_SERVICE(Bulk)
