#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

namespace prefork::http {

/// Bytes that wait for a slow client, in order: copies, and among them at most one view of memory that stays its
/// owner's.
class SendQueue {
 public:
  bool empty() const noexcept { return front().empty(); }
  /// Bytes that it holds copies of.
  std::size_t copied_bytes() const noexcept { return before_.size() - sent_ + after_.size(); }
  /// Whether part of the lent bytes is still waiting.
  bool lent() const noexcept { return !lent_.empty(); }

  void append(std::string_view copied) { (lent_.empty() ? before_ : after_).append(copied); }
  /// `borrowed` must stay valid until it has been sent. REQUIRES !lent().
  void lend(std::string_view borrowed) noexcept { lent_ = borrowed; }

  /// What must be sent next; empty only if the queue is.
  std::string_view front() const noexcept {
    if (sent_ < before_.size()) return std::string_view(before_).substr(sent_);
    return lent_;
  }
  /// Drops the first `bytes` of front(), which have been sent.
  void drop(std::size_t bytes) noexcept {
    if (sent_ < before_.size()) {
      sent_ += bytes;
    } else {
      lent_.remove_prefix(bytes);
    }
    if (sent_ < before_.size() || lent()) return;
    before_ = std::exchange(after_, {});
    sent_ = 0;
  }

 private:
  std::string before_;
  std::string_view lent_;
  std::string after_;
  std::size_t sent_ = 0;  // how much of before_
};

}  // namespace prefork::http
