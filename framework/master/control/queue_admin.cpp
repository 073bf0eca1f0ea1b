#include "framework/master/control/queue_admin.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <queue>
#include <string_view>
#include <utility>
#include <vector>

#include "framework/base/visible.hpp"
#include "framework/config/wording.hpp"
#include "framework/master/loop/slice.hpp"
#include "framework/master/report/shared_report.hpp"
#include "ipc/objects/message_queue.hpp"

namespace prefork::master {
namespace {

constexpr std::size_t kMaxLetters = 1'000;
constexpr std::size_t kShownBytes = 64;
// How many letters are requeued before others get their turn: each may be long.
constexpr std::size_t kPutAtOnce = 16;
constexpr std::size_t kPutAtOnceBytes = 1U << 20;

// Its size is taken from the master's own copy of the shape.
ipc::MessageQueue attach(const ipc::SharedObject& object, const ipc::Bells& bells) {
  const ipc::SharedShape& shape = object.shape();
  return {object.memory(),
          {shape.capacity, shape.message_bytes, shape.dead_letters},
          object.slots(),
          {ipc::kMasterOwner, &bells}};
}

std::string shown(std::string_view bytes, bool cut) {
  std::string text;
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '\\') {
      text += "\\\\";
    } else if (byte >= 0x20 && byte < 0x7f) {
      text += c;
    } else {
      text += fmt::format("\\x{:02x}", static_cast<unsigned>(byte));
    }
  }
  return text + (cut ? "..." : "");
}

std::string count(std::size_t letters) { return fmt::format("{} dead letter{}", letters, letters == 1 ? "" : "s"); }

std::string unknown_queue(const SharedSet& set, const std::string& name) {
  if (const ipc::SharedObject* other = set.find(name); other != nullptr) {
    return fmt::format("{} is no queue but of kind {}", base::in_quotes(name), ipc::kind_name(other->shape().kind));
  }
  std::vector<std::string> queues;
  for (const auto& object : set.objects()) {
    if (object->shape().kind == ipc::SharedKind::queue) queues.push_back(object->name());
  }
  return fmt::format("there is no queue {}{}", base::in_quotes(name), config::did_you_mean(name, queues));
}

/// A queue's dead letters: found a piece at a time and then, if their order matters, taken oldest first. A heap orders
/// them as they come, so that no step sorts them all.
class QueueJob : public Job {
 public:
  using Done = std::function<void(QueueOutcome)>;

  QueueJob(std::shared_ptr<ipc::SharedObject> object, const ipc::Bells& bells, Done done)
      : object_(std::move(object)), queue_(attach(*object_, bells)), done_(std::move(done)) {}

  bool step() final {
    if (spot_ < queue_.dead_spots()) {
      look({spot_, Slice::kSpots});
      spot_ += Slice::kSpots;
      return true;
    }
    if (work()) return true;
    done_(outcome());
    return false;
  }

  void give_up(std::string_view why) final {
    const std::string so_far = changed();
    const std::string sentence = "queue " + object_->name() + ": " + std::string(why);
    done_({answer_error(sentence + (so_far.empty() ? "" : ": " + so_far), kExitUnavailable), so_far});
  }

 protected:
  virtual void look(ipc::Spots piece) = 0;
  /// @return false: everything is done
  virtual bool work() { return false; }
  virtual QueueOutcome outcome() = 0;
  /// What has changed so far.
  virtual std::string changed() const { return {}; }

  ipc::MessageQueue& queue() noexcept { return queue_; }
  const std::string& name() const noexcept { return object_->name(); }
  QueueOutcome changed_outcome() const {
    const std::string line = "queue " + name() + ": " + changed();
    return {answer_ok("message", line), line};
  }

 private:
  std::shared_ptr<ipc::SharedObject> object_;
  ipc::MessageQueue queue_;
  Done done_;
  std::size_t spot_ = 0;
};

/// Keeps the oldest `most` of the letters that it gets.
class OldestLetters {
 public:
  explicit OldestLetters(std::size_t most) : most_(most) {}

  void add(const ipc::DeadLetterPlace& place) {
    newest_first_.push(place);
    ++seen_;
    if (newest_first_.size() > most_) newest_first_.pop();
  }
  std::size_t seen() const noexcept { return seen_; }
  /// Oldest first.
  std::vector<ipc::DeadLetterPlace> take() {
    std::vector<ipc::DeadLetterPlace> places;
    for (; !newest_first_.empty(); newest_first_.pop()) places.push_back(newest_first_.top());
    std::reverse(places.begin(), places.end());
    return places;
  }

 private:
  std::size_t most_;
  std::size_t seen_ = 0;
  std::priority_queue<ipc::DeadLetterPlace> newest_first_;
};

class ListJob final : public QueueJob {
 public:
  using QueueJob::QueueJob;

 private:
  void look(ipc::Spots piece) override {
    for (const auto& place : queue().find_dead(piece)) oldest_.add(place);
  }
  QueueOutcome outcome() override {
    std::vector<DeadLetterStatus> letters;
    for (const auto& place : oldest_.take()) {
      const auto letter = queue().dead_letter(place, kShownBytes);
      if (!letter) continue;
      letters.push_back({letter->sequence, letter->deliveries, letter->length,
                         shown(letter->bytes, letter->length > letter->bytes.size())});
    }
    return {dead_letters_answer(name(), oldest_.seen(), letters), {}};
  }

  OldestLetters oldest_{kMaxLetters};
};

class RequeueJob final : public QueueJob {
 public:
  RequeueJob(std::shared_ptr<ipc::SharedObject> object, const ipc::Bells& bells, std::size_t most, Done done)
      : QueueJob(std::move(object), bells, std::move(done)), most_(most) {}

 private:
  struct Younger {
    bool operator()(const ipc::DeadLetterPlace& a, const ipc::DeadLetterPlace& b) const noexcept { return b < a; }
  };

  void look(ipc::Spots piece) override {
    for (const auto& place : queue().find_dead(piece)) oldest_first_.push(place);
  }
  bool work() override {
    const std::size_t at_once = std::clamp<std::size_t>(kPutAtOnceBytes / queue().max_message_bytes(), 1, kPutAtOnce);
    for (std::size_t i = 0; i < at_once && !oldest_first_.empty() && moved_ < most_ && !stuck_; ++i) {
      const auto result = queue().requeue_dead(oldest_first_.top());
      stuck_ = result == ipc::MessageQueue::Requeued::full || result == ipc::MessageQueue::Requeued::closed;
      if (stuck_) break;
      oldest_first_.pop();
      moved_ += result == ipc::MessageQueue::Requeued::done ? 1 : 0;
    }
    return !oldest_first_.empty() && moved_ < most_ && !stuck_;
  }
  QueueOutcome outcome() override { return changed_outcome(); }
  std::string changed() const override {
    const std::size_t left = oldest_first_.size();
    return count(moved_) + " put back" + (left > 0 ? fmt::format(", {} left", left) : "");
  }

  std::size_t most_;
  std::size_t moved_ = 0;
  bool stuck_ = false;  ///< the queue takes no more
  std::priority_queue<ipc::DeadLetterPlace, std::vector<ipc::DeadLetterPlace>, Younger> oldest_first_;
};

class DropJob final : public QueueJob {
 public:
  using QueueJob::QueueJob;

 private:
  void look(ipc::Spots piece) override { dropped_ += queue().drop_dead(piece); }
  QueueOutcome outcome() override { return changed_outcome(); }
  std::string changed() const override { return count(dropped_) + " dropped"; }

  std::size_t dropped_ = 0;
};

class RefusedJob final : public Job {
 public:
  RefusedJob(std::string sentence, QueueJob::Done done) : sentence_(std::move(sentence)), done_(std::move(done)) {}
  bool step() override {
    done_({answer_error(sentence_, kExitRefused), {}});
    return false;
  }
  void give_up(std::string_view) override { step(); }

 private:
  std::string sentence_;
  QueueJob::Done done_;
};

}  // namespace

std::unique_ptr<Job> administer_queue(const SharedSet& set, const ipc::Bells& bells, const QueueCommand& command,
                                      std::function<void(QueueOutcome)> done) {
  const auto& objects = set.objects();
  const auto at =
      std::find_if(objects.begin(), objects.end(), [&](const auto& o) { return o->name() == command.queue; });
  if (at == objects.end() || (*at)->shape().kind != ipc::SharedKind::queue) {
    return std::make_unique<RefusedJob>(unknown_queue(set, command.queue), std::move(done));
  }
  switch (command.action) {
    case QueueAction::list:
      return std::make_unique<ListJob>(*at, bells, std::move(done));
    case QueueAction::requeue:
      return std::make_unique<RequeueJob>(*at, bells, command.most.value_or(SIZE_MAX), std::move(done));
    case QueueAction::drop:
      break;
  }
  return std::make_unique<DropJob>(*at, bells, std::move(done));
}

}  // namespace prefork::master
