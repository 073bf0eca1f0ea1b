#include "framework/master/queue_admin.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <string_view>
#include <vector>

#include "framework/config/wording.hpp"
#include "framework/master/shared_report.hpp"
#include "ipc/message_queue.hpp"

namespace prefork::master {
namespace {

constexpr std::size_t kMaxLetters = 1'000;
constexpr std::size_t kMaxCopiedBytes = 64U << 20;
constexpr std::size_t kShownBytes = 64;

// Its size is that of the master's own copy of the shape.
ipc::MessageQueue attach(const ipc::SharedObject& object, const ipc::Bells& bells) {
  const ipc::SharedShape& shape = object.shape();
  return {object.memory(),
          {shape.capacity, shape.message_bytes, shape.dead_letters},
          object.slots(),
          {ipc::kMasterOwner, &bells}};
}

std::string shown(std::string_view bytes) {
  std::string text;
  for (const char c : bytes.substr(0, kShownBytes)) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '\\') {
      text += "\\\\";
    } else if (byte >= 0x20 && byte < 0x7f) {
      text += c;
    } else {
      text += fmt::format("\\x{:02x}", static_cast<unsigned>(byte));
    }
  }
  return text + (bytes.size() > kShownBytes ? "..." : "");
}

std::string list(const std::string& name, const ipc::MessageQueue& queue) {
  const std::size_t most = std::clamp<std::size_t>(kMaxCopiedBytes / queue.max_message_bytes(), 1, kMaxLetters);
  std::vector<DeadLetterStatus> letters;
  for (const ipc::DeadLetter& letter : queue.dead_letters(most, queue.max_message_bytes())) {
    letters.push_back({letter.sequence, letter.deliveries, letter.bytes.size(), shown(letter.bytes)});
  }
  return dead_letters_answer(name, queue.dead_letter_count(), letters);
}

std::string count(std::size_t letters) { return fmt::format("{} dead letter{}", letters, letters == 1 ? "" : "s"); }

std::string unknown_queue(const SharedSet& set, const std::string& name) {
  if (const ipc::SharedObject* other = set.find(name); other != nullptr) {
    return fmt::format("{} is no queue but of kind {}", config::in_quotes(name), ipc::kind_name(other->shape().kind));
  }
  std::vector<std::string> queues;
  for (const auto& object : set.objects()) {
    if (object->shape().kind == ipc::SharedKind::queue) queues.push_back(object->name());
  }
  return fmt::format("there is no queue {}{}", config::in_quotes(name), config::did_you_mean(name, queues));
}

}  // namespace

QueueOutcome administer_queue(const SharedSet& set, const ipc::Bells& bells, const QueueCommand& command) {
  const ipc::SharedObject* object = set.find(command.queue);
  if (object == nullptr || object->shape().kind != ipc::SharedKind::queue) {
    return {answer_error(unknown_queue(set, command.queue), kExitRefused), {}};
  }
  ipc::MessageQueue queue = attach(*object, bells);
  std::string done;
  switch (command.action) {
    case QueueAction::list:
      return {list(command.queue, queue), {}};
    case QueueAction::requeue:
      done = count(queue.requeue_dead(command.most.value_or(SIZE_MAX))) + " put back";
      if (const std::size_t left = queue.dead_letter_count(); left > 0) done += fmt::format(", {} left", left);
      break;
    case QueueAction::drop:
      done = count(queue.drop_dead()) + " dropped";
      break;
  }
  const std::string line = "queue " + command.queue + ": " + done;
  return {answer_ok("message", line), line};
}

}  // namespace prefork::master
