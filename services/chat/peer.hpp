#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include <prefork/context.hpp>
#include <prefork/outcome.hpp>
#include <prefork/task.hpp>

namespace chat {

/// How the server's side of a conversation ends.
enum class Ending : std::uint8_t {
  goodbye,
  come_again,  ///< the client may reconnect at once, to another worker
};

/// What a session needs of its client, however the client is connected. At most one read and one write are under way at
/// a time; they may be in two coroutines.
class Peer {
 public:
  Peer() = default;
  Peer(const Peer&) = delete;
  Peer& operator=(const Peer&) = delete;
  virtual ~Peer() = default;

  /// Waits for a line, without its line end. The line is valid until the next read.
  /// Without a line: `too_long`; else there are no more, since the client or the connection is gone, or the worker
  /// drains.
  virtual prefork::Task<prefork::Outcome<std::string_view>> read_line() = 0;
  /// Sends whole lines, each with its line end; waits only while the client is slow to take them. They must stay valid
  /// until then. @return false: the connection is gone
  virtual prefork::Task<bool> write(std::string_view lines) = 0;
  /// Ends a waiting read; what was written before still arrives.
  virtual void close(Ending ending) = 0;

  virtual std::string address() const = 0;
  /// Different for each client of one service in this worker.
  virtual std::uint64_t id() const noexcept = 0;
  virtual prefork::Context& context() const noexcept = 0;
};

}  // namespace chat
