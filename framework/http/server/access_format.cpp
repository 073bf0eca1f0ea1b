#include "framework/http/server/access_format.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <optional>
#include <stdexcept>

#include "framework/base/json_string.hpp"
#include "framework/base/utf8.hpp"
#include "framework/http/wire/char_class.hpp"
#include "framework/http/wire/date_cache.hpp"

namespace prefork::http {
namespace {

constexpr std::string_view kCommon = "%h %l %u %t \"%r\" %s %b";
constexpr std::string_view kCombined = "%h %l %u %t \"%r\" %s %b \"%{Referer}i\" \"%{User-Agent}i\"";
constexpr std::string_view kHex = "0123456789abcdef";

void append_number(std::string& out, std::uint64_t number) {
  std::array<char, 20> digits;
  out.append(digits.data(), std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr);
}

bool is_plain(char c) noexcept { return c >= 0x20 && c < 0x7f && c != '"' && c != '\\'; }

/// \xHH for what is not plain.
void append_escaped(std::string& out, std::string_view text) {
  for (const char c : text) {
    if (is_plain(c)) {
      out.push_back(c);
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    out.append("\\x").append({kHex[byte >> 4], kHex[byte & 15]});
  }
}

void append_field(std::string& out, std::optional<std::string_view> value) {
  if (!value || value->empty()) return out.push_back('-');
  append_escaped(out, *value);
}

/// "[10/Oct/2000:13:55:36 +0000]", made once per second.
std::string_view common_time(std::time_t when) noexcept {
  static thread_local std::time_t formatted = -1;
  static thread_local std::array<char, 28> text;
  if (when != formatted) {
    std::array<char, 29> date;  // "Sun, 06 Nov 1994 08:49:37 GMT"
    write_http_date(when, date.data());
    std::memcpy(text.data(), "[00/Mon/0000:00:00:00 +0000]", 28);
    std::memcpy(text.data() + 1, date.data() + 5, 2);
    std::memcpy(text.data() + 4, date.data() + 8, 3);
    std::memcpy(text.data() + 8, date.data() + 12, 4);
    std::memcpy(text.data() + 13, date.data() + 17, 8);
    formatted = when;
  }
  return {text.data(), text.size()};
}

std::string iso_time(std::time_t when) {
  std::tm time{};
  ::gmtime_r(&when, &time);
  std::array<char, 32> text;
  return {text.data(), std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%SZ", &time)};
}

/// "[2001:db8::1]:80" and "192.0.2.7:80" without the port; IPv6 without brackets, as is usual in logs.
std::string_view host_of(std::string_view client) noexcept {
  if (client.starts_with('[')) return client.substr(1, client.find(']') - 1);
  const std::size_t colon = client.find(':');
  const bool port = colon != std::string_view::npos && client.find(':', colon + 1) == std::string_view::npos;
  return port ? client.substr(0, colon) : client;
}

std::string_view protocol_of(const Request& request) noexcept {
  return request.minor_version() == 0 ? "HTTP/1.0" : "HTTP/1.1";
}

// The method in AccessRecord::line.
std::string_view method_in(std::string_view line) noexcept { return line.substr(0, line.find(' ')); }
std::string_view target_in(std::string_view line) noexcept {
  return line.substr(std::min(method_in(line).size() + 1, line.size()));
}
std::string_view path_in(std::string_view line) noexcept {
  const std::string_view target = target_in(line);
  return target.substr(0, target.find('?'));
}

/// Cuts a line that has become too long.
void bound(std::string& out, std::size_t begin, std::string_view end) {
  if (out.size() - begin + end.size() > kMaxAccessLine) {
    constexpr std::string_view kCut = "...";
    out.resize(begin + kMaxAccessLine - end.size() - kCut.size());
    out.append(kCut);
  }
  out.append(end);
}

void append_member(std::string& out, std::string_view name, std::string_view value, std::size_t most) {
  out.append(",\"").append(name).append("\":");
  base::append_json_string(out, base::utf8_prefix(value, most), base::JsonStyle::log);
}

void append_json_line(const AccessRecord& record, const AccessSource& source, std::string& out) {
  // Each byte becomes at most six: the parts are bounded so that the line is.
  constexpr std::size_t kLong = 240, kShort = 60;
  out.append("{\"time\":\"").append(iso_time(record.when)).append("\"");
  append_member(out, "client", record.client, kShort);
  if (const Request* request = record.request) {
    append_member(out, "method", request->method_name(), 20);
    append_member(out, "target", request->raw_target(), kLong);
    append_member(out, "protocol", protocol_of(*request), 8);
    append_member(out, "host", request->host(), kShort);
    if (const auto value = request->header("referer")) append_member(out, "referer", *value, 120);
    if (const auto value = request->header("user-agent")) append_member(out, "agent", *value, 120);
  }
  if (record.request == nullptr && !record.line.empty()) {
    append_member(out, "method", method_in(record.line), 20);
    append_member(out, "target", target_in(record.line), kLong);
  }
  out.append(",\"status\":");
  append_number(out, code(record.status));
  out.append(",\"bytes\":");
  append_number(out, record.body_bytes);
  out.append(",\"us\":");
  append_number(out, record.microseconds);
  append_member(out, "service", source.service, kShort);
  append_member(out, "worker", source.worker, kShort);
  out.append(",\"connection\":");
  append_number(out, record.connection);
  if (!record.complete) out.append(",\"cut\":true");
  out.append("}\n");
}

}  // namespace

AccessFormat::AccessFormat(std::string_view format) {
  if (format == "json") {
    json_ = true;
  } else {
    parse(format == "common" ? kCommon : format == "combined" ? kCombined : format);
  }
}

void AccessFormat::parse(std::string_view format) {
  while (!format.empty()) {
    const std::size_t percent = std::min(format.find('%'), format.size());
    if (percent > 0) pieces_.push_back({Kind::literal, std::string(format.substr(0, percent))});
    format.remove_prefix(percent);
    if (!format.empty()) format.remove_prefix(parse_directive(format));
  }
  for (const Piece& piece : pieces_) {
    if (piece.kind == Kind::literal && !std::all_of(piece.text.begin(), piece.text.end(),
                                                    [](char c) { return c == '\t' || (c >= 0x20 && c != 0x7f); }))
      throw std::invalid_argument("a format of log lines holds no control characters");
  }
}

/// @return its length
std::size_t AccessFormat::parse_directive(std::string_view rest) {
  const auto refuse = [&](std::size_t length) {
    throw std::invalid_argument("there is no directive \"" + std::string(rest.substr(0, length)) + "\"");
  };
  if (rest.size() < 2) refuse(1);
  if (rest[1] == '{') {
    const std::size_t close = rest.find('}');
    if (close == std::string_view::npos || close + 1 >= rest.size()) refuse(rest.size());
    const std::string name(rest.substr(2, close - 2));
    const char what = rest[close + 1];
    if (what == 'i' && !name.empty()) {
      pieces_.push_back({Kind::request_field, name});
    } else if (what == 'o' && !name.empty()) {
      pieces_.push_back({Kind::response_field, name});
    } else if (what == 'n' && (name == "service" || name == "worker" || name == "connection")) {
      pieces_.push_back({name == "service" ? Kind::service : name == "worker" ? Kind::worker : Kind::connection, {}});
    } else {
      refuse(close + 2);
    }
    return close + 2;
  }
  // %>s is Apache's name for the last status; here there is only one.
  const std::size_t skipped = rest.starts_with("%>s") ? 1 : 0;
  constexpr std::string_view kLetters = "hlutrsbBDTmUqHVXP";
  constexpr std::array kKinds{
      Kind::client_host,   Kind::dash,     Kind::dash,         Kind::time,    Kind::request_line, Kind::status,
      Kind::bytes_or_dash, Kind::bytes,    Kind::microseconds, Kind::seconds, Kind::method,       Kind::path,
      Kind::query,         Kind::protocol, Kind::host,         Kind::end,     Kind::process};
  const char letter = rest[1 + skipped];
  if (letter == '%') {
    pieces_.push_back({Kind::literal, "%"});
    return 2;
  }
  const std::size_t at = kLetters.find(letter);
  if (at == std::string_view::npos) refuse(2);
  pieces_.push_back({kKinds[at], {}});
  return 2 + skipped;
}

void AccessFormat::append_piece(const Piece& piece, const AccessRecord& record, const AccessSource& source,
                                std::string& out) const {
  const Request* const request = record.request;
  switch (piece.kind) {
    case Kind::literal:
      out.append(piece.text);
      return;
    case Kind::client_host:
      return append_field(out, host_of(record.client));
    case Kind::dash:
      return out.push_back('-');
    case Kind::time:
      out.append(common_time(record.when));
      return;
    case Kind::request_line:
      if (request == nullptr) return append_field(out, record.line);
      append_escaped(out, request->method_name());
      out.push_back(' ');
      append_escaped(out, request->raw_target());
      out.append(" ").append(protocol_of(*request));
      return;
    case Kind::status:
      return append_number(out, code(record.status));
    case Kind::bytes_or_dash:
      return record.body_bytes == 0 ? out.push_back('-') : append_number(out, record.body_bytes);
    case Kind::bytes:
      return append_number(out, record.body_bytes);
    case Kind::microseconds:
      return append_number(out, record.microseconds);
    case Kind::seconds:
      return append_number(out, record.microseconds / 1'000'000);
    case Kind::method:
      return append_field(out, request != nullptr ? request->method_name() : method_in(record.line));
    case Kind::path:
      return append_field(out, request != nullptr ? request->path() : path_in(record.line));
    case Kind::query:
      if (request == nullptr || request->query().empty()) return;
      out.push_back('?');
      return append_escaped(out, request->query());
    case Kind::protocol:
      return append_field(out, request != nullptr ? protocol_of(*request) : std::string_view());
    case Kind::host:
      return append_field(out, request != nullptr ? request->host() : std::string_view());
    case Kind::end:
      return out.push_back(!record.complete ? 'X' : '+');
    case Kind::process:
      return append_number(out, static_cast<std::uint64_t>(record.process != 0 ? record.process : ::getpid()));
    case Kind::request_field:
      return append_field(out, request != nullptr ? request->header(piece.text) : std::nullopt);
    case Kind::response_field:
      return append_field(out, record.response != nullptr ? record.response->header(piece.text) : std::nullopt);
    case Kind::service:
      out.append(source.service);
      return;
    case Kind::worker:
      out.append(source.worker);
      return;
    case Kind::connection:
      return append_number(out, record.connection);
  }
}

void AccessFormat::append(const AccessRecord& record, const AccessSource& source, std::string& out) const {
  if (json_) return append_json_line(record, source, out);
  const std::size_t begin = out.size();
  for (const Piece& piece : pieces_) append_piece(piece, record, source, out);
  bound(out, begin, "\n");
}

}  // namespace prefork::http
