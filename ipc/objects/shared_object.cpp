#include "ipc/objects/shared_object.hpp"

#include <algorithm>
#include <initializer_list>
#include <stdexcept>

#include "ipc/objects/barrier.hpp"
#include "ipc/objects/event.hpp"
#include "ipc/objects/message_queue.hpp"
#include "ipc/objects/metrics.hpp"
#include "ipc/objects/semaphore.hpp"
#include "ipc/objects/table.hpp"
#include "ipc/objects/topic.hpp"
#include "ipc/posix/check.hpp"

namespace prefork::ipc {

namespace {

template <class T>
struct Kind {};

// Converts a shape for each kind.
MessageQueue::Shape shape_for(Kind<MessageQueue>, const SharedShape& s) {
  return {s.capacity, s.message_bytes, s.dead_letters};
}
Semaphore::Shape shape_for(Kind<Semaphore>, const SharedShape& s) {
  return {s.kind == SharedKind::mutex ? 1 : s.capacity};
}
Topic::Shape shape_for(Kind<Topic>, const SharedShape& s) { return {s.capacity, s.message_bytes}; }
Event::Shape shape_for(Kind<Event>, const SharedShape&) { return {}; }
Barrier::Shape shape_for(Kind<Barrier>, const SharedShape& s) { return {s.capacity}; }
Table::Shape shape_for(Kind<Table>, const SharedShape& s) { return {s.capacity, s.key_bytes, s.columns}; }
template <class Metric>
MetricBlocks::Shape shape_for(Kind<Metric>, const SharedShape&) {
  return {};
}

/// Calls `f` with the class of a kind.
template <class F>
auto with_kind(SharedKind kind, F f) {
  switch (kind) {
    case SharedKind::queue:
      return f(Kind<MessageQueue>());
    case SharedKind::semaphore:
    case SharedKind::mutex:
      return f(Kind<Semaphore>());
    case SharedKind::topic:
      return f(Kind<Topic>());
    case SharedKind::event:
      return f(Kind<Event>());
    case SharedKind::barrier:
      return f(Kind<Barrier>());
    case SharedKind::counter:
      return f(Kind<SharedCounter>());
    case SharedKind::gauge:
      return f(Kind<SharedGauge>());
    case SharedKind::histogram:
      return f(Kind<SharedHistogram>());
    case SharedKind::table:
      break;
  }
  return f(Kind<Table>());
}

/// Calls `f` with an object, attached as the master or as nobody.
template <class F>
auto with_object(const SharedObject& object, Party self, F f) {
  return with_kind(object.shape().kind, [&]<class T>(Kind<T> kind) {
    T view(object.memory(), shape_for(kind, object.shape()), object.slots(), self);
    return f(view);
  });
}

std::vector<WaitingSet> waiting_sets(const MessageQueue& queue) { return {queue.getters(), queue.putters()}; }
template <class T>
std::vector<WaitingSet> waiting_sets(const T& object) {
  if constexpr (requires { object.waiting(); }) return {object.waiting()};
  return {};
}

std::vector<Hold> holds_of(const Table& table, Spots piece) {
  std::vector<Hold> holds;
  table.for_each_hold(
      [&](Owner owner, std::size_t bucket, std::uint64_t claims) {
        holds.push_back({owner, static_cast<std::uint32_t>(bucket), claims});
      },
      piece);
  return holds;
}
template <class T>
std::vector<Hold> holds_of(const T& object, Spots piece) {
  if constexpr (requires { object.holds(piece); }) return object.holds(piece);
  if constexpr (requires { object.holds(); }) return piece.first == 0 ? object.holds() : std::vector<Hold>();
  return {};
}

template <class T>
std::size_t spots_of(const T& object) {
  if constexpr (requires { object.spots(); }) return object.spots();
  return 1;
}

template <class T>
std::size_t repair_piece(T& object, const OwnerSet& dead, Spots piece) {
  if constexpr (requires { object.repair(dead, piece); }) return object.repair(dead, piece);
  std::size_t freed = 0;
  for (const Owner owner : dead.owners()) freed += object.repair(owner);
  return freed;
}

void count_letters(const MessageQueue& queue, Spots piece, SharedSurvey& survey) {
  const std::size_t end = piece.end(queue.spots());
  const std::size_t begin = std::max(piece.first, queue.capacity());
  if (begin < end) survey.dead_letters += queue.dead_letter_count({begin - queue.capacity(), end - begin});
}
void count_letters(const auto&, Spots, SharedSurvey&) {}

std::int64_t number(std::uint64_t n) { return static_cast<std::int64_t>(std::min<std::uint64_t>(n, INT64_MAX)); }

// What each kind reports about itself.
void describe(const MessageQueue& queue, const SharedSurvey& survey, SharedReport& report) {
  report.fill = number(std::min<std::uint64_t>(queue.size() + survey.holders.total(), queue.capacity()));
  report.limit = queue.capacity();
  const QueueLosses losses = queue.losses();
  report.losses = {{"expired", losses.expired},
                   {"dead letters", survey.dead_letters},
                   {"dropped", losses.dropped},
                   {"redelivered", losses.redelivered}};
}
void describe(const Semaphore& semaphore, const SharedSurvey& survey, SharedReport& report) {
  report.fill = number(survey.holders.total());
  report.limit = semaphore.permits();
}
void describe(const Event& event, const SharedSurvey&, SharedReport& report) {
  report.fill = event.is_set() ? 1 : 0;
  report.limit = 1;
}

void describe(const Topic& topic, const SharedSurvey&, SharedReport& report) {
  report.fill = number(std::min<std::uint64_t>(topic.published(), topic.shape().capacity));
  report.limit = topic.shape().capacity;
}
void describe(const Barrier& barrier, const SharedSurvey&, SharedReport& report) {
  report.fill = number(barrier.arrived());
  report.limit = barrier.shape().parties;
}
void describe(const Table&, const SharedSurvey& survey, SharedReport& report) { report.fill = number(survey.rows); }
void describe(const SharedCounter& counter, const SharedSurvey&, SharedReport& report) {
  report.fill = number(counter.value());
}
void describe(const SharedGauge& gauge, const SharedSurvey&, SharedReport& report) { report.fill = gauge.value(); }
void describe(const SharedHistogram& histogram, const SharedSurvey&, SharedReport& report) {
  report.fill = number(histogram.count());
}

}  // namespace

void check_shape(const SharedShape& shape) {
  with_kind(shape.kind, [&]<class T>(Kind<T> kind) { T::check(shape_for(kind, shape)); });
}

SharedObject::SharedObject(std::string name, SharedShape shape, std::size_t slots, SharedMemory memory)
    : name_(std::move(name)), shape_(std::move(shape)), slots_(slots), memory_(std::move(memory)) {}

std::size_t SharedObject::bytes_of(const SharedShape& shape, std::size_t slots) {
  return with_kind(shape.kind, [&]<class T>(Kind<T> kind) { return T::bytes(shape_for(kind, shape), slots); });
}

SharedObject SharedObject::create(std::string name, SharedShape shape, std::size_t slots) {
  PREFORK_CHECK(slots <= kMaxOwnerSlots);
  check_shape(shape);
  SharedMemory memory = SharedMemory::create("prefork:" + name, bytes_of(shape, slots));
  with_kind(shape.kind, [&]<class T>(Kind<T> kind) { T::format(memory.data(), shape_for(kind, shape), slots); });
  return SharedObject(std::move(name), std::move(shape), slots, std::move(memory));
}

SharedObject SharedObject::adopt(std::string name, SharedShape shape, std::size_t slots, Left left) {
  check_shape(shape);
  SharedMemory memory = SharedMemory::map(std::move(left.memory));
  if (memory.size() != bytes_of(shape, slots)) throw std::runtime_error(name + " has another layout in memory");
  SharedObject object(std::move(name), std::move(shape), slots, std::move(memory));
  object.repairs_ = left.repairs;
  if (left.notes.is_open()) {
    object.notes_ = std::make_unique<HoldNotes>(std::move(left.notes), object.words());
  }
  return object;
}

std::size_t SharedObject::words() const noexcept { return std::max<std::size_t>(shape_.capacity, 1); }

void SharedObject::keep_notes() {
  if (notes_ == nullptr) notes_ = std::make_unique<HoldNotes>(name_, words());
}

std::size_t SharedObject::spots() const {
  return with_object(*this, {}, [](auto& object) { return spots_of(object); });
}

// The dead are removed from the waiting sets first, so that no wake-up is spent on them once everyone has been woken
// (tests/ipc/models/semaphore_model.cpp).
std::size_t SharedObject::repair(const OwnerSet& dead, Spots piece) {
  return with_object(*this, {}, [&](auto& object) {
    if (piece.first == 0) {
      for (const WaitingSet& sleepers : waiting_sets(object)) {
        for (const Owner owner : dead.owners()) sleepers.retract(slot_of(owner));
      }
    }
    const std::size_t freed = repair_piece(object, dead, piece);
    // Nobody held what a gauge drops, and it drops at the death of any worker: it is not counted as a repair.
    const std::size_t counted = shape_.kind == SharedKind::gauge ? 0 : freed;
    repairs_ += counted;
    return counted;
  });
}

void SharedObject::wake_all(const Bells& bells) const {
  with_object(*this, {}, [&](auto& object) {
    for (const WaitingSet& sleepers : waiting_sets(object)) sleepers.wake_all(bells);
  });
}

std::vector<Hold> SharedObject::holds(Spots piece) const {
  return with_object(*this, {}, [&](auto& object) { return holds_of(object, piece); });
}

void SharedObject::survey(Spots piece, SharedSurvey& survey) const {
  with_object(*this, {}, [&](auto& object) {
    for (const Hold& hold : holds_of(object, piece)) survey.holders.add(hold.owner);
    if constexpr (requires { object.rows(piece); }) survey.rows += object.rows(piece);
    count_letters(object, piece, survey);
  });
}

SharedReport SharedObject::report(const SharedSurvey& survey) const {
  return with_object(*this, {}, [&](auto& object) {
    SharedReport report;
    report.limit = shape_.kind == SharedKind::table ? shape_.capacity : 0;
    describe(object, survey, report);
    for (const WaitingSet& sleepers : waiting_sets(object)) report.waiters += sleepers.count();
    report.holders = survey.holders.holders();
    std::erase_if(report.losses, [](const auto& loss) { return loss.second == 0; });
    return report;
  });
}

SharedReport SharedObject::report() const {
  SharedSurvey all;
  survey(Spots::all(), all);
  return report(all);
}

}  // namespace prefork::ipc
