#include "framework/http/wire/response_writer.hpp"

#include <array>
#include <charconv>
#include <cstring>

#include "framework/http/wire/response_parts.hpp"
#include "framework/http/wire/status_lines.hpp"

namespace prefork::http {
namespace {

/// The fixed-size part of the header section is built here and appended once.
class Scratch {
 public:
  void put(std::string_view text) noexcept {
    if (text.empty()) return;  // memcpy must not get a null pointer
    std::memcpy(end_, text.data(), text.size());
    end_ += text.size();
  }
  void put(std::uint64_t number) noexcept { end_ = std::to_chars(end_, end_ + 20, number).ptr; }
  std::size_t room() const noexcept { return static_cast<std::size_t>(bytes_.data() + bytes_.size() - end_); }
  std::string_view view() const noexcept { return {bytes_.data(), static_cast<std::size_t>(end_ - bytes_.data())}; }

 private:
  std::array<char, 512> bytes_;
  char* end_ = bytes_.data();
};

void append_parts(std::string& out, const std::vector<BodyPart>& parts) {
  for (const BodyPart& part : parts) {
    if (const auto* text = std::get_if<std::string>(&part)) {
      out.append(*text);
    } else {
      out.append(*std::get<SharedBytes>(part));
    }
  }
}

void put_connection(Scratch& head, const Response& response, ResponseMode mode) noexcept {
  const bool offers = response.offers_upgrade();
  if (response.status() == Status::switching_protocols) {
    head.put("Connection: Upgrade\r\n");
  } else if (!mode.keep_alive) {
    head.put(offers ? "Connection: Upgrade, close\r\n" : "Connection: close\r\n");
  } else if (mode.old_version) {
    head.put(offers ? "Connection: Upgrade, keep-alive\r\n" : "Connection: keep-alive\r\n");
  } else if (offers) {
    head.put("Connection: Upgrade\r\n");
  }
}

/// RFC 9110 8.6, RFC 9112 6.
void put_framing(Scratch& head, const Response& response, ResponseMode mode) noexcept {
  if (!may_have_body(response.status())) return;
  if (has_body(response.status()) && ResponseParts::special(response) != nullptr &&
      ResponseParts::special(response)->function) {
    if (!mode.old_version) head.put("Transfer-Encoding: chunked\r\n");
    return;
  }
  head.put("Content-Length: ");
  head.put(body_bytes(response));
  head.put("\r\n");
}

void put_status_line(Scratch& head, Status status) noexcept {
  if (const std::string_view line = status_line(status); !line.empty()) return head.put(line);
  // RFC 9112 4: the reason phrase may be empty, but the space before it is required.
  head.put("HTTP/1.1 ");
  head.put(std::uint64_t{code(status)});
  head.put(" \r\nServer: prefork\r\n");
}

}  // namespace

void append_response(std::string& out, const Response& response, ResponseMode mode, std::string_view date_line) {
  const bool with_body = has_body(response.status());
  Scratch head;
  put_status_line(head, response.status());
  head.put(date_line);
  put_connection(head, response, mode);
  put_framing(head, response, mode);
  const std::string_view type = with_body ? ResponseParts::media_type(response) : std::string_view();
  const FieldList fields = ResponseParts::fields(response);
  const std::string_view sent = with_body && !mode.head_only ? response.body() : std::string_view();
  constexpr std::string_view kType = "Content-Type: ";
  if (kType.size() + type.size() + 4 + fields.most_line_bytes() + sent.size() <= head.room()) {
    // A small response is one append.
    if (!type.empty()) {
      head.put(kType);
      head.put(type);
      head.put("\r\n");
    }
    for (const Header field : fields) {
      head.put(field.name);
      head.put(": ");
      head.put(field.value);
      head.put("\r\n");
    }
    head.put("\r\n");
    head.put(sent);
    out.append(head.view());
  } else {
    out.append(head.view());
    if (!type.empty()) out.append(kType).append(type).append("\r\n");
    for (const Header field : fields) out.append(field.name).append(": ").append(field.value).append("\r\n");
    out.append("\r\n").append(sent);
  }
  if (const SpecialBody* special = ResponseParts::special(response);
      special != nullptr && with_body && !mode.head_only) {
    if (lies_in_head(special->parts)) append_parts(out, special->parts);
  }
}

}  // namespace prefork::http
