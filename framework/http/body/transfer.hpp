#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include <prefork/http/response.hpp>

#include "framework/http/body/exchange_sink.hpp"

namespace prefork::http {

/// A body of several parts being sent.
class PartsTransfer {
 public:
  enum class Step : std::uint8_t {
    done,
    blocked,  ///< the client is slow: pump again when there is room
    paused,   ///< enough for this turn: pump again in the next one
    broken,   ///< the client is gone, or a file has ended early
  };

  /// `parts` must outlive this object.
  explicit PartsTransfer(const std::vector<BodyPart>& parts) noexcept : parts_(parts) {}

  /// Gives the sink as much as it has room for, and the end after the last part.
  Step pump(ExchangeSink& sink);
  /// How many bytes the last pump() sent.
  std::uint64_t moved() const noexcept { return moved_; }
  std::uint64_t sent() const noexcept { return sent_; }

 private:
  std::optional<std::size_t> send(ExchangeSink& sink, std::uint64_t& left);

  const std::vector<BodyPart>& parts_;
  std::size_t index_ = 0;
  std::uint64_t offset_ = 0;  // within that part
  std::uint64_t sent_ = 0;
  std::uint64_t moved_ = 0;
};

}  // namespace prefork::http
