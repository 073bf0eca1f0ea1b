#include "framework/http/response_writer.hpp"

#include <array>
#include <charconv>
#include <cstring>

#include "framework/http/status_lines.hpp"

namespace prefork::http {
namespace {

/// The fixed-size part of the header section is put together here and appended once.
class Scratch {
 public:
  void put(std::string_view text) noexcept {
    if (text.empty()) return;  // memcpy takes no null pointer
    std::memcpy(end_, text.data(), text.size());
    end_ += text.size();
  }
  void put(std::size_t number) noexcept { end_ = std::to_chars(end_, end_ + 20, number).ptr; }
  std::size_t room() const noexcept { return static_cast<std::size_t>(bytes_.data() + bytes_.size() - end_); }
  std::string_view view() const noexcept { return {bytes_.data(), static_cast<std::size_t>(end_ - bytes_.data())}; }

 private:
  std::array<char, 512> bytes_;
  char* end_ = bytes_.data();
};

void put_status_line(Scratch& head, Status status) noexcept {
  if (const std::string_view line = status_line(status); !line.empty()) return head.put(line);
  // RFC 9112 4: the reason phrase may be empty, the space before it may not.
  head.put("HTTP/1.1 ");
  head.put(std::size_t{code(status)});
  head.put(" \r\nServer: prefork\r\n");
}

}  // namespace

void append_response(std::string& out, const Response& response, ResponseMode mode, std::string_view date_line) {
  const Status status = response.status();
  const bool has_body = may_have_body(status) && status != Status::reset_content;
  const std::string_view body = has_body ? response.body() : std::string_view();
  Scratch head;
  put_status_line(head, status);
  head.put(date_line);
  if (!mode.keep_alive) {
    head.put("Connection: close\r\n");
  } else if (mode.old_version) {
    head.put("Connection: keep-alive\r\n");
  }
  if (may_have_body(status)) {
    head.put("Content-Length: ");
    head.put(body.size());
    head.put("\r\n");
  }
  const std::string_view type = has_body ? response.media_type() : std::string_view();
  const std::string_view lines = response.header_lines();
  const std::string_view sent = mode.head_only ? std::string_view() : body;
  constexpr std::string_view kType = "Content-Type: ";
  if (kType.size() + type.size() + 4 + lines.size() + sent.size() <= head.room()) {
    // A small response is one append.
    if (!type.empty()) {
      head.put(kType);
      head.put(type);
      head.put("\r\n");
    }
    head.put(lines);
    head.put("\r\n");
    head.put(sent);
    out.append(head.view());
    return;
  }
  out.append(head.view());
  if (!type.empty()) out.append(kType).append(type).append("\r\n");
  out.append(lines).append("\r\n").append(sent);
}

}  // namespace prefork::http
