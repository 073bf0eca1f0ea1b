#include <prefork/http/web_socket.hpp>

#include <stdexcept>
#include <utility>

#include "framework/base/utf8_check.hpp"
#include "framework/http/server/upgrade.hpp"
#include "framework/http/web_socket/web_socket_connection.hpp"
#include "framework/http/web_socket/web_socket_handshake.hpp"
#include "framework/http/wire/char_class.hpp"
#include "framework/http/wire/response_parts.hpp"

namespace prefork::http {
namespace {

/// The most that a control frame holds besides the code, RFC 6455 5.5.
constexpr std::size_t kMaxReason = 123;

class ToWebSocket final : public Upgrade {
 public:
  explicit ToWebSocket(WebSocketTerms terms) : terms_(std::make_shared<const WebSocketTerms>(std::move(terms))) {}

  void take_over(worker::ServiceHost& host, worker::Transport transport, const worker::PeerAddress& peer,
                 std::string_view input) override {
    // The loop destroys it after close().
    auto* connection = new WebSocketConnection(host, std::move(transport), peer, terms_);
    host.begin_activity(ipc::ActivityKind::connection, peer.raw());
    connection->open_with(input);
  }

 private:
  std::shared_ptr<const WebSocketTerms> terms_;
};

WebSocketConnection& own(WebSocket& socket) noexcept { return static_cast<WebSocketConnection&>(socket); }
const WebSocketConnection& own(const WebSocket& socket) noexcept {
  return static_cast<const WebSocketConnection&>(socket);
}

}  // namespace

void check(const WebSocketOptions& options) {
  for (const std::string& origin : options.origins) {
    if (!may_be_listed(origin)) {
      throw std::invalid_argument("\"" + origin + "\" is not an origin, such as https://example.org");
    }
  }
  for (const std::string& name : options.subprotocols) {
    if (!all(name, kTokenChar)) throw std::invalid_argument("subprotocol \"" + name + "\" is not a token");
  }
}

Response web_socket(Request& request, WebSocketSession session, WebSocketOptions options) {
  check(options);
  Response response = answer_handshake(request, options);
  if (response.status() != Status::switching_protocols) return response;
  WebSocketTerms terms{std::move(options), std::move(session),
                       std::string(response.header("Sec-WebSocket-Protocol").value_or(std::string_view())),
                       request.client_address()};
  ResponseParts::make_special(response).upgrade = std::make_shared<ToWebSocket>(std::move(terms));
  return response;
}

bool WebSocket::start_receive() { return own(*this).start_receive(); }
void WebSocket::park_receiver(std::coroutine_handle<> awaiting) noexcept { own(*this).park_receiver(awaiting); }
std::optional<WebSocket::Message> WebSocket::finish_receive() noexcept { return own(*this).finish_receive(); }
bool WebSocket::start_send(bool text, std::string_view data) { return own(*this).start_send(text, data); }
void WebSocket::park_sender(std::coroutine_handle<> awaiting) noexcept { own(*this).park_sender(awaiting); }
bool WebSocket::finish_send() noexcept { return own(*this).finish_send(); }
bool WebSocket::try_send_text(std::string_view data) { return own(*this).try_send(data); }

void WebSocket::close(std::uint16_t code, std::string_view reason) {
  const std::string with = "a WebSocket can't be closed with ";
  if (!is_close_code(code)) throw std::invalid_argument(with + "code " + std::to_string(code));
  if (reason.size() > kMaxReason) {
    throw std::invalid_argument(with + "a reason of " + std::to_string(reason.size()) +
                                " bytes: " + std::to_string(kMaxReason) + " at most");
  }
  if (!base::is_utf8(reason)) throw std::invalid_argument(with + "a reason that is not UTF-8");
  own(*this).begin_close(code, reason);
}

bool WebSocket::open() const noexcept { return own(*this).is_open(); }
std::uint16_t WebSocket::close_code() const noexcept { return own(*this).code(); }
const std::string& WebSocket::close_reason() const noexcept { return own(*this).reason(); }
std::string_view WebSocket::subprotocol() const noexcept { return own(*this).terms().subprotocol; }
const std::string& WebSocket::client_address() const noexcept { return own(*this).terms().client_address; }
std::string WebSocket::peer_address() const { return own(*this).peer().to_string(); }
std::uint64_t WebSocket::id() const noexcept { return own(*this).id(); }
Context& WebSocket::context() const noexcept { return own(*this).host(); }

}  // namespace prefork::http
