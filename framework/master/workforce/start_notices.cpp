#include "framework/master/workforce/start_notices.hpp"

#include <utility>

#include "framework/base/units.hpp"

namespace prefork::master {

namespace {

constexpr std::chrono::seconds kPaceTold{60};

}  // namespace

void StartNotices::tell(Pool& pool, TimePoint now) {
  tell_of_throttle(pool, now);
  tell_of_pace(pool, now);
  tell_of_circuit(pool, now);
}

void StartNotices::tell_of_throttle(Pool& pool, TimePoint now) {
  const unsigned failures = pool.policy.failures(now);
  if (const auto until = pool.policy.throttled_until(now); until && failures > pool.warned_throttle) {
    const auto wait = std::chrono::ceil<std::chrono::milliseconds>(*until - now);
    log_.warning("pool " + pool.name + ": " + std::to_string(failures) + " failures in a row (" +
                 std::string(throttle_reason_name(pool.policy.last_reason())) + "), the next start is tried in " +
                 base::duration_words(wait));
  }
  pool.warned_throttle = failures;
}

void StartNotices::tell_of_pace(Pool& pool, TimePoint now) {
  if (!pool.policy.paced(now) || (pool.told_pace && now - *pool.told_pace < kPaceTold)) return;
  pool.told_pace = now;
  log_.error("pool " + pool.name + ": workers that serve die faster than a hundred a second: their replacements wait");
}

void StartNotices::tell_of_circuit(Pool& pool, TimePoint now) {
  const bool open = pool.policy.open_since(now).has_value();
  if (std::exchange(pool.told_open, open) == open) return;
  if (open) {
    log_.error("pool " + pool.name + ": the circuit is open: " + std::to_string(pool.policy.failures(now)) +
               " failures in a row, the last: " + pool.last_end + "; a worker is tried now and then");
  } else {
    log_.notice("pool " + pool.name + ": the circuit is closed");
  }
}

// It is retried twice a second for as long as the machine refuses.
void StartNotices::failed(Pool& pool, TimePoint now, const std::string& why) {
  if (const auto added = pool.no_start.failed(now, why)) {
    log_.error("pool " + pool.name + ": no worker started: " + why + *added);
  }
}

void StartNotices::worked(Pool& pool) {
  if (const unsigned failed = pool.no_start.worked(); failed > 1) {
    log_.notice("pool " + pool.name + ": workers start again, after " + std::to_string(failed) + " failed tries");
  }
}

}  // namespace prefork::master
