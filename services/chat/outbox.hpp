#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace chat {

/// What waits to be sent to one client. It is bounded: a client that reads slowly costs no more than that, and is told
/// how many lines it has missed.
class Outbox {
 public:
  explicit Outbox(std::size_t most_bytes) : most_bytes_(most_bytes) {}

  void add(std::string_view line) {
    if (missed_ > 0 || lines_.size() + line.size() > most_bytes_) {
      ++missed_;
    } else {
      lines_ += line;
    }
  }

  bool empty() const noexcept { return lines_.empty() && missed_ == 0; }

  struct Taken {
    std::string lines;
    std::uint64_t missed;  ///< how many lines would have followed
  };
  Taken take() { return {std::exchange(lines_, {}), std::exchange(missed_, 0)}; }

 private:
  std::size_t most_bytes_;
  std::string lines_;
  std::uint64_t missed_ = 0;
};

}  // namespace chat
