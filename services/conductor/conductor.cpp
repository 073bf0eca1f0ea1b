#include <signal.h>
#include <unistd.h>

#include <charconv>
#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <sstream>
#include <string>
#include <string_view>

#include <prefork/event.hpp>
#include <prefork/service.hpp>
#include <prefork/signal.hpp>

using namespace std::chrono_literals;

/// A lesson in synchronisation: two workers that communicate only by signals and events, in a fixed order. Worker 0
/// conducts, worker 1 plays; for a client's `play N` they take turns, beat and note, N times. README.md explains it.
class Conductor final : public prefork::Service {
 public:
  static void describe(prefork::Manifest& manifest) {
    manifest.summary("Two workers that take turns, by signals and events only.");
    manifest.duration("patience", 200ms, "How long a beat may take before it is given again.", {1, 60'000});
    manifest.event("conductor-seated", "Worker 0 listens, or has listened once.");
    manifest.event("orchestra-seated", "Worker 1 listens, or has listened once.");
    manifest.event("stage", "Something was heard: look again.");
    manifest.signals();
  }

  prefork::Task<void> start(prefork::Context& context) override {
    context_ = &context;
    context.on_signal("beat", [this](const prefork::Signal& signal) { conduct(signal.payload); });
    context.on_signal("note", [this](const prefork::Signal& signal) { play(signal.payload); });
    context.on_signal("heard", [this](const prefork::Signal& signal) { hear(signal.payload); });
    context.on_signal(SIGUSR1, [this] { report(); });
    // Not earlier: a worker that sees the seat taken may send at once, and a signal to a worker that does not listen is
    // lost.
    if (context.worker_index() == 0) context.event("conductor-seated").set();
    if (context.worker_index() == 1) context.event("orchestra-seated").set();
    return {};
  }

  prefork::Task<void> on_connection(prefork::Connection& peer) override {
    while (const auto line = co_await peer.read_line(256)) {
      const auto beats = beats_in(*line);
      if (!beats) {
        co_await peer.write("say: play N, with N from 1 to 1000\n");
        continue;
      }
      for (unsigned beat = 1; beat <= *beats; ++beat) {
        const std::string transcript = co_await perform(peer.id(), beat);
        if (!co_await peer.write(transcript)) co_return;
        if (!transcript.starts_with(std::to_string(beat) + " ")) co_return;
      }
      if (!co_await peer.write("the end\n")) co_return;
    }
  }

 private:
  /// What is known about one beat that a client of this worker waits for.
  struct Exchange {
    std::string conductor;
    std::string orchestra;
    unsigned asked = 0;
  };

  static std::optional<unsigned> beats_in(std::string_view line) {
    unsigned beats = 0;
    if (!line.starts_with("play ")) return std::nullopt;
    line.remove_prefix(5);
    const auto [end, error] = std::from_chars(line.data(), line.data() + line.size(), beats);
    if (error != std::errc() || end != line.data() + line.size() || beats < 1 || beats > 1000) return std::nullopt;
    return beats;
  }

  std::string worker(unsigned index) const { return context_->pool() + "/" + std::to_string(index); }
  static std::string self(std::string_view role) {
    return std::string(role) + " (pid " + std::to_string(getpid()) + ")";
  }

  /// One beat and its note, in this order. It is requested until both have been heard: if a worker dies in between, its
  /// replacement is asked again. The two workers keep no state about it, so there is nothing to restore: what is done
  /// and what is not is known here, where the client waits for it.
  prefork::Task<std::string> perform(std::uint64_t client, unsigned beat) {
    for (const char* seat : {"conductor-seated", "orchestra-seated"}) {
      if (!co_await context_->event(seat).wait(2s)) co_return "nobody sits there: " + std::string(seat) + "\n";
    }
    // Unique: a late answer to a predecessor of this process must not pass for one to this process.
    const std::string token = std::to_string(getpid()) + "-" + std::to_string(client) + "-" + std::to_string(beat);
    Exchange& exchange = exchanges_[token];
    const auto heard_all = [&exchange] { return !exchange.orchestra.empty(); };
    const auto patience = context_->options().duration("patience");
    while (!heard_all() && exchange.asked < 100 && !context_->draining()) {
      ++exchange.asked;
      send(worker(0), "beat", std::to_string(context_->worker_index()) + " " + token);
      // Look first, then wait. Nothing gets lost in between: hear(), which changes what is looked at, runs in this
      // thread too. Each wait has an end, because a signal may be lost together with the worker that it was sent to.
      const auto until = std::chrono::steady_clock::now() + patience;
      while (!heard_all() && std::chrono::steady_clock::now() < until) {
        co_await context_->event("stage").wait(patience);
      }
    }
    std::string transcript = "nothing is heard\n";
    if (heard_all()) {
      const std::string number = std::to_string(beat) + " ";
      const std::string again = exchange.asked > 1 ? ", asked " + std::to_string(exchange.asked) + " times" : "";
      transcript = number + exchange.conductor + "\n" + number + exchange.orchestra + again + "\n";
    }
    exchanges_.erase(token);
    co_return transcript;
  }

  /// One that can't be sent is as good as one that is lost: who waits for the answer asks again.
  void send(const std::string& to, std::string_view name, const std::string& payload) {
    if (!context_->signal(to, name, payload)) context_->log(prefork::LogLevel::notice, "a signal could not be sent");
  }

  /// In worker 0. The asker is told before the orchestra is: all workers see signals in the order in which they were
  /// sent, so nobody can hear the note before the beat.
  void conduct(const std::string& payload) {
    const auto [asker, token] = parse(payload);
    ++beats_;
    send(worker(asker), "heard", token + " " + self("conductor"));
    send(worker(1), "note", payload);
  }

  /// In worker 1.
  void play(const std::string& payload) {
    const auto [asker, token] = parse(payload);
    ++notes_;
    send(worker(asker), "heard", token + " " + self("orchestra"));
  }

  /// In the client's worker, which may be either of the two. A repeated or late signal changes nothing.
  void hear(const std::string& payload) {
    const auto blank = payload.find(' ');
    const auto exchange = exchanges_.find(payload.substr(0, blank));
    if (exchange == exchanges_.end() || blank == std::string::npos) return;
    const std::string who = payload.substr(blank + 1);
    auto& [conductor, orchestra, asked] = exchange->second;
    if (who.starts_with("conductor") && conductor.empty()) conductor = who;
    if (who.starts_with("orchestra") && !conductor.empty() && orchestra.empty()) orchestra = who;
    // A pulse: waiters go on even if it is cleared at once.
    context_->event("stage").set();
    context_->event("stage").clear();
  }

  struct Request {
    unsigned asker = 0;
    std::string token{};
  };
  static Request parse(const std::string& payload) {
    Request request;
    std::istringstream(payload) >> request.asker >> request.token;
    return request;
  }

  void report() const {
    context_->log(prefork::LogLevel::notice, std::to_string(beats_) + " beats conducted, " + std::to_string(notes_) +
                                                 " notes played, " + std::to_string(exchanges_.size()) + " waited for");
  }

  prefork::Context* context_ = nullptr;
  std::map<std::string, Exchange> exchanges_;  // by their tokens
  std::uint64_t beats_ = 0;
  std::uint64_t notes_ = 0;
};

PREFORK_SERVICE(Conductor)
