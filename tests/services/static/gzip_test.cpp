#include "services/static/gzip.hpp"

#include <gtest/gtest.h>
#include <zlib.h>

#include <random>

namespace services::static_files {
namespace {

std::string unzip(const std::string& packed, std::size_t size) {
  std::string out(size + 1, '\0');
  z_stream stream{};
  EXPECT_EQ(::inflateInit2(&stream, 15 + 16), Z_OK);
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(packed.data()));
  stream.avail_in = static_cast<uInt>(packed.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  EXPECT_EQ(::inflate(&stream, Z_FINISH), Z_STREAM_END);
  out.resize(stream.total_out);
  ::inflateEnd(&stream);
  return out;
}

TEST(Gzip, GivesTheSameBack) {
  for (const std::size_t size : {1'000U, 65'536U, 1'048'576U}) {
    std::string text;
    while (text.size() < size) text += "line " + std::to_string(text.size() * 7919 % 1000) + "\n";
    text.resize(size);
    const auto packed = gzip(text);
    ASSERT_TRUE(packed);
    EXPECT_LT(packed->size(), size / 2);
    EXPECT_EQ(unzip(*packed, size), text);
    EXPECT_EQ(gzip(text), packed);
  }
}

TEST(Gzip, LeavesAloneWhatGetsNoSmaller) {
  std::mt19937 random(1);
  std::string noise(10'000, '\0');
  for (char& c : noise) c = static_cast<char>(random());
  EXPECT_EQ(gzip(noise), std::nullopt);
  EXPECT_EQ(gzip(""), std::nullopt);
}

}  // namespace
}  // namespace services::static_files
