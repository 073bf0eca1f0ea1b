#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "framework/master/loop/clock.hpp"
#include "ipc/objects/party.hpp"

namespace prefork::master {

/// Watches for permits and taken messages that are held too long. Pure: samples and time are passed in. A word that two
/// samples show with the same index, token and owner was held all the time between them.
class HoldWatch {
 public:
  struct Overdue {
    ipc::Hold hold;
    std::chrono::milliseconds held;  ///< at least this long
  };

  /// @param limits  of each object, by its index; zero: the object is not watched
  explicit HoldWatch(const std::vector<std::chrono::milliseconds>& limits);

  /// When the next sample is due; nullopt: nothing is watched.
  std::optional<TimePoint> next() const noexcept;
  /// The objects that must be sampled now.
  std::vector<std::size_t> due(TimePoint now) const;
  /// Takes a piece of a sample of a watched object: holds by ascending index, piece after piece. The last piece
  /// completes the sample. Of a sample's holds only the first kMostSeen are watched.
  /// @return the holds that have passed the limit since; each is reported once
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
    std::size_t passed = 0;     ///< how far the sample being taken has got through it
    std::vector<Seen> sampled;  ///< the sample being taken
  };

  std::vector<Watched> watched_;
};

}  // namespace prefork::master
