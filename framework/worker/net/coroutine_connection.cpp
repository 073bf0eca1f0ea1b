#include "framework/worker/net/coroutine_connection.hpp"

#include <algorithm>
#include <utility>

namespace prefork::worker {

CoroutineConnection::CoroutineConnection(ServiceHost& host, Transport transport, const PeerAddress& peer)
    : CoroutineStream(host.runtime(), std::move(transport), {host.limits().idle_timeout, host.limits().write_timeout},
                      &host.runtime().slot),
      Client(host, peer) {}

void CoroutineConnection::on_drain() {
  if (!gives_up_reading() || !is_reading()) return;
  look_again();  // what has come before the order is served
  resume_later();
}

}  // namespace prefork::worker

namespace prefork {

namespace {
worker::CoroutineConnection& self(Connection& peer) noexcept { return static_cast<worker::CoroutineConnection&>(peer); }
const worker::CoroutineConnection& self(const Connection& peer) noexcept {
  return static_cast<const worker::CoroutineConnection&>(peer);
}
}  // namespace

void Connection::close() noexcept { self(*this).end(); }
std::string Connection::peer_address() const { return self(*this).peer().to_string(); }
std::uint64_t Connection::id() const noexcept { return self(*this).id(); }
Context& Connection::context() const noexcept { return self(*this).host(); }
void Connection::idle_timeout(std::chrono::milliseconds limit) noexcept { self(*this).set_idle_timeout(limit); }

bool Connection::start_read() { return self(*this).start_read(0); }
bool Connection::start_read_line(std::size_t max_bytes) {
  return self(*this).start_read(std::max<std::size_t>(max_bytes, 1));
}
Outcome<std::string_view> Connection::finish_read() noexcept { return self(*this).finish_read(); }
bool Connection::start_write(std::string_view bytes) { return self(*this).start_write(bytes); }
bool Connection::finish_write() noexcept { return self(*this).finish_write(); }
void Connection::park_reader(std::coroutine_handle<> awaiting) noexcept { self(*this).park_reader(awaiting); }
void Connection::park_writer(std::coroutine_handle<> awaiting) noexcept { self(*this).park_writer(awaiting); }

}  // namespace prefork
