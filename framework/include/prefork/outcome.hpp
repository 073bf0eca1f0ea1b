#pragma once

#include <cstdint>
#include <optional>
#include <utility>

namespace prefork {

/// How a call ended that may have nothing to give.
enum class Reason : std::uint8_t {
  done,       ///< it gave what was asked for
  nothing,    ///< there is nothing now; only of calls that do not wait
  timed_out,  ///< the time is over
  closed,     ///< nothing will come: the queue is closed and empty; the stream has ended or is broken
  draining,   ///< the worker drains, and the call had no time-out
  too_long,   ///< the line is longer than the caller takes
};

/// What a call gave, or why it gave nothing. Used like a std::optional:
///
///     while (auto message = co_await queue.get()) { ... }
///
/// and asked for its reason where that matters: `if (message.reason() == Reason::timed_out) ...`. It may be thrown
/// away: a message or a permit that it holds is given back then.
/// @tparam Why  an enum with a `done`
template <class T, class Why = Reason>
class Outcome {
 public:
  Outcome(T value) : value_(std::move(value)), reason_(Why::done) {}
  /// REQUIRES a reason other than `done`.
  Outcome(Why reason) noexcept : reason_(reason) {}

  explicit operator bool() const noexcept { return value_.has_value(); }
  bool has_value() const noexcept { return value_.has_value(); }
  Why reason() const noexcept { return reason_; }

  /// REQUIRES has_value().
  T& operator*() & noexcept { return *value_; }
  const T& operator*() const& noexcept { return *value_; }
  T&& operator*() && noexcept { return *std::move(value_); }
  T* operator->() noexcept { return &*value_; }
  const T* operator->() const noexcept { return &*value_; }
  /// @throws std::bad_optional_access without a value
  T& value() & { return value_.value(); }
  const T& value() const& { return value_.value(); }
  T&& value() && { return std::move(value_).value(); }
  template <class U>
  T value_or(U&& other) const {
    return value_.value_or(std::forward<U>(other));
  }

 private:
  std::optional<T> value_;
  Why reason_;
};

/// The same of a call that gives nothing but its end.
template <class Why>
class Outcome<void, Why> {
 public:
  Outcome(Why reason) noexcept : reason_(reason) {}
  explicit operator bool() const noexcept { return reason_ == Why::done; }
  bool has_value() const noexcept { return reason_ == Why::done; }
  Why reason() const noexcept { return reason_; }

 private:
  Why reason_;
};

}  // namespace prefork
