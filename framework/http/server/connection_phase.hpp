#pragma once

#include <cstdint>

namespace prefork::http {

/// What an HTTP/1 connection is doing; one thing at a time. In any phase bytes may be unsent; then nothing is received.
enum class Phase : std::uint8_t {
  idle,       ///< waits for the first byte of a request
  head,       ///< a header section has begun
  body,       ///< the body of a request has begun, and is collected
  calling,    ///< a handler waits
  reading,    ///< a handler reads its request's body itself
  parts,      ///< the parts of an answer's body are sent
  streaming,  ///< a function writes an answer's body, or will once the head has been sent
  upgrading,  ///< the head of a 101 is being sent
  orphaned,   ///< the client is gone; a coroutine still waits, and must end by itself
  closing,    ///< ends after the unsent bytes
};

/// Whether requests are received, and not one answered.
constexpr bool receives(Phase phase) noexcept { return phase <= Phase::body; }

/// Whether the body of an answer, or whatever follows its head, is being sent.
constexpr bool transfers(Phase phase) noexcept { return phase >= Phase::parts && phase <= Phase::upgrading; }

/// Which phase may follow another one. A handler that has waited leads through idle to what its answer needs.
constexpr bool may_follow(Phase from, Phase to) noexcept {
  switch (to) {
    case Phase::idle:  // an answer has ended
      return from != Phase::orphaned && from != Phase::closing;
    case Phase::orphaned:
      return from == Phase::calling || from == Phase::reading || from == Phase::streaming;
    default:
      return receives(from);
  }
}

}  // namespace prefork::http
