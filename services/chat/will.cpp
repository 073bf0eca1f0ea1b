#include "services/chat/will.hpp"

#include <chrono>
#include <cstring>
#include <exception>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

#include "services/chat/roster.hpp"

namespace chat {

using namespace std::chrono_literals;
using prefork::LogLevel;
using prefork::Message;
using prefork::PutStatus;
using prefork::Task;

namespace {

constexpr std::string_view kWills = "chat-wills";
constexpr std::string_view kLastWill = "wills";  // in the numbers
constexpr std::size_t kLeastCapacity = 64;

std::string_view bytes_of(const std::int64_t& number) noexcept {
  return {reinterpret_cast<const char*>(&number), sizeof number};
}

std::int64_t number_in(const Message& message) noexcept {
  std::int64_t number = 0;
  if (message.bytes().size() == sizeof number) std::memcpy(&number, message.bytes().data(), sizeof number);
  return number;
}

}  // namespace

std::int64_t next_number(prefork::Table& numbers, std::string_view name) {
  const auto next = numbers.increment(name, 0);
  if (next.status == prefork::TableStatus::busy) throw RosterBusy();
  return next.value;
}

void Will::describe(prefork::Manifest& manifest) {
  manifest.duration("will-renewal", 1h, "How long a worker keeps one will.", {1, 86'400'000});
  manifest.queue(kWills, {.capacity = 1024, .message_bytes = 8, .max_deliveries = 0, .dead_letters = 0},
                 "What is to be done after a worker's death: each worker holds one.", prefork::Scope::server);
  manifest.table(kNumbers, {.rows = 8, .key_bytes = 8, .columns = {{"last"}}}, "The last numbers that were given.",
                 prefork::Scope::server);
}

Will::Will(prefork::Context& context, Execute execute)
    : context_(context),
      wills_(context.queue(kWills)),
      numbers_(context.table(kNumbers)),
      execute_(std::move(execute)),
      renewal_(context.options().duration("will-renewal")) {}

bool Will::try_make() {
  const std::int64_t number = next_number(numbers_, kLastWill);
  if (wills_.put_nowait(bytes_of(number)) != PutStatus::done) return false;
  while (auto message = wills_.get_nowait()) {
    if (number_in(*message) == number) {
      held_.emplace(number, std::move(*message));
      number_ = number;
      made_ = std::chrono::steady_clock::now();
      return true;
    }
    if (!settle(*message)) return false;
  }
  return false;
}

// A will that nobody has held covers nothing.
bool Will::settle(Message& message) {
  try {
    const std::int64_t number = number_in(message);
    if (number > 0 && message.deliveries() > 1 && !execute_(number)) return false;
  } catch (const std::exception& error) {
    context_.log(LogLevel::warning, std::string("a dead worker's members: ") + error.what());
    return false;
  }
  message.ack();
  return true;
}

Task<void> Will::make() {
  if (wills_.capacity() < kLeastCapacity) {
    throw std::invalid_argument("chat-wills-capacity must be at least " + std::to_string(kLeastCapacity));
  }
  if (context_.options().integer("chat-wills-max-deliveries") != 0) {
    throw std::invalid_argument("chat-wills-max-deliveries must be 0: a will is never given up");
  }
  for (int i = 0; i < 1000; ++i) {
    if (try_make()) co_return;
    co_await context_.sleep_for(std::chrono::milliseconds(1 + context_.worker_index() % 7));
  }
  throw std::runtime_error("there is no room for a worker's will: raise chat-wills-capacity");
}

Task<void> Will::watch() {
  while (auto message = co_await wills_.get()) {
    if (!settle(*message)) co_await context_.sleep_for(100ms);  // then it is given back
  }
}

// Old enough to be replaced, while there is still room for its successor.
bool Will::is_old() const {
  if (std::chrono::steady_clock::now() - made_ >= renewal_) return true;
  const auto row = numbers_.get(kLastWill);
  return row && static_cast<std::uint64_t>(row->integer(0) - number_) > wills_.capacity() / 4;
}

void Will::renew(const std::function<bool(std::int64_t from, std::int64_t to)>& move) {
  if (is_old()) try_make();
  for (auto at = held_.begin(); at != held_.end();) {
    if (at->first == number_ || !move(at->first, number_)) {
      ++at;
      continue;
    }
    at->second.ack();
    context_.log(LogLevel::debug, "a new will: " + std::to_string(number_) + " for " + std::to_string(at->first));
    at = held_.erase(at);
  }
}

void Will::revoke() noexcept {
  for (auto& [number, message] : held_) message.ack();
  held_.clear();
}

}  // namespace chat
