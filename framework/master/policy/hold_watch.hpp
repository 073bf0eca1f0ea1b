#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "framework/master/loop/clock.hpp"
#include "ipc/objects/party.hpp"

namespace prefork::master {

/// Watches for what is held too long: permits and taken messages. Pure: samples and time are handed in. What two
/// samples show with the same index, token and owner was held all the while between them.
class HoldWatch {
 public:
  struct Overdue {
    ipc::Hold hold;
    std::chrono::milliseconds held;  ///< at least
  };

  /// @param limits  of each object, by its index; zero: it is not watched
  explicit HoldWatch(const std::vector<std::chrono::milliseconds>& limits);

  /// When the next sample is due; nullopt: nothing is watched.
  std::optional<TimePoint> next() const noexcept;
  /// The objects that are to be sampled now.
  std::vector<std::size_t> due(TimePoint now) const;
  /// Takes a piece of a sample of an object that is watched: holds by ascending index, piece after piece. With the last
  /// piece the sample is complete. Of more than kMostSeen holds in a sample, those behind are not watched.
  /// @return what is beyond the limit since then: each holding is told once.
  std::vector<Overdue> sampled(std::size_t object, const std::vector<ipc::Hold>& holds, TimePoint now,
                               bool last = true);
  static constexpr std::size_t kMostSeen = 16'384;

 private:
  struct Seen {
    std::uint32_t index;
    ipc::Owner owner;
    std::uint64_t token;
    TimePoint since;
    bool told;
  };
  struct Watched {
    std::size_t object;
    std::chrono::milliseconds limit;
    TimePoint next;
    std::vector<Seen> before;   ///< the last sample, by index
    std::size_t passed = 0;     ///< of it, by the sample that is being taken
    std::vector<Seen> sampled;  ///< which is this
  };

  std::vector<Watched> watched_;
};

}  // namespace prefork::master
