#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include <prefork/http/response.hpp>

namespace prefork::http {

/// What sends the pieces of a body: the connection. Both give how many bytes went, nullopt where the client is gone;
/// a file that has ended early counts as that.
class PartSink {
 public:
  virtual std::optional<std::size_t> send_bytes(std::string_view bytes, bool more_follows) = 0;
  virtual std::optional<std::size_t> send_file(const FilePart& part) = 0;

 protected:
  ~PartSink() = default;
};

/// A body of several parts on its way out.
class PartsTransfer {
 public:
  enum class Step : std::uint8_t {
    done,
    blocked,  ///< the client is slow: pump again when there is room
    paused,   ///< enough for this turn: pump again in the next one
    broken,
  };

  /// `parts` outlive this.
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
