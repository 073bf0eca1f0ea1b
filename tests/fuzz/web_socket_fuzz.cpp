// Goal: no bytes make the WebSocket frames read out of bounds, exceed their limit or produce text that is not UTF-8,
// and the result does not depend on how the bytes were cut. The first input byte says how they are cut; if its high bit
// is set, frames are built from the rest, so that deep states are reached.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "framework/base/utf8_check.hpp"
#include "framework/http/web_socket/web_socket_frames.hpp"
#include "tests/framework/http/web_socket/client_frames.hpp"

namespace {

using namespace prefork::http;

constexpr std::size_t kMost = 1000;

void require(bool holds) {
  if (!holds) std::abort();
}

void check(WebSocketFrames::Event event, WebSocketFrames& frames) {
  switch (event) {
    case WebSocketFrames::Event::message:
      require(frames.message().size() <= kMost);
      require(!frames.text() || prefork::base::is_utf8(frames.message()));
      return;
    case WebSocketFrames::Event::ping:
    case WebSocketFrames::Event::pong:
      require(frames.control_payload().size() <= 125);
      return;
    case WebSocketFrames::Event::close:
      require(frames.code() == close_codes::kNone || is_close_code(frames.code()));
      require(frames.control_payload().size() <= 123 && prefork::base::is_utf8(frames.control_payload()));
      return;
    case WebSocketFrames::Event::failed:
      require(frames.code() == 1002 || frames.code() == 1007 || frames.code() == 1009);
      return;
    case WebSocketFrames::Event::none:
      return;
  }
}

/// All that is said of the bytes. Each piece lies in an allocation of exactly its size, so that ASan sees every step
/// beyond it.
std::string events(std::string_view bytes, std::size_t step) {
  WebSocketFrames frames(kMost);
  std::string all;
  while (!bytes.empty()) {
    const std::vector<char> exact(bytes.begin(), bytes.begin() + static_cast<long>(std::min(step, bytes.size())));
    bytes.remove_prefix(exact.size());
    std::string_view piece(exact.data(), exact.size());
    for (auto event = frames.next(piece); event != WebSocketFrames::Event::none; event = frames.next(piece)) {
      check(event, frames);
      all.append(std::to_string(static_cast<int>(event))).append(frames.text() ? "t" : "b");
      if (event == WebSocketFrames::Event::message) all.append(frames.message());
      if (event == WebSocketFrames::Event::close || event == WebSocketFrames::Event::failed) {
        all.append(std::to_string(frames.code()));
      }
      if (event == WebSocketFrames::Event::failed) return all;
      if (event != WebSocketFrames::Event::message) all.append(frames.control_payload());
      all.push_back('\n');
      if (event == WebSocketFrames::Event::close) return all;
    }
    require(piece.empty());
  }
  return all;
}

/// Frames by a recipe: a byte for opcode and final bit, a byte for the length, then the payload.
std::string cook(std::string_view recipe) {
  std::string out;
  while (recipe.size() >= 2) {
    const auto kind = static_cast<unsigned char>(recipe[0]);
    const std::size_t length = static_cast<unsigned char>(recipe[1]) * (kind & 0x40U ? 8 : 1);
    recipe.remove_prefix(2);
    const std::string_view payload = recipe.substr(0, length);
    recipe.remove_prefix(payload.size());
    out += test::frame(kind & 15U, payload, {(kind & 0x80U) != 0, 0, true, 0});
  }
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const std::string_view rest(reinterpret_cast<const char*>(data) + 1, size - 1);
  const std::string bytes = data[0] & 0x80U ? cook(rest) : std::string(rest);
  const std::string whole = events(bytes, SIZE_MAX);
  require(events(bytes, 1 + (data[0] & 0x7fU)) == whole);
  require(events(bytes, 1) == whole);
  return 0;
}
