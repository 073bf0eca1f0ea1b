#include "framework/master/workforce/hearing.hpp"

#include <sys/epoll.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "ipc/posix/pipe.hpp"

namespace prefork::master {

namespace {

constexpr unsigned kPacketsPerTurn = 64;
constexpr unsigned kLastPackets = 256;  // a grandchild may hold the pipe and keep writing

constexpr std::size_t kOutputPerTurn = 16 * 1024;
constexpr unsigned kLastReads = 8;
constexpr std::size_t kLongestLine = ipc::kMaxStatusText;

/// How a crash handler begins its line (framework/worker/last_words.cpp).
constexpr std::string_view kLastWords = "last words: ";

/// @param unfinished  the beginning of the last line; `bytes` completes it, and it may be cut
std::vector<std::string> complete_lines(std::string& unfinished, std::string_view bytes) {
  std::vector<std::string> lines;
  for (const char byte : bytes) {
    if (byte != '\n') unfinished += byte;
    if (byte == '\n' || unfinished.size() == kLongestLine) {
      if (!unfinished.empty()) lines.push_back(std::exchange(unfinished, {}));
    }
  }
  return lines;
}

ipc::StatusMessage printed(std::string_view line) {
  return {ipc::StatusKind::log, static_cast<std::uint8_t>(LogLevel::info), line};
}

}  // namespace

void Hearing::listen(WorkerRecord& worker) {
  const pid_t pid = worker.pid;
  reactor_.watch(worker.status.get(), EPOLLIN, [this, pid](std::uint32_t) {
    WorkerRecord* speaker = crew_.workers.find(pid);
    if (speaker != nullptr && !hear(*speaker, kPacketsPerTurn)) reactor_.forget(speaker->status.get());
  });
  reactor_.watch(worker.output.get(), EPOLLIN, [this, pid](std::uint32_t) {
    WorkerRecord* speaker = crew_.workers.find(pid);
    if (speaker != nullptr && !hear_output(*speaker, 1)) reactor_.forget(speaker->output.get());
  });
}

void Hearing::hear_last_words(WorkerRecord& worker) {
  hear(worker, kLastPackets);
  hear_output(worker, kLastReads);
  if (!worker.unfinished.empty()) pass_on(worker, printed(worker.unfinished));
  if (worker.log.untold()) tell_of_dropped_lines(worker, Clock::now());
  reactor_.forget(worker.status.get());
  reactor_.forget(worker.output.get());
}

/// Handles at most `packets` of what the worker has sent. @return false: the pipe has ended
bool Hearing::hear(WorkerRecord& worker, unsigned packets) {
  std::array<std::byte, ipc::kMaxPacketBytes> buffer;
  for (; packets > 0; --packets) {
    const auto [status, packet] = ipc::receive_packet(worker.status.get(), buffer);
    if (status == ipc::ReceiveStatus::closed) return false;
    if (status == ipc::ReceiveStatus::empty) return true;
    if (const auto message = ipc::decode_status(packet)) {
      heard(worker, *message);
    } else {
      note_nonsense(worker);
    }
  }
  return true;
}

/// Passes on what the worker has printed, in at most `reads` reads. @return false: nobody prints any more
bool Hearing::hear_output(WorkerRecord& worker, unsigned reads) {
  std::array<char, kOutputPerTurn> bytes;
  for (; reads > 0; --reads) {
    const ssize_t n = ::read(worker.output.get(), bytes.data(), bytes.size());
    if (n == -1) return errno == EAGAIN || errno == EINTR;
    if (n == 0) return false;
    for (const std::string& line : complete_lines(worker.unfinished, {bytes.data(), static_cast<std::size_t>(n)})) {
      pass_on(worker, printed(line));
    }
  }
  return true;
}

void Hearing::heard(WorkerRecord& worker, const ipc::StatusMessage& message) {
  if (message.kind == ipc::StatusKind::log) return pass_on(worker, message);
  said_(worker, message);
}

void Hearing::note_nonsense(WorkerRecord& worker) {
  if (std::exchange(worker.spoke_nonsense, true)) return;
  log_.error(crew_.name(worker) + " sends what no worker sends: its memory may be damaged", crew_.about(worker));
}

// A flood of lines would fill the disk and push out what others log. A crash handler's line passes, once.
void Hearing::pass_on(WorkerRecord& worker, const ipc::StatusMessage& message) {
  const bool last_words = message.text.starts_with(kLastWords) && !std::exchange(worker.said_last_words, true);
  const TimePoint now = Clock::now();
  if (!last_words && !worker.log.take(now)) {
    ++crew_.totals.lines_over_rate;
    if (worker.log.has_to_tell(now)) tell_of_dropped_lines(worker, now);
    return;
  }
  const Pool& pool = crew_.pool_of(worker);
  LogSubject speaker = crew_.about(worker);
  std::optional<LogLevel> threshold;
  if (message.service > 0 && message.service <= pool.services.size()) {
    speaker.service = pool.services[message.service - 1];
    threshold = pool.log_levels[message.service - 1];
  }
  log_.pass_on(static_cast<LogLevel>(message.level), message.text, speaker, threshold);
}

void Hearing::tell_of_dropped_lines(WorkerRecord& worker, TimePoint now) {
  const std::uint64_t dropped = worker.log.dropped();
  log_.warning(crew_.name(worker) + " logs more than " + std::to_string(options_of(crew_.pool_of(worker)).log_rate) +
                   " lines a second (log-rate): " + std::to_string(dropped) +
                   (dropped == 1 ? " line of it is dropped so far" : " lines of it are dropped so far"),
               crew_.about(worker));
  worker.log.told(now);
}

}  // namespace prefork::master
