#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace chat {

/// What is to be sent to one client: bounded, so that one that reads slowly costs no more than that, and is told
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

  std::string take() {
    std::string lines = std::exchange(lines_, {});
    if (missed_ > 0) lines += "* " + std::to_string(missed_) + " lines were lost: you read too slowly\n";
    missed_ = 0;
    return lines;
  }

 private:
  std::size_t most_bytes_;
  std::string lines_;
  std::uint64_t missed_ = 0;
};

}  // namespace chat
