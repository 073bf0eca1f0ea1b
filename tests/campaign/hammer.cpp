#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>
#include <map>
#include <stdexcept>
#include <string>

#include <prefork/metrics.hpp>
#include <prefork/queue.hpp>
#include <prefork/semaphore.hpp>
#include <prefork/service.hpp>
#include <prefork/table.hpp>
#include <prefork/topic.hpp>

// The service of the random kill campaign (ipc_kill.cpp): every worker uses every shared object all the time,
// and tells the campaign what it sees, a datagram each:
//   J ID DELIVERIES SEQUENCE   a message was got; it is acknowledged afterwards
//   T VALUE                    the number behind the mutex, as this worker made it
//   B TEXT                     something is broken
namespace {

using namespace prefork;
using namespace std::chrono_literals;

struct News {
  std::uint64_t publisher;
  std::uint64_t number;
  std::uint64_t filler[5];
  std::uint64_t checksum;

  std::uint64_t sum() const noexcept {
    std::uint64_t sum = publisher * 31 + number;
    for (const auto word : filler) sum = sum * 31 + word;
    return sum;
  }
};

class Hammer final : public Service {
 public:
  static void describe(Manifest& manifest) {
    manifest.summary("hammers shared objects while its workers are killed");
    manifest.required_text("collector", "the socket that is told what the workers see");
    manifest.queue("jobs", {.capacity = 256, .message_bytes = 64, .max_deliveries = 0, .dead_letters = 0}, "");
    manifest.topic("news", {.capacity = 256, .message_bytes = sizeof(News)}, "");
    manifest.semaphore("gate", {.permits = 3}, "");
    manifest.mutex("door", {}, "");
    manifest.counter("hits", "");
    manifest.table(
        "rows",
        {.rows = 64, .key_bytes = 16, .columns = {{"count", ColumnType::integer}, {"mirror", ColumnType::integer}}},
        "");
  }

  Task<void> start(Context& context) override {
    context_ = &context;
    connect_collector(context.options().text("collector"));
    for (auto loop : {&Hammer::consume, &Hammer::publish, &Hammer::follow, &Hammer::count}) {
      context.spawn((this->*loop)());
    }
    return {};
  }

  /// Each line is an ID, to be put into the queue; answered by "ok" when it is there.
  Task<void> on_connection(Connection& peer) override {
    Queue& jobs = context_->queue("jobs");
    while (const auto line = co_await peer.read_line()) {
      const std::string id(*line);
      if (co_await jobs.put(id) != PutStatus::done) co_return;
      co_await peer.write("ok\n");
    }
  }

 private:
  void connect_collector(const std::string& path) {
    collector_ = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
    if (::connect(collector_, reinterpret_cast<sockaddr*>(&address), sizeof address) == -1) {
      throw std::runtime_error("connect " + path + ": " + std::strerror(errno));
    }
  }

  Task<void> tell(std::string text) {
    while (::send(collector_, text.data(), text.size(), 0) == -1) co_await context_->sleep_for(1ms);
  }

  Task<void> consume() {
    Queue& jobs = context_->queue("jobs");
    for (unsigned n = 0;; ++n) {
      auto message = co_await jobs.get();
      if (!message) co_return;
      if (n % 50 == 49 && message->deliveries() == 1) {
        message->nack();
        continue;
      }
      co_await tell("J " + std::string(message->bytes()) + " " + std::to_string(message->deliveries()) + " " +
                    std::to_string(message->sequence()));
      if (n % 8 == 0) co_await context_->sleep_for(1ms);  // to be killed with something in its hands
      message->ack();
    }
  }

  Task<void> publish() {
    Topic& topic = context_->topic("news");
    News news{};
    news.publisher = static_cast<std::uint64_t>(::getpid());
    for (;; ++news.number) {
      for (auto& word : news.filler) word = news.number * 7;
      news.checksum = news.sum();
      while (!topic.publish({reinterpret_cast<const char*>(&news), sizeof news})) co_await context_->sleep_for(1ms);
      if (news.number % 16 == 15) co_await context_->sleep_for(2ms);
      if (context_->draining()) co_return;
    }
  }

  Task<void> follow() {
    Subscription subscription = context_->topic("news").subscribe();
    std::map<std::uint64_t, std::uint64_t> next;
    while (const auto publication = co_await subscription.next()) {
      if (publication->lost > 0) {
        next.clear();
        continue;
      }
      News news{};
      std::memcpy(&news, publication->bytes.data(), std::min(publication->bytes.size(), sizeof news));
      if (publication->bytes.size() != sizeof news || news.checksum != news.sum()) co_await tell("B torn news");
      const auto expected = next.find(news.publisher);
      if (expected != next.end() && expected->second != news.number) {
        co_await tell("B news " + std::to_string(news.number) + " instead of " + std::to_string(expected->second));
      }
      next[news.publisher] = news.number + 1;
    }
  }

  Task<void> count() {
    Table& rows = context_->table("rows");
    Counter& hits = context_->counter("hits");
    for (std::uint64_t before = 0; !context_->draining();) {
      hits.add();
      const std::uint64_t now = hits.value();
      if (now < before) co_await tell("B the counter went back");
      before = now;
      const auto permit = co_await context_->semaphore("gate").acquire();
      const auto lock = co_await context_->mutex("door").lock();
      const auto row = rows.get("pair");
      const std::int64_t value = row ? row->integer(0) : 0;
      if (row && row->integer(1) != value) co_await tell("B a torn row");
      if (rows.set("pair", {value + 1, value + 1}) != TableStatus::done) co_await tell("B a row is not set");
      co_await tell("T " + std::to_string(value + 1));
      const auto own = rows.increment("by-" + std::to_string(context_->worker_index()), 0);
      if (own.status != TableStatus::done) co_await tell("B a number does not grow");
      if (value % 32 == 0) co_await context_->sleep_for(1ms);
    }
  }

  Context* context_ = nullptr;
  int collector_ = -1;
};

}  // namespace

PREFORK_SERVICE(Hammer)
