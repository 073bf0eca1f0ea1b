// Goal: no path makes the service static name a file outside its mount, a hidden one or a malformed one; a path's
// canonical spelling names the same file and is its own canonical spelling. Accept-Encoding never selects a coding that
// is not offered. The first input byte says what is offered, and whether hidden names are allowed.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "framework/http/message/request_state.hpp"
#include "services/static/accept.hpp"
#include "services/static/url_path.hpp"

namespace {

using namespace services::static_files;
using prefork::http::Header;
using prefork::http::Request;
using prefork::http::RequestState;

void require(bool holds) {
  if (!holds) std::abort();
}

void check_file(std::string_view file, bool hidden) {
  require(file.find('\0') == std::string_view::npos);
  if (file.empty()) return;
  for (bool first = true; !file.empty(); first = false) {
    const std::string_view name = file.substr(0, file.find('/'));
    require(!name.empty() && name != "." && name != "..");
    require(hidden || name[0] != '.' || (first && name == ".well-known"));
    file.remove_prefix(name.size());
    require(file != "/");
    if (!file.empty()) file.remove_prefix(1);
  }
}

void check_path(std::string_view path, std::string_view mount, bool hidden) {
  const auto url = read_url_path(path, mount, hidden);
  if (!url) return;
  check_file(url->file, hidden);
  require(url->canonical.starts_with(mount) && url->canonical.find("//") == std::string::npos);
  const auto again = read_url_path(url->canonical, mount, hidden);
  require(again && again->file == url->file && again->canonical == url->canonical && again->folder == url->folder);
}

void check_accept(std::string_view value, Offer offer) {
  const Header fields[] = {{"Accept-Encoding", value}, {"Accept", value}};
  RequestState state;
  state.head.fields = const_cast<Header*>(fields);
  state.head.field_count = 2;
  const Request request = state.as_request();
  const Coding coding = choose_coding(request, offer);
  require(coding == Coding::identity || (coding == Coding::gzip ? offer.gzip : offer.brotli));
  static_cast<void>(html_wish(request));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 1) return 0;
  // In an allocation of its own size, so that ASan sees every step beyond it.
  const std::vector<char> exact(data + 1, data + size);
  const std::string_view text(exact.data(), exact.size());
  const bool hidden = (data[0] & 4) != 0;
  for (const std::string_view mount : {"/", "/a", "/a/b"}) {
    check_path(text, mount, hidden);
    check_path("/a/b/" + std::string(text), mount, hidden);
  }
  check_accept(text, {(data[0] & 1) != 0, (data[0] & 2) != 0});
  return 0;
}
