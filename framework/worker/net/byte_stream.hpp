#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

#include "framework/worker/loop/event_loop.hpp"
#include "framework/worker/net/transport.hpp"
#include "framework/worker/service/runtime.hpp"
#include "ipc/memory/scoreboard.hpp"

namespace prefork::worker {

/// A stream of bytes in the event loop: receives into lent blocks, sends with back-pressure, has one deadline and a
/// close that loses nothing. The derived class gives the bytes their meaning, and decides whether the other end is a
/// client of a listener (StreamConnection) or a server that this worker has connected to.
///
/// Edge-triggered: a receive that returns less than it asked for has drained a plain socket, and the next one waits for
/// the next event. With a layer (Transport) only a receive that returns nothing has. Life: made by new; after close()
/// the event loop destroys it at the end of the turn. In between no hook is called.
class ByteStream : public EventHandler, public Disposable, private TimerWheel::Entry, private Deferred {
 public:
  /// @param runtime  must outlive the stream
  /// @param counters  where its bytes and time-outs are counted; null: nowhere
  ByteStream(Runtime& runtime, Transport transport, ipc::WorkerSlot* counters = nullptr);
  ~ByteStream() override;

  /// Enters the event loop, unless the stream has already closed. Must be called once, after the first attempts to
  /// read: a client that is served and gone by then costs the loop nothing.
  void attach();

  /// Closes at once. No hook is called any more. May be called twice.
  void close() noexcept;

 protected:
  enum class Received { data, would_block, end };

  /// Receives into the lent block after what it holds (block_used()); lends a block if none is held. `end`: the peer
  /// has sent its last byte, or the connection broke. The block must have room.
  Received receive();
  /// Looks at what has arrived, from its first byte on, and leaves it there. @return how many bytes; zero: nothing, or
  /// the end (peer_ended() says so)
  std::size_t peek(std::span<char> room) noexcept;
  /// Takes bytes that peek() has shown.
  void skip(std::size_t bytes) noexcept;
  /// How many bytes have arrived and are not received yet; see Transport::unread().
  std::size_t unread_bytes() const noexcept;
  /// The next receive() asks the transport, whatever was known about it.
  void look_again() noexcept { input_ready_ = true; }
  /// How long ago the peer's last bytes arrived, in milliseconds; 0 if the socket is not TCP. Source: tcp(7), TCP_INFO.
  std::uint32_t waited_ms() const noexcept;
  /// False: the next receive() would return `would_block`.
  bool may_have_input() const noexcept { return input_ready_; }
  std::string_view block_bytes() const noexcept { return {block_.get(), used_}; }
  std::size_t block_room() const noexcept { return BlockPool::kBlockBytes - used_; }
  char* block() const noexcept { return block_.get(); }
  /// Drops the first `bytes` of the block; an empty block goes back to the pool.
  void consume(std::size_t bytes) noexcept;
  /// Gives the block back, whatever it holds.
  void release_block() noexcept;

  /// Sends what the socket takes. @return how many bytes; nullopt: the connection is broken. If not everything was
  /// sent, on_writable() is called once there is room.
  /// @param more_follows  as in Transport::send()
  std::optional<std::size_t> send_some(std::string_view bytes, bool more_follows = false);
  /// Sends bytes of a file. Also nullopt if the file has ended before `offset`.
  std::optional<std::size_t> send_file(int file, std::uint64_t offset, std::uint64_t bytes);

  /// Calls on_timeout() after `limit`, unless the deadline is set anew or cleared. Zero: no deadline. Cheap: meant to
  /// be called for each request.
  void set_deadline(std::chrono::milliseconds limit);
  void clear_deadline() noexcept { deadline_ms_ = 0; }
  /// The time until the deadline; nullopt: none is set.
  std::optional<std::chrono::milliseconds> deadline_left() const noexcept;

  /// Closes in such a way that what was sent arrives, whatever the peer still sends: for every close that follows an
  /// answer. No hook is called any more.
  void close_gracefully() noexcept;
  bool closed() const noexcept { return stage_ == Stage::closed; }
  /// Like close(), but passes the transport on, with what has arrived. REQUIRES that it is open.
  Transport release() noexcept;
  /// Whether the peer has closed its side, or the connection broke.
  bool peer_ended() const noexcept { return peer_ended_; }
  /// Ends both directions, so that the peer notices at once, and may lose what is on its way; the descriptor stays
  /// until close().
  void shut_down() noexcept;
  /// Ends the sending side, after what was sent; the descriptor stays until close_gracefully().
  void finish_sending() noexcept;

  /// Calls on_input() after this turn as if an event had come: for code that must give others their turn.
  void resume_later();

  virtual void on_input() = 0;     ///< input_ready: bytes, the end or an error can be received
  virtual void on_writable() = 0;  ///< after a send that was short
  virtual void on_timeout() = 0;   ///< the deadline has passed; nothing is closed yet
  virtual void on_broken() = 0;    ///< the connection can't continue and must be closed
  /// The stream has closed, or was released. Called once, unless it is destroyed before.
  virtual void on_left() noexcept {}

 private:
  enum class Stage : std::uint8_t { open, closed };

  void on_events(std::uint32_t events) final;
  void on_layer_events(std::uint32_t events);
  void go_on(std::uint32_t events);
  void on_timer() final;
  void run_deferred() final;
  void leave() noexcept;
  std::size_t note_sent(ssize_t sent, std::size_t wanted);

  Runtime& runtime_;
  ipc::WorkerSlot* counters_;
  std::uint64_t deadline_ms_ = 0;  // of the loop's running time
  std::unique_ptr<char[]> block_;
  Transport transport_;
  std::uint32_t used_ = 0;
  Stage stage_ = Stage::open;
  bool input_ready_ = true;  // until a receive says otherwise: the first bytes often come with the connection
  bool attached_ = false;
  bool peer_ended_ = false;      // EPOLLRDHUP, EPOLLHUP or EPOLLERR has occurred: a receive will tell
  bool input_finished_ = false;  // a receive returned the end: nothing is left that would make close(2) reset the
                                 // connection
  bool wants_writable_ = false;
  bool watches_writable_ = false;
};

}  // namespace prefork::worker
