#include "services/chat/session.hpp"

#include <exception>

#include "services/chat/audience.hpp"
#include "services/chat/room.hpp"
#include "services/chat/text.hpp"

namespace chat {

using Clock = std::chrono::steady_clock;
using prefork::LogLevel;
using prefork::Task;

namespace {

constexpr int kMostBadNames = 10;

std::string quoted(std::string_view name) { return "\"" + std::string(name) + "\""; }

}  // namespace

Session::Session(Peer& peer, Room& room, Audience& audience, const Wording& wording, const Limits& limits)
    : peer_(peer),
      room_(room),
      audience_(audience),
      wording_(wording),
      limits_(limits),
      guard_(limits.flood, Clock::now()),
      outbox_(limits.backlog),
      heard_(Clock::now()) {}

Task<Ending> Session::run() {
  peer_.context().spawn(write_lines());
  std::string trouble;
  try {
    co_await read_lines();
  } catch (const std::exception& error) {
    trouble = error.what();
  }
  if (!trouble.empty()) {
    peer_.context().log(LogLevel::error, "client " + peer_.address() + ": " + trouble);
    end("the server has a difficulty: goodbye", Ending::come_again);
  }
  if (join_ != 0) co_await leave();
  end("goodbye");
  co_await done_;
  co_return *ending_;
}

// A member that says something and leaves receives what it said, and what the others said before it left.
Task<void> Session::leave() {
  constexpr int kMostWaits = 50;
  room_.leave(name_, join_);
  for (int i = 0; i < kMostWaits && join_ != 0; ++i) {
    if (i > 0) co_await peer_.context().sleep_for(std::chrono::milliseconds(i));
    audience_.catch_up();
  }
  join_ = 0;
}

Task<void> Session::read_lines() {
  question({});
  wake();
  prefork::Reason why{};
  for (;;) {
    reading_ = true;
    const auto line = co_await peer_.read_line();
    reading_ = false;
    why = line.reason();
    if (!line) break;
    heard_ = Clock::now();
    const std::string text = tidied(*line);
    if (!judge()) {
      if (ending_) co_return;
    } else if (name_.empty()) {
      log_in(text);
      if (ending_) co_return;
    } else if (join_ == 0) {
      co_return end("the room takes you for gone: please connect again", Ending::come_again);
    } else if (!obey(text)) {
      co_return;
    }
    wake();
  }
  if (why == prefork::Reason::too_long)
    end("a line has at most " + std::to_string(limits_.max_line) + " bytes: goodbye");
  if (peer_.context().draining()) end("this worker ends: please connect again", Ending::come_again);
}

Task<void> Session::write_lines() {
  while (!(ending_ && outbox_.empty())) {
    if (outbox_.empty()) {
      co_await written_;
      continue;
    }
    auto [lines, missed] = outbox_.take();
    if (missed > 0) {
      lines += wording_.note(Wording::Note::loss, std::to_string(missed) + " lines were lost: you read too slowly");
    }
    if (!co_await peer_.write(lines)) break;
  }
  if (reading_) peer_.close(ending_.value_or(Ending::goodbye));  // the read ends, and the conversation with it
  done_.notify();
}

void Session::end(std::string_view sentence, Ending ending) {
  if (ending_) return;
  outbox_.add(wording_.note(Wording::Note::farewell, sentence));
  ending_ = ending;
  wake();
}

void Session::answer(std::string_view sentence) {
  if (!ending_) outbox_.add(wording_.note(Wording::Note::answer, sentence));
}

void Session::question(const std::string& fault) {
  constexpr std::string_view kQuestion = "what is your name?";
  outbox_.add(wording_.note(Wording::Note::question, (fault.empty() ? "" : fault + ": ").append(kQuestion)));
}

bool Session::judge() {
  switch (guard_.judge(heard_)) {
    case FloodGuard::Verdict::pass:
      return true;
    case FloodGuard::Verdict::tell:
      answer("too fast: what you send is not heard");
      return false;
    case FloodGuard::Verdict::drop:
      return false;
    case FloodGuard::Verdict::end:
      end("too fast for too long: goodbye");
      return false;
  }
  return false;
}

void Session::log_in(const std::string& name) {
  Member member;
  member.name = name;
  member.address = peer_.address();
  std::string fault(name_fault(name));
  if (fault.empty()) {
    switch (room_.enter(member)) {
      case Room::Entry::done:
        break;
      case Room::Entry::taken:
        fault = quoted(name) + " is taken";
        break;
      case Room::Entry::full:
        fault = "the room is full";
        break;
      case Room::Entry::later:
        fault = "the room can't be entered just now";
        break;
    }
  }
  if (!fault.empty()) {
    if (++bad_names_ >= kMostBadNames) return end(fault + ": goodbye");
    return question(fault);
  }
  name_ = name;
  join_ = member.join;
  outbox_.add(wording_.welcome(name, limits_.max_line));
  for (const std::string& line : audience_.history()) outbox_.add(line);
}

bool Session::obey(const std::string& line) {
  if (line.empty()) return true;
  if (!line.starts_with('/')) return say(line), true;
  std::string_view rest = line;
  const std::string_view command = take_word(rest);
  if (command == "/quit") return false;
  if (command == "/who") {
    outbox_.add(wording_.names(room_.names()));
  } else if (command == "/msg") {
    whisper(rest);
  } else {
    answer("there are: /who, /msg NAME TEXT, /quit");
  }
  return true;
}

void Session::say(const std::string& text) {
  if (const auto fault = text_fault(text); !fault.empty()) {
    answer("not said: " + std::string(fault));
  } else if (!room_.say(name_, join_, text)) {
    answer("not said: the room is stuck; try again");
  }
}

void Session::whisper(std::string_view rest) {
  const std::string_view to = take_word(rest);
  if (to.empty() || rest.empty()) return answer("write /msg NAME TEXT");
  if (const auto fault = name_fault(to); !fault.empty()) return answer("not said: " + std::string(fault));
  if (const auto fault = text_fault(rest); !fault.empty()) return answer("not said: " + std::string(fault));
  const auto target = room_.find(to);
  if (!target) return answer("there is no " + std::string(to));
  if (target->transport == Member::Transport::datagram)
    return answer(target->name + " is here by UDP and hears nothing");
  if (!room_.whisper(name_, join_, target->join, rest)) return answer("not said: the room is stuck; try again");
  outbox_.add(wording_.sent(target->name, rest));
}

}  // namespace chat
