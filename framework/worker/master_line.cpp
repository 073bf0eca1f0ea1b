#include "framework/worker/master_line.hpp"

#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include "framework/worker/loop/timeout.hpp"
#include "framework/worker/service/service_host.hpp"

namespace prefork::worker {

namespace {

// With the exit codes that the master uses: sysexits.h.
MasterAnswer refusal(std::string_view sentence, int exit_code) {
  return {false, R"({"ok":false,"error":")" + std::string(sentence) + R"(","exit":)" + std::to_string(exit_code) + "}"};
}

constexpr int kUsage = 64;
constexpr int kUnavailable = 69;
constexpr int kNoPermission = 77;

}  // namespace

/// A question, in the frame of the coroutine that asks.
class MasterLine::Question final : private Timeout {
 public:
  Question(MasterLine& line, std::chrono::milliseconds patience) : line_(line) {
    auto& loop = line.runtime_.loop;
    loop.refresh_clock();
    arm(loop, loop.ran_after(static_cast<std::uint64_t>(std::max<std::int64_t>(patience.count(), 0))));
  }
  ~Question() { withdraw(); }

  void answer(MasterAnswer answer) {
    answer_ = std::move(answer);
    disarm();
    if (awaiting_) std::exchange(awaiting_, {}).resume();
  }
  MasterAnswer take() { return std::move(answer_); }

  bool await_ready() const noexcept { return !armed(); }
  void await_suspend(std::coroutine_handle<> awaiting) noexcept { awaiting_ = awaiting; }
  void await_resume() const noexcept {}

 private:
  void on_timeout() override {
    withdraw();
    answer(refusal("the master gave no answer in time", kUnavailable));
  }
  // The answer still comes, and is dropped.
  void withdraw() noexcept {
    std::replace(line_.questions_.begin(), line_.questions_.end(), this, static_cast<Question*>(nullptr));
  }

  MasterLine& line_;
  std::coroutine_handle<> awaiting_;
  MasterAnswer answer_;
};

MasterLine::MasterLine(Runtime& runtime, ipc::UniqueFd socket, std::function<void()> on_lost)
    : runtime_(runtime), socket_(std::move(socket)), on_lost_(std::move(on_lost)) {
  runtime_.loop.add(socket_.get(), EPOLLIN, *this);
}

MasterLine::~MasterLine() {
  runtime_.loop.forget(*this);
  if (socket_.is_open()) runtime_.loop.remove(socket_.get());
}

Task<MasterAnswer> MasterLine::ask(std::string_view command, std::chrono::milliseconds patience) {
  if (command.size() > kMaxQuestionBytes || command.find('\n') != std::string_view::npos) {
    co_return refusal("a question is one line of at most 1024 bytes", kUsage);
  }
  if (!socket_.is_open()) co_return refusal("the line to the master is closed", kUnavailable);
  if (questions_.size() >= kMaxQuestions) co_return refusal("too many questions at once", kUnavailable);
  Question question(*this, patience);
  questions_.push_back(&question);
  output_.append(command) += '\n';
  if (!send()) lose();
  co_await question;
  co_return question.take();
}

void MasterLine::on_events(std::uint32_t) {
  if (!receive() || !send()) lose();
}

// @return false: the line is broken
bool MasterLine::receive() {
  std::array<char, 16384> chunk;
  for (;;) {
    const ssize_t n = ::recv(socket_.get(), chunk.data(), chunk.size(), 0);
    if (n == 0) return false;
    if (n == -1) return errno == EAGAIN || errno == EINTR;
    input_.append(chunk.data(), static_cast<std::size_t>(n));
    take_answers();
    if (!socket_.is_open()) return true;  // a coroutine that got its answer has lost the line by asking again
    if (input_.size() > kMaxAnswerBytes) return false;
    if (static_cast<std::size_t>(n) < chunk.size()) return true;
  }
}

void MasterLine::take_answers() {
  for (;;) {
    const auto end = input_.find('\n', searched_);
    searched_ = end == std::string::npos ? input_.size() : 0;
    if (end == std::string::npos) return;
    std::string line = input_.substr(0, end);
    input_.erase(0, end + 1);
    if (questions_.empty()) continue;
    Question* const asker = questions_.front();
    questions_.pop_front();
    const bool ok = line.starts_with(R"({"ok":true)");
    if (asker != nullptr) asker->answer({ok, std::move(line)});
  }
}

bool MasterLine::send() {
  if (!socket_.is_open()) return true;
  while (!output_.empty()) {
    const ssize_t n = ::send(socket_.get(), output_.data(), output_.size(), MSG_NOSIGNAL);
    if (n == -1 && errno != EAGAIN && errno != EINTR) return false;
    if (n == -1 && errno == EAGAIN) break;
    if (n > 0) output_.erase(0, static_cast<std::size_t>(n));
  }
  if (watches_output_ != !output_.empty()) {
    watches_output_ = !output_.empty();
    runtime_.loop.modify(socket_.get(), EPOLLIN | (watches_output_ ? std::uint32_t{EPOLLOUT} : 0), *this);
  }
  return true;
}

void MasterLine::lose() {
  if (!socket_.is_open()) return;
  runtime_.loop.remove(socket_.get());
  socket_.reset();
  // A resumed coroutine may end others, which must still be found among the questions: so one at a time.
  while (!questions_.empty()) {
    Question* const asker = questions_.front();
    questions_.pop_front();
    if (asker != nullptr) asker->answer(refusal("the line to the master is closed", kUnavailable));
  }
  runtime_.loop.defer(*this);  // a coroutine that asked just now may be in the middle of a connection's turn
}

void MasterLine::run_deferred() { on_lost_(); }

}  // namespace prefork::worker

namespace prefork {

bool may_ask_master(const Context& context) noexcept { return worker::host_of(context).runtime().line != nullptr; }

Task<MasterAnswer> ask_master(Context& context, std::string command, std::chrono::milliseconds patience) {
  worker::MasterLine* const line = worker::host_of(context).runtime().line;
  if (line == nullptr)
    co_return worker::refusal("the pool may not ask the master: master-access", worker::kNoPermission);
  co_return co_await line->ask(command, patience);
}

}  // namespace prefork
