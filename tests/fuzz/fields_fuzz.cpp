// Goal: nothing that a client or a proxy writes into the small fields is read out of bounds or misread.
#include <cstdint>
#include <cstdlib>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include <prefork/http/cookie.hpp>
#include <prefork/http/negotiation.hpp>

#include "framework/http/message/error_page.hpp"
#include "framework/http/message/forwarded.hpp"
#include "framework/http/message/request_state.hpp"
#include "framework/http/routing/host_names.hpp"
#include "framework/http/server/access_format.hpp"

namespace {

using namespace prefork::http;

void require(bool holds) {
  if (!holds) std::abort();
}

void check_access_log(const Request& request) {
  static const AccessFormat combined("combined"), json("json");
  AccessRecord record;
  record.request = &request;
  for (const AccessFormat* format : {&combined, &json}) {
    std::string line;
    format->append(record, {"s", "w"}, line);
    require(line.size() <= kMaxAccessLine && line.find('\n') == line.size() - 1);
    for (const char c : line.substr(0, line.size() - 1)) require(c >= 0x20 && c < 0x7f);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  // In an allocation of its own size, so that ASan sees every step beyond it.
  const std::vector<char> exact(data, data + size);
  const std::string_view text(exact.data(), exact.size());
  constexpr std::string_view kOffers[] = {"text/plain", "text/html", "application/json"};
  const auto offer = prefer_type(text, kOffers);
  require(!offer || *offer < 3);
  constexpr std::string_view kCodings[] = {"gzip", "identity"};
  const auto coding = prefer_coding(text, kCodings);
  require(!coding || *coding < 2);
  static const Networks trusted("0.0.0.0/0 ::/0");
  for (const ForwardedFields& fields : {ForwardedFields{{text}, {}, {}}, ForwardedFields{{}, {text}, {text}}}) {
    require(!forwarded_client("10.0.0.1:1", fields, trusted).address.empty());
  }
  require(plain_host(text).size() <= text.size());
  try {
    const HostNames names(text);
    require(names.any() || names.fit("") == 0);
  } catch (const std::invalid_argument&) {
  }

  RequestState state;
  Header fields[] = {{"Cookie", text}, {"User-Agent", text}, {"Referer", text}};
  state.head.fields = fields;
  state.head.field_count = 3;
  state.head.method_name = "GET";
  state.head.target = text;
  const Request request = state.as_request();
  if (const auto value = request.cookie("a")) require(value->size() <= text.size());
  check_access_log(request);
  for (const auto accept : {std::string_view("text/html"), std::string_view("application/json"), text}) {
    const ErrorPage page = render_error(Status::not_found, text, accept);
    require(page.media_type.find("html") == page.media_type.npos || page.body.find("<script") == page.body.npos);
  }
  try {
    Response response;
    response.set_cookie({.name = "a", .value = std::string(text), .path = "/" + std::string(text)});
    require(response.header("set-cookie").has_value());
  } catch (const std::invalid_argument&) {
  }
  return 0;
}
