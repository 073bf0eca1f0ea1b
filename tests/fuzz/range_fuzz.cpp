// Goal: no field values make the code for ranges, dates and preconditions read out of bounds or break its promises:
// ranges lie within the representation and have together no more bytes than it; parts put together match what they
// announce; a value read as a date is written as one that reads the same. The first two input bytes choose the size and
// the function.
#include <prefork/http/conditional.hpp>
#include <prefork/http/range.hpp>
#include <prefork/http/send_file.hpp>

#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "framework/http/message/request_state.hpp"
#include "framework/http/wire/response_parts.hpp"

namespace {

using namespace prefork::http;

constexpr std::time_t kNow = 1'750'000'000;
constexpr std::string_view kNames[] = {"If-Match", "If-None-Match", "If-Modified-Since", "If-Unmodified-Since",
                                       "If-Range", "Range"};

void require(bool holds) {
  if (!holds) std::abort();
}

std::uint64_t bytes_of(const std::vector<BodyPart>& parts) {
  std::uint64_t sum = 0;
  for (const BodyPart& part : parts) {
    if (const auto* text = std::get_if<std::string>(&part)) sum += text->size();
    if (const auto* bytes = std::get_if<SharedBytes>(&part)) sum += (*bytes)->size();
  }
  return sum;
}

void check_ranges(std::string_view value, std::uint64_t size) {
  const RangeSelection selection = select_ranges(value, size);
  require((selection.result == RangeResult::partial) == !selection.ranges.empty());
  require(selection.ranges.size() <= kMaxRanges);
  std::uint64_t total = 0;
  for (const ByteRange& range : selection.ranges) {
    require(range.first <= range.last && range.last < size);
    total += range.size();
    for (const ByteRange& other : selection.ranges)
      require(&other == &range || other.last < range.first || range.last < other.first);
  }
  require(total <= size);
  if (size > 4096 || selection.ranges.empty()) return;
  const BodySource source = std::make_shared<const std::string>(static_cast<std::size_t>(size), 'x');
  const MultipartRanges several = multipart_ranges(source, size, selection.ranges, "a/b", "boundary");
  require(several.parts.size() == 2 * selection.ranges.size() + 1);
  require(bytes_of(several.parts) <= size + 200 * (selection.ranges.size() + 1));
}

void check_date(std::string_view text) {
  const auto date = parse_http_date(text, kNow);
  if (!date) return;
  const auto again = parse_http_date(format_http_date(*date), kNow);
  require(again == date || *date > 253'402'300'799);
}

/// The input's lines are the values of fields; the first byte of each says of which.
void check_answer(std::string_view text, std::uint64_t size, bool head) {
  RequestState state;
  std::vector<Header> fields;
  while (!text.empty() && fields.size() < 20) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    if (end > 0) fields.push_back({kNames[static_cast<unsigned char>(text[0]) % 6], text.substr(1, end - 1)});
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  state.head.fields = fields.data();
  state.head.field_count = static_cast<std::uint16_t>(fields.size());
  state.head.method = head ? Method::head : Method::get;
  FileContent content;
  content.source = std::make_shared<const std::string>(static_cast<std::size_t>(size), 'x');
  content.etag = "\"a\"";
  content.last_modified = 784'111'777;
  const Response response = send_file(state.as_request(), content);
  switch (response.status()) {
    case Status::ok:
      return require(bytes_of(ResponseParts::special(response)->parts) == size);
    case Status::partial_content:
      return require(!head && bytes_of(ResponseParts::special(response)->parts) <= size + 200 * (kMaxRanges + 1));
    case Status::not_modified:
      return require(ResponseParts::special(response) == nullptr && response.header("ETag") == "\"a\"");
    case Status::precondition_failed:
      return;
    default:
      require(response.status() == Status::range_not_satisfiable && response.header("Content-Range").has_value());
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  // In an allocation of its own size, so that ASan sees every step beyond it.
  const std::vector<char> exact(data + 2, data + size);
  const std::string_view text(exact.data(), exact.size());
  static constexpr std::uint64_t kSizes[] = {0, 1, 100, 4096, 1'000'000, UINT64_MAX};
  const std::uint64_t length = kSizes[data[0] % 6];
  check_ranges(text, length);
  check_ranges("bytes=" + std::string(text), length);
  check_date(text);
  if (const auto tag = parse_entity_tag(text)) require(tag->opaque.size() + (tag->weak ? 4U : 2U) == text.size());
  check_answer(text, length % 5000, data[1] % 2 == 1);
  return 0;
}
