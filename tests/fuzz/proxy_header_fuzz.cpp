// Goal: no bytes make the reader of the PROXY protocol read out of bounds, and what it says about the start of a stream
// stays true whatever follows.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string_view>
#include <vector>

#include "framework/worker/net/proxy_header.hpp"

namespace {

using namespace prefork::worker;

void require(bool holds) {
  if (!holds) std::abort();
}

ProxyResult parse(std::string_view bytes, ProxyHeader& header) {
  // In an allocation of its own size, so that ASan sees every step beyond it.
  const std::vector<char> exact(bytes.begin(), bytes.end());
  return parse_proxy_header({exact.data(), exact.size()}, header);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  ProxyHeader whole;
  const ProxyResult result = parse(text, whole);
  if (result == ProxyResult::incomplete) require(size < kMaxProxyHeader);
  if (result == ProxyResult::complete) {
    require(whole.bytes > 0 && whole.bytes <= size && whole.bytes <= kMaxProxyHeader);
    ProxyHeader part;
    require(parse(text.substr(0, whole.bytes - 1), part) == ProxyResult::incomplete);
    require(parse(text.substr(0, whole.bytes), part) == ProxyResult::complete && part.bytes == whole.bytes);
    require(!whole.peer || whole.peer->to_string() == part.peer->to_string());
  }
  for (std::size_t end = 0; end < std::min<std::size_t>(size, 120); end += 5) {
    ProxyHeader part;
    const ProxyResult early = parse(text.substr(0, end), part);
    require(early == ProxyResult::incomplete || early == result);
  }
  return 0;
}
