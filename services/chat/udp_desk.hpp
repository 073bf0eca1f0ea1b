#pragma once

#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>
#include <unordered_map>

#include "services/chat/flood_guard.hpp"

#include <prefork/datagram.hpp>

namespace chat {

class Room;

/// The members that use datagrams: `L NAME` to join, `C NAME TEXT` to say something, `Q NAME` to leave. Each is
/// answered "OK", or with the reason why not; anything else gets no answer. A name belongs to the address that it came
/// from, until that has sent nothing for the time to live.
class UdpDesk {
 public:
  struct Limits {
    std::size_t max_text = 1024;
    std::chrono::milliseconds ttl{300'000};
    FloodGuard::Limits flood{};
  };
  UdpDesk(Room& room, const Limits& limits) : room_(room), limits_(limits) {}

  void on_datagram(prefork::Datagram& packet);

 private:
  static constexpr std::size_t kMostGuards = 4096;

  FloodGuard::Verdict judge(const std::string& address);
  std::string obey(std::string_view line, const std::string& address);
  std::string log_in(std::string_view name, const std::string& address);
  std::string say(std::string_view name, std::string_view text, const std::string& address);
  std::string log_out(std::string_view name, const std::string& address);

  Room& room_;
  Limits limits_;
  std::unordered_map<std::string, FloodGuard> guards_;
};

}  // namespace chat
