#include "framework/worker/net/proxy_gate.hpp"

#include <array>
#include <utility>

#include "framework/worker/net/proxy_header.hpp"
#include "framework/worker/net/stream_connection.hpp"

namespace prefork::worker {
namespace {

constexpr std::chrono::milliseconds kPatience{5000};

/// A connection until its header is there.
class ProxyGate final : public StreamConnection {
 public:
  ProxyGate(ServiceHost& host, Transport transport, const PeerAddress& peer, Protocol& protocol)
      : StreamConnection(host, std::move(transport), peer), protocol_(protocol) {}

  void open() {
    await_first_bytes(kPatience);
    on_input();
    attach();
  }

 private:
  // The header is looked at first and only then taken, so that what follows it stays for the next owner.
  void on_input() override {
    std::array<char, kMaxProxyHeader> bytes;
    const std::size_t there = peek(bytes);
    ProxyHeader header;
    const ProxyResult result = there > 0 ? parse_proxy_header({bytes.data(), there}, header) : ProxyResult::incomplete;
    if (result == ProxyResult::complete) return pass(header);
    if (result == ProxyResult::malformed || peer_ended()) refuse();
  }

  void pass(const ProxyHeader& header) {
    skip(header.bytes);
    const PeerAddress peer_then = header.peer.value_or(peer());
    protocol_.open(release(), peer_then);
  }

  void refuse() {
    if (host().logs(LogLevel::debug)) {
      host().log(LogLevel::debug, peer().to_string() + " is closed: it does not begin with a PROXY header");
    }
    close();
  }

  void on_writable() override {}
  void on_timeout() override { close(); }
  void on_broken() override { close(); }
  void on_drain() override { hurry_first_bytes(); }

  Protocol& protocol_;
};

class Gated final : public Protocol {
 public:
  Gated(ServiceHost& host, std::unique_ptr<Protocol> protocol) : host_(host), protocol_(std::move(protocol)) {}

  void open(Transport transport, const PeerAddress& peer) override {
    auto* gate = new ProxyGate(host_, std::move(transport), peer, *protocol_);  // the loop destroys it after close()
    gate->open();
  }
  void finish() noexcept override { protocol_->finish(); }

 private:
  ServiceHost& host_;
  std::unique_ptr<Protocol> protocol_;
};

}  // namespace

std::unique_ptr<Protocol> behind_proxy(ServiceHost& host, std::unique_ptr<Protocol> protocol) {
  return std::make_unique<Gated>(host, std::move(protocol));
}

}  // namespace prefork::worker
