#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include <prefork/http/method.hpp>
#include <prefork/http/request.hpp>

namespace prefork::http {

/// How the body is delimited, RFC 9112 6.3.
enum class Framing : std::uint8_t { none, length, chunked };

/// What the parser records about the fields that decide about framing and the connection. It is judged when the header
/// section is complete; see framing.cpp.
struct NotedFields {
  std::string_view host;
  std::string_view content_length;
  std::string_view transfer_encoding;
  std::uint16_t hosts = 0;
  std::uint16_t content_lengths = 0;
  std::uint16_t transfer_encodings = 0;
  bool expect_continue = false;
  bool expect_other = false;
  bool close = false;
  bool keep_alive = false;
};

/// A parsed header section. Its views point into the bytes that were parsed. `fields` points to an array of as many
/// fields as the limit allows: a worker has one such array, and a request that has to wait copies the part that is
/// used.
struct RequestHead {
  Header* fields = nullptr;
  std::uint16_t field_count = 0;
  std::uint8_t minor_version = 1;
  Method method = Method::get;
  Framing framing = Framing::none;
  bool keep_alive = true;
  bool expect_continue = false;
  std::uint8_t target_classes = 0;  ///< the union of char_class() over all bytes of the target
  std::uint32_t bytes = 0;          ///< the length of the header section, including its last CR LF
  std::uint64_t content_length = 0;
  std::string_view method_name;
  std::string_view target;
  std::string_view path;
  std::string_view query;
  std::string_view host;  ///< from the target in absolute form, else from Host
  NotedFields noted;
};

}  // namespace prefork::http
