#include "framework/http/message/disposition.hpp"

#include <gtest/gtest.h>

namespace prefork::http {
namespace {

struct Case {
  std::string_view value;
  std::string name;
  std::optional<std::string> filename;
};

// RFC 7578 4.2, RFC 6266 4.1, RFC 8187 3.2
TEST(Disposition, IsRead) {
  const Case cases[] = {
      {"form-data; name=a", "a", std::nullopt},
      {"FORM-DATA ;\tNAME = a", "", std::nullopt},
      {"form-data; name=\"a b;c=d\"", "a b;c=d", std::nullopt},
      {"form-data;name=\"\"", "", std::nullopt},
      {"form-data; name=\"a\"; filename=\"b.txt\"", "a", "b.txt"},
      {"form-data; filename=b; name=a; other=\"x\"", "a", "b"},
      {"form-data; name=\"a\"; filename=\"\"", "a", ""},
      {R"(form-data; name="a\"b"; filename="C:\dir\new \\ b.txt")", "a\"b", R"(C:\dir\new \ b.txt)"},
      {"form-data; name=\"%22%0D%0a%41\"", "\"\r\n%41", std::nullopt},
      {"form-data; name=\"\xc3\xa9\"; filename=\"\xff\"", "\xc3\xa9", "\xff"},
      {"form-data; name=a; filename=\"e\"; filename*=UTF-8''%c3%a9%20x", "a", "\xc3\xa9 x"},
      {"form-data; name=a; filename*=utf-8'en'b", "a", "b"},
      {"form-data; name=a; filename=b; filename*=iso-8859-1''%e9", "a", "b"},
      {"form-data; name=a; filename=b; filename*=UTF-8''%e", "a", "b"},
      {"form-data; name=a; filename=b; filename*=UTF-8", "a", "b"},
      {"form-data; name=a;", "a", std::nullopt},
  };
  for (const Case& c : cases) {
    const auto read = parse_disposition(c.value);
    if (c.value.find(" = ") != std::string_view::npos) {
      EXPECT_FALSE(read) << c.value;  // RFC 9110 5.6.6: no white space around the equals sign
      continue;
    }
    ASSERT_TRUE(read) << c.value;
    EXPECT_EQ(read->name, c.name) << c.value;
    EXPECT_EQ(read->filename, c.filename) << c.value;
  }
}

TEST(Disposition, IsRefused) {
  for (const std::string_view value :
       {"", "form-data", "attachment; name=a", "form-data; filename=a", "form-data; name",
        "form-data; name=", "form-data; name=\"a", "form-data; name=\"a\\\"", "form-data; name=a b", "form-data name=a",
        "form-data; name=a; name=b", "form-data; name=a; filename=b; filename=c", "form-data; name=a; =b",
        "form-data; name=a\"b\"", "form-data; name=a; filename*=UTF-8''a; filename*=UTF-8''b"})
    EXPECT_FALSE(parse_disposition(value)) << value;
}

TEST(Disposition, MakesFileNamesSafe) {
  const std::pair<std::string, std::string> cases[] = {
      {"a.txt", "a.txt"},
      {"", ""},
      {"/etc/passwd", "passwd"},
      {"../../a", "a"},
      {"C:\\Users\\me\\a b.txt", "a b.txt"},
      {"a/b\\c/d", "d"},
      {"a/", ""},
      {"..", ""},
      {".bashrc", "bashrc"},
      {"...a..", "a.."},
      {"a\r\nb\tc\x7f", "a__b_c_"},
      {std::string("a\0b", 3), "a_b"},
      {"\xc2\x85\xc2\xa0", "_\xc2\xa0"},
      {"\xc3\xa9\xff", "\xc3\xa9\xef\xbf\xbd"},
      {std::string(300, 'a'), std::string(255, 'a')},
      {std::string(254, 'a') + "\xc3\xa9", std::string(254, 'a')},
  };
  for (const auto& [raw, safe] : cases) EXPECT_EQ(safe_filename(raw), safe) << raw;
}

}  // namespace
}  // namespace prefork::http
