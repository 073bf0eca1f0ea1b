#pragma once

#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>

#include <prefork/service.hpp>

namespace prefork {

/// A client's stream connection with blocking calls, given to `BlockingService::handle`. While a call waits, the worker
/// keeps beating; deadlines end the call as they end a Connection's.
class PREFORK_API Stream {
 public:
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  /// Waits for bytes. They are valid until the next read.
  /// Without bytes: as Connection::read_some.
  [[nodiscard]] Outcome<std::string_view> read_some();
  /// As Connection::read_line.
  [[nodiscard]] Outcome<std::string_view> read_line(std::size_t max_bytes = 8192);
  /// Sends all the bytes. @return false: the connection is gone
  bool write(std::string_view bytes);
  /// The socket, for calls that this class lacks. It stays the worker's, and non-blocking.
  int fd() const noexcept;
  std::string peer_address() const;
  Context& context() const noexcept;

 protected:
  Stream() = default;
  ~Stream() = default;
};

/// The classic pre-fork model: each worker serves one connection at a time, in plain blocking code. As many clients are
/// served at once as the pool has workers. Such a service can share a pool only with services of this kind.
class PREFORK_API BlockingService : public ServiceBase {
 public:
  static constexpr ServiceKind kKind = ServiceKind::blocking;
  static void describe_base(Manifest& manifest);

  /// Called for each connection. The connection closes when the call returns; an exception closes it and is logged.
  virtual void handle(Stream& peer) = 0;

 private:
  std::unique_ptr<worker::Protocol> make_protocol(std::span<worker::ServiceHost* const> sharing) final;
};

}  // namespace prefork
