// Goal: whatever is read as JSON is written as JSON that reads the same; anything else ends in an error at a position
// within the text.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include <prefork/json.hpp>

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using prefork::Json;
  const std::string text(reinterpret_cast<const char*>(data), size);
  try {
    const Json value = Json::parse(text, {20, 500});
    const std::string once = value.dump();
    const Json again = Json::parse(once, {20, 500});
    require(again.dump() == once);
    require(Json::parse(value.dump(2), {20, 500}).dump() == once);
  } catch (const prefork::JsonError& error) {
    require(!error.position() || *error.position() <= size + 1);
  }
  const std::string quoted = Json(text).dump();
  require(Json::parse(quoted).is_string());
  return 0;
}
