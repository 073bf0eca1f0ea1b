#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "services/chat/peer.hpp"

#include <prefork/connection.hpp>

namespace chat {

/// A client over TCP, such as nc: lines as they are.
class TcpPeer final : public Peer {
 public:
  TcpPeer(prefork::Connection& connection, std::size_t max_line) : connection_(connection), max_line_(max_line) {
    connection.idle_timeout(prefork::kForever);  // a member may listen for long; the hall looks after the
                                                 // others
  }

  prefork::Task<prefork::Outcome<std::string_view>> read_line() override {
    co_return co_await connection_.read_line(max_line_);
  }
  prefork::Task<bool> write(std::string_view lines) override { co_return co_await connection_.write(lines); }
  void close(Ending) override { connection_.close(); }
  std::string address() const override { return connection_.peer_address(); }
  std::uint64_t id() const noexcept override { return connection_.id(); }
  prefork::Context& context() const noexcept override { return connection_.context(); }

 private:
  prefork::Connection& connection_;
  std::size_t max_line_;
};

}  // namespace chat
