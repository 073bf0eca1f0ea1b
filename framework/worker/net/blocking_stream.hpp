#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>

#include "framework/worker/net/peer_address.hpp"
#include "framework/worker/service/service_host.hpp"
#include "ipc/posix/unique_fd.hpp"

#include <prefork/blocking_service.hpp>

namespace prefork::worker {

/// What a blocking call needs of its worker while it waits: the worker's own duties must go on.
class BlockingDuties {
 public:
  /// A descriptor to wait on beside the client's.
  virtual int duty_fd() const noexcept = 0;
  /// Looks after the worker's duties: called at least once a second while a call waits.
  virtual void attend() = 0;

 protected:
  ~BlockingDuties() = default;
};

/// The Stream of a blocking service.
class BlockingStream final : public Stream {
 public:
  BlockingStream(ServiceHost& host, BlockingDuties& duties, ipc::UniqueFd fd, const PeerAddress& peer);
  ~BlockingStream();

  Outcome<std::string_view> read(std::size_t max_line);
  bool write(std::string_view bytes);
  int fd() const noexcept { return fd_.get(); }
  const PeerAddress& peer() const noexcept { return peer_; }
  ServiceHost& host() const noexcept { return host_; }
  /// Closes so that what was sent arrives.
  void finish() noexcept;

 private:
  enum class Fill { data, end };
  Fill fill();
  void attend();
  void attend_if_due();
  bool wait_for(short events, std::chrono::milliseconds limit);
  Outcome<std::string_view> give(std::size_t length, std::size_t with_line_end) noexcept;

  ServiceHost& host_;
  BlockingDuties& duties_;
  ipc::UniqueFd fd_;
  PeerAddress peer_;
  std::unique_ptr<char[]> block_;
  std::uint64_t attended_ms_;
  std::size_t used_ = 0;
  std::size_t given_ = 0;
  bool ended_ = false;
  Reason why_ = Reason::closed;  // once ended
  bool overlong_ = false;
};

}  // namespace prefork::worker
