#pragma once

#include <cstdint>
#include <ctime>
#include <optional>
#include <string>

#include <prefork/api.hpp>
#include <prefork/http/range.hpp>
#include <prefork/http/request.hpp>
#include <prefork/http/response.hpp>

namespace prefork::http {

/// A complete representation: in memory, or as an open file.
struct FileContent {
  BodySource source;
  std::uint64_t size = 0;  ///< of a file; bytes know their own
  std::string media_type;  ///< empty: no Content-Type
  /// With its quotes; `W/"..."` unless it changes with every byte. Each content coding needs its own.
  std::string etag;
  std::optional<std::time_t> last_modified = {};  ///< left out if it is in the future (RFC 9110 8.8.2.1)
  std::string content_encoding;                   ///< of the content of `source`; empty: none
  std::string cache_control;                      ///< empty: no such field
  std::string vary;                               ///< "Accept-Encoding" if there are other codings
  bool ranges = true;                             ///< whether parts may be requested; false: always the whole
};

/// A file with its header lines built once, to be sent any number of times. Immutable. Worker's thread only; nothing
/// blocks.
class PREFORK_API PreparedFile {
 public:
  /// @throws std::invalid_argument if a field holds what Response::set refuses
  explicit PreparedFile(FileContent content);

  /// Answers a GET or HEAD: 200, 206 (one range or multipart/byteranges), 304, 412 or 416, depending on the request's
  /// preconditions and Range (RFC 9110 13.2.2, 14.2). Other methods get the whole. A range of bytes in memory is
  /// copied; everything else is shared.
  Response answer(const Request& request) const;
  /// The whole with 200, whatever was requested.
  const Response& whole() const noexcept { return whole_; }
  const FileContent& content() const noexcept { return content_; }

 private:
  Response answer_conditions(const Request& request) const;
  Response partial(const std::vector<ByteRange>& ranges) const;

  FileContent content_;
  Response whole_;
  Response not_modified_;
};

/// For a file that is sent only once: `return send_file(request, content);`
PREFORK_API Response send_file(const Request& request, FileContent content);

}  // namespace prefork::http
