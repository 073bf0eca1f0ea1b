#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "framework/http/wire/request_head.hpp"

namespace prefork::worker {
class PeerAddress;
}

namespace prefork::http {

inline constexpr std::size_t kMaxParams = 8;

struct PathParam {
  std::string_view name;
  std::string_view value;
};

/// Where a request came from.
struct ClientSource {
  const worker::PeerAddress* peer = nullptr;  ///< of the connection, which outlives the request; null in tests
  std::uint64_t connection_id = 0;
};

class BodyReader;
struct Mount;

/// The data behind a `Request`. Its address and the bytes that its views point into stay while the handler runs.
struct RequestState {
  RequestHead head;
  std::span<const char> section;  ///< the header section, as it lies in the input
  std::string_view body;
  std::array<PathParam, kMaxParams> params;
  std::size_t param_count = 0;
  std::string plain_path;  ///< the path as it was sent, without its dot segments; used if it has any
  std::string path_text;   ///< the decoded path and parameters; used if the path has escapes
  ClientSource client;
  const Mount* mount = nullptr;     ///< the service that the request belongs to; null: none, or its method is unknown
  std::uint64_t started_ns = 0;     ///< CLOCK_MONOTONIC; 0: it did not reach a handler. Exact if there is a log or a
                                    ///< request-timeout, else the start of the loop's turn
  std::uint32_t shed_after_ms = 0;  ///< how long it had waited when it was shed; 0: it is served
  mutable bool timed = false;       ///< RequestTimer has recorded its answer
  BodyReader* reader = nullptr;     ///< on a route with a streamed body
  const std::string* trailers = nullptr;      ///< lines, each with its CR LF; null: none
  std::unique_ptr<std::string> own_trailers;  ///< of a collected body
  std::vector<Header> own_fields;
  std::string own_head;

  /// The view of it that a handler gets. Valid as long as this object.
  Request as_request() const noexcept { return Request(*this); }

  /// Copies the fields out of the worker's array, which the next request overwrites.
  void keep_fields() {
    own_fields.assign(head.fields, head.fields + head.field_count);
    head.fields = own_fields.data();
  }

  /// Copies the whole header section out of the input, which is about to be freed. `lines` is its present place.
  void keep_head(std::span<const char> lines);
};

}  // namespace prefork::http
