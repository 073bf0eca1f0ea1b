#pragma once

#include <cstddef>
#include <cstdint>
#include <ctime>
#include <string>
#include <string_view>
#include <vector>

#include <prefork/api.hpp>
#include <prefork/http/request.hpp>
#include <prefork/http/response.hpp>

namespace prefork::http {

/// The longest line of an access log with its line end: PIPE_BUF, so that no line is ever torn. Longer lines are cut.
inline constexpr std::size_t kMaxAccessLine = 4096;

/// One answered request, as input for its line.
struct AccessRecord {
  const Request* request = nullptr;    ///< null: it could not be parsed, or its worker is gone
  std::string_view line{};             ///< instead: method, blank and target, as far as they are known
  const Response* response = nullptr;  ///< null: it was refused before there was one
  Status status = Status::ok;
  std::string_view client;         ///< with its port
  std::uint64_t body_bytes = 0;    ///< that were sent
  std::uint64_t microseconds = 0;  ///< from the whole header section to the end of the response
  std::uint64_t connection = 0;    ///< its number in this worker
  std::time_t when = 0;
  bool complete = true;  ///< false: the response was cut off
  int process = 0;       ///< that served it; 0: this process
};

/// The writer: the same in every line.
struct AccessSource {
  std::string service;
  std::string worker;  ///< "main/3"
};

/// Formats the lines of an access log. Pure.
class PREFORK_API AccessFormat {
 public:
  /// @param format  "combined", "common", "json", or directives of Apache's mod_log_config: %h %l %u %t %r %s %b %B %D
  /// %T %m %U %q %H %V %X %P %% %{Name}i %{Name}o %{service}n %{worker}n %{connection}n
  /// @throws std::invalid_argument with a sentence
  explicit AccessFormat(std::string_view format);

  /// Appends a line with its '\n'. A client can't forge a line: control characters, quotes, backslashes and bytes
  /// beyond ASCII are escaped. In JSON, UTF-8 stays, and each byte that is not UTF-8 becomes \xNN.
  void append(const AccessRecord& record, const AccessSource& source, std::string& out) const;

 private:
  enum class Kind : std::uint8_t {
    literal,
    client_host,
    dash,
    time,
    request_line,
    status,
    bytes_or_dash,
    bytes,
    microseconds,
    seconds,
    method,
    path,
    query,
    protocol,
    host,
    end,
    process,
    request_field,
    response_field,
    service,
    worker,
    connection,
  };
  struct Piece {
    Kind kind;
    std::string text;  ///< of a literal; or the name of a field
  };

  void parse(std::string_view format);
  std::size_t parse_directive(std::string_view rest);
  void append_piece(const Piece& piece, const AccessRecord& record, const AccessSource& source, std::string& out) const;

  std::vector<Piece> pieces_;
  bool json_ = false;
};

}  // namespace prefork::http
