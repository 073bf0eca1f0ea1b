#include "framework/http/message/error_page.hpp"

#include <array>

#include <prefork/http/negotiation.hpp>
#include <prefork/http/response.hpp>

#include "framework/base/json_string.hpp"
#include "framework/base/utf8.hpp"

namespace prefork::http {
namespace {

constexpr std::array<std::string_view, 3> kTypes = {kTextPlain.view(), kTextHtml.view(), kJson.view()};

/// "404 Not Found"
std::string title_of(Status status) {
  std::string title = std::to_string(code(status));
  if (const std::string_view phrase = reason(status); !phrase.empty()) title.append(" ").append(phrase);
  return title;
}

std::string as_text(Status status, std::string_view detail) {
  std::string body = title_of(status) + '\n';
  if (!detail.empty()) body.append(detail).push_back('\n');
  return body;
}

std::string as_html(Status status, std::string_view detail) {
  const std::string title = title_of(status);
  std::string body =
      "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>";
  body.append(title).append(
      "</title>\n<style>\n"
      ":root { color-scheme: light dark; }\n"
      "body { font: 1.1rem/1.5 system-ui, sans-serif; max-width: 40rem; margin: 15vh auto 0; padding: 0 1.5rem; }\n"
      "h1 { font-size: 1.7rem; line-height: 1.2; }\n"
      "p { overflow-wrap: anywhere; }\n"
      "</style>\n</head>\n<body>\n<main>\n<h1>");
  body.append(title).append("</h1>\n");
  if (!detail.empty()) body.append("<p>").append(escape_html(detail)).append("</p>\n");
  return body.append("</main>\n</body>\n</html>\n");
}

std::string as_json(Status status, std::string_view detail) {
  std::string body = "{\"status\":" + std::to_string(code(status)) + ",\"error\":";
  base::append_json_string(body, reason(status), base::JsonStyle::page);
  if (!detail.empty()) base::append_json_string(body.append(",\"detail\":"), detail, base::JsonStyle::page);
  return body.append("}\n");
}

}  // namespace

ErrorPage render_error(Status status, std::string_view detail, std::optional<std::string_view> accept) {
  std::string sentence;
  base::append_utf8(detail, sentence);
  const std::size_t choice = prefer_type(accept, kTypes).value_or(0);
  const auto render = choice == 1 ? as_html : choice == 2 ? as_json : as_text;
  return {kTypes[choice], render(status, sentence)};
}

}  // namespace prefork::http
