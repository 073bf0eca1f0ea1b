#pragma once

#include <coroutine>
#include <deque>
#include <functional>
#include <string>
#include <string_view>

#include "framework/worker/loop/event_loop.hpp"
#include "framework/worker/service/runtime.hpp"
#include "ipc/posix/unique_fd.hpp"

#include <prefork/master.hpp>

namespace prefork::worker {

/// A worker's connection to the master's control socket: questions go out, answers come back in the same order. Nothing
/// here blocks; the number of questions, the size of an answer and the time to wait for it are limited.
class MasterLine final : public EventHandler, private Deferred {
 public:
  static constexpr std::size_t kMaxQuestions = 64;
  static constexpr std::size_t kMaxQuestionBytes = 1024;
  static constexpr std::size_t kMaxAnswerBytes = 64U << 20;

  /// @param socket   connected, non-blocking
  /// @param on_lost  called once, at the end of a turn, when the master has hung up; from then on every question fails
  MasterLine(Runtime& runtime, ipc::UniqueFd socket, std::function<void()> on_lost);
  ~MasterLine();

  Task<MasterAnswer> ask(std::string_view command, std::chrono::milliseconds patience);

 private:
  class Question;

  void on_events(std::uint32_t events) override;
  void run_deferred() override;
  bool receive();
  void take_answers();
  bool send();
  void lose();

  Runtime& runtime_;
  ipc::UniqueFd socket_;
  std::function<void()> on_lost_;
  std::string output_;
  std::string input_;
  std::size_t searched_ = 0;           ///< bytes of the input known to have no line end
  std::deque<Question*> questions_{};  ///< that are unanswered; null: nobody waits for the answer any more
  bool watches_output_ = false;
};

}  // namespace prefork::worker
