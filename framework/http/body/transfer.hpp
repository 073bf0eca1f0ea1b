#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include <prefork/http/response.hpp>

namespace prefork::http {

/// Sends the pieces of a body: the connection. Both functions return how many bytes were sent; nullopt: the client is
/// gone, or a file has ended early.
class PartSink {
 public:
  virtual std::optional<std::size_t> send_bytes(std::string_view bytes, bool more_follows) = 0;
  virtual std::optional<std::size_t> send_file(const FilePart& part) = 0;

 protected:
  ~PartSink() = default;
};

/// A body of several parts being sent.
class PartsTransfer {
 public:
  enum class Step : std::uint8_t {
    done,
    blocked,  ///< the client is slow: pump again when there is room
    paused,   ///< enough for this turn: pump again in the next one
    broken,
  };

  /// `parts` must outlive this object.
  explicit PartsTransfer(const std::vector<BodyPart>& parts) noexcept : parts_(parts) {}

  Step pump(PartSink& sink);
  /// How many bytes the last pump() sent.
  std::uint64_t moved() const noexcept { return moved_; }
  std::uint64_t sent() const noexcept { return sent_; }

 private:
  std::optional<std::size_t> send(PartSink& sink, std::uint64_t& left);

  const std::vector<BodyPart>& parts_;
  std::size_t index_ = 0;
  std::uint64_t offset_ = 0;  // within that part
  std::uint64_t sent_ = 0;
  std::uint64_t moved_ = 0;
};

}  // namespace prefork::http
