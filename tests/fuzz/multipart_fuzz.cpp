// Goal: a multipart body is read the same however it is cut into pieces; parts begin and end in turn, within the
// limits. The first input byte says where to cut.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include <prefork/http/form.hpp>

#include "framework/http/body/multipart.hpp"
#include "framework/http/message/disposition.hpp"

namespace {

using namespace prefork::http;

void require(bool holds) {
  if (!holds) std::abort();
}

constexpr MultipartLimits kLimits{5, 300, 200, 400, 600};

/// Writes down what it is given.
class Scribe final : public PartReceiver {
 public:
  void part_begins(PartHead head) override {
    require(!open_ && ++parts_ <= kLimits.parts);
    open_ = true;
    file_ = head.is_file();
    bytes_ = 0;
    text += "[" + head.disposition.name + "|" + head.disposition.filename.value_or("") + "|" + head.content_type + "]";
    if (file_) require(safe_filename(*head.disposition.filename).find('/') == std::string::npos);
  }
  void part_data(std::string_view bytes) override {
    require(open_);
    bytes_ += bytes.size();
    require(bytes_ <= (file_ ? kLimits.file_bytes : kLimits.field_bytes));
    text += bytes;
  }
  void part_ends() override {
    require(open_);
    open_ = false;
    text += "[end]";
  }

  std::string text;

 private:
  std::size_t parts_ = 0;
  std::uint64_t bytes_ = 0;
  bool open_ = false;
  bool file_ = false;
};

std::string read(std::string_view body, std::size_t piece) {
  Scribe scribe;
  MultipartParser parser("b", kLimits, scribe);
  const Refusal* refusal = nullptr;
  for (std::size_t at = 0; at < body.size(); at += piece) {
    const std::string bytes(body.substr(at, piece));  // of its own size, so that ASan sees every step beyond it
    refusal = parser.feed(bytes);
  }
  if (const Refusal* last = parser.finish()) refusal = last;
  return scribe.text + (refusal != nullptr ? "!" + std::string(refusal->reason) : "");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 1) return 0;
  const std::string_view body(reinterpret_cast<const char*>(data + 1), size - 1);
  const std::string whole = read(body, body.size() + 1);
  const std::string cut = read(body, 1 + data[0] % 16U);
  // A refusal is known at different moments; what was given before it is the same as far as it goes.
  if (whole.find('!') == std::string::npos || cut.find('!') == std::string::npos) require(whole == cut);
  const auto fields = parse_urlencoded(body, 50);
  require(!fields || fields->size() <= 50);
  return 0;
}
