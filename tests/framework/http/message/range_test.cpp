// RFC 9110 14.
#include <prefork/http/range.hpp>

#include <gtest/gtest.h>

namespace prefork::http {
namespace {

/// "200", "416", or the ranges as "0-9,20-29".
std::string select(std::string_view value, std::uint64_t size) {
  const RangeSelection selection = select_ranges(value, size);
  if (selection.result == RangeResult::whole) return "200";
  if (selection.result == RangeResult::unsatisfiable) return "416";
  std::string text;
  for (const ByteRange& range : selection.ranges) {
    if (!text.empty()) text += ",";
    text += std::to_string(range.first) + "-" + std::to_string(range.last);
  }
  return text;
}

TEST(Range, OneOf10000Bytes) {
  const struct {
    const char* section;
    const char* value;
    const char* expected;
  } cases[] = {
      {"14.1.2", "bytes=0-499", "0-499"},
      {"14.1.2", "bytes=500-999", "500-999"},
      {"14.1.2", "bytes=-500", "9500-9999"},
      {"14.1.2", "bytes=9500-", "9500-9999"},
      {"14.1.2", "bytes=0-0", "0-0"},
      {"14.1.2", "bytes=9999-9999", "9999-9999"},
      {"14.1.2, beyond the end", "bytes=9000-20000", "9000-9999"},
      {"14.1.2, beyond 64 bits", "bytes=9000-99999999999999999999999", "9000-9999"},
      {"14.1.2, longer than all", "bytes=-20000", "0-9999"},
      {"14.1.2, longer than 64 bits", "bytes=-99999999999999999999999", "0-9999"},
      {"14.1.2", "bytes=0-", "0-9999"},
      {"14.1, case", "BYTES=0-1", "0-1"},
      {"14.1.1, blanks", "bytes= 0-1 ,\t, ", "0-1"},
      {"14.1.2, unsatisfiable", "bytes=10000-", "416"},
      {"14.1.2, unsatisfiable", "bytes=10000-10001", "416"},
      {"14.1.2, unsatisfiable", "bytes=99999999999999999999999-", "416"},
      {"14.1.2, unsatisfiable", "bytes=-0", "416"},
      {"14.1.2, unsatisfiable", "bytes=10000-,-0,20000-30000", "416"},
      {"14.1.1, last < first", "bytes=5-4", "200"},
      {"14.1.1", "bytes=5-4,0-1", "200"},
      {"14.2, other units", "lines=0-1", "200"},
      {"14.2, other units", "bytess=0-1", "200"},
      {"14.2, malformed", "", "200"},
      {"14.2, malformed", "bytes", "200"},
      {"14.2, malformed", "bytes=", "200"},
      {"14.2, malformed", "bytes=,", "200"},
      {"14.2, malformed", "bytes=-", "200"},
      {"14.2, malformed", "bytes=1", "200"},
      {"14.2, malformed", "bytes=a-b", "200"},
      {"14.2, malformed", "bytes=1-2-3", "200"},
      {"14.2, malformed", "bytes=--1", "200"},
      {"14.2, malformed", "bytes=+1-2", "200"},
      {"14.2, malformed", "bytes=1 - 2", "200"},
      {"14.2, malformed", "bytes =1-2", "200"},
      {"14.2, malformed", "bytes=0x1-2", "200"},
      {"14.2, malformed", "bytes=0-1,x", "200"},
      {"14.2, malformed", "bytes=0-1;2-3", "200"},
  };
  for (const auto& c : cases) EXPECT_EQ(select(c.value, 10'000), c.expected) << c.section << ": " << c.value;
}

TEST(Range, Several) {
  EXPECT_EQ(select("bytes=0-0,-1", 10'000), "0-0,9999-9999") << "14.1.2";
  EXPECT_EQ(select("bytes=500-700,1000-1999, 300-310", 10'000), "500-700,1000-1999,300-310") << "15.3.7.2: in order";
  EXPECT_EQ(select("bytes=0-1,10000-,500-501", 10'000), "0-1,500-501") << "15.3.7.2: the unsatisfiable left out";
}

TEST(Range, JoinsWhatOverlapsOrTouches) {
  EXPECT_EQ(select("bytes=500-600,601-999", 10'000), "500-999") << "14.1.2";
  EXPECT_EQ(select("bytes=500-700,601-999", 10'000), "500-999") << "14.1.2";
  EXPECT_EQ(select("bytes=0-9,20-29", 10'000), "0-29") << "15.3.7.2: a gap smaller than a part's lines";
  EXPECT_EQ(select("bytes=5000-5001,0-9,9000-,8-", 10'000), "0-9999");
  EXPECT_EQ(select("bytes=0-0,1000-1000,2000-2000,900-2100", 10'000), "0-0,900-2100");
  EXPECT_EQ(select("bytes=2000-2000,9000-9000,1000-1000,900-2100", 10'000), "900-2100,9000-9000");
  EXPECT_EQ(select("bytes=0-,0-,0-,0-", 18'446'744'073'709'551'615U), "0-18446744073709551614");
}

TEST(Range, ManyAreAnsweredWithTheWhole) {
  std::string value = "bytes=0-0";
  for (std::size_t i = 1; i < kMaxRanges; ++i) value += "," + std::to_string(i * 1000) + "-" + std::to_string(i * 1000);
  EXPECT_EQ(select_ranges(value, 1'000'000).ranges.size(), kMaxRanges);
  EXPECT_EQ(select(value + ",99000-99000", 1'000'000), "200") << "14.2, 17.15";
  std::string same = "bytes=0-";
  for (int i = 0; i < 2000; ++i) same += ",0-";
  EXPECT_EQ(select(same, 1'000'000), "200");
}

TEST(Range, OfNothing) {
  EXPECT_EQ(select("bytes=0-", 0), "416");
  EXPECT_EQ(select("bytes=-0", 0), "416");
  EXPECT_EQ(select("bytes=-5", 0), "200") << "satisfiable, but Content-Range can't say it";
}

TEST(Range, ContentRange) {
  EXPECT_EQ(content_range({0, 499}, 1234), "bytes 0-499/1234") << "14.4";
  EXPECT_EQ(unsatisfied_content_range(1234), "bytes */1234") << "14.4";
}

std::string text_of(const BodyPart& part) {
  if (const auto* text = std::get_if<std::string>(&part)) return *text;
  if (const auto* bytes = std::get_if<SharedBytes>(&part)) return **bytes;
  const auto& file = std::get<FilePart>(part);
  return "<file " + std::to_string(file.offset) + "+" + std::to_string(file.bytes) + ">";
}

TEST(Range, SlicesShareWhatTheyCan) {
  const auto bytes = std::make_shared<const std::string>("0123456789");
  EXPECT_EQ(std::get<SharedBytes>(slice(bytes, {0, 9})), bytes);
  EXPECT_EQ(text_of(slice(bytes, {3, 5})), "345");
  const SharedFile file = std::make_shared<const FileHandle>(-1);
  EXPECT_EQ(text_of(slice(file, {3, 5})), "<file 3+3>");
}

TEST(Range, MultipartIsAsIn14_6) {
  const SharedFile file = std::make_shared<const FileHandle>(-1);
  const MultipartRanges several =
      multipart_ranges(file, 8000, {{500, 999}, {7000, 7999}}, "application/pdf", "THIS_STRING_SEPARATES");
  EXPECT_EQ(several.content_type, "multipart/byteranges; boundary=THIS_STRING_SEPARATES");
  std::string body;
  for (const BodyPart& part : several.parts) body += text_of(part);
  EXPECT_EQ(body,
            "--THIS_STRING_SEPARATES\r\nContent-Type: application/pdf\r\nContent-Range: bytes 500-999/8000\r\n\r\n"
            "<file 500+500>\r\n--THIS_STRING_SEPARATES\r\nContent-Type: application/pdf\r\n"
            "Content-Range: bytes 7000-7999/8000\r\n\r\n<file 7000+1000>\r\n--THIS_STRING_SEPARATES--\r\n");
  const auto boundary = [&] { return multipart_ranges(file, 8, {{0, 0}}, "").content_type; };
  EXPECT_NE(boundary(), boundary());
}

}  // namespace
}  // namespace prefork::http
