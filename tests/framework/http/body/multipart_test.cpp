#include "framework/http/body/multipart.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace prefork::http {
namespace {

constexpr MultipartLimits kLimits{4, 200, 20, 30, 40};

/// Writes the parts down, so that two runs can be compared.
struct Script final : PartReceiver {
  void part_begins(PartHead head) override {
    text += "<" + head.disposition.name;
    if (head.is_file()) text += "|" + *head.disposition.filename;
    text += "|" + head.content_type + ">";
  }
  void part_data(std::string_view bytes) override {
    EXPECT_FALSE(bytes.empty());
    text += bytes;
  }
  void part_ends() override { text += "</>"; }
  std::string text;
};

struct Outcome {
  std::string text;
  std::string_view refusal;
  bool operator==(const Outcome&) const = default;
};

Outcome parse(std::string_view body, std::size_t step, std::string_view boundary = "b",
              MultipartLimits limits = kLimits) {
  Script script;
  MultipartParser parser(boundary, limits, script);
  const Refusal* refusal = nullptr;
  for (std::size_t at = 0; at < body.size() && refusal == nullptr; at += step) {
    // In an allocation of its own, so that ASan sees a step beyond it.
    const std::string piece(body.substr(at, step));
    refusal = parser.feed(piece);
  }
  if (refusal == nullptr) refusal = parser.finish();
  EXPECT_EQ(parser.feed("x"), parser.feed("y"));
  return {script.text, refusal != nullptr ? refusal->reason : ""};
}

/// Whole, and cut at every width.
Outcome parse_all_ways(std::string_view body, std::string_view boundary = "b", MultipartLimits limits = kLimits) {
  const Outcome whole = parse(body, body.size() + 1, boundary, limits);
  for (std::size_t step = 1; step <= body.size(); ++step) {
    const Outcome pieces = parse(body, step, boundary, limits);
    EXPECT_EQ(pieces.refusal, whole.refusal) << step << " " << body;
    // How much of a refused part was passed on before depends on the pieces.
    if (whole.refusal.empty()) {
      EXPECT_EQ(pieces.text, whole.text) << step << " " << body;
    }
  }
  return whole;
}

std::string head(std::string_view name) {
  return "Content-Disposition: form-data; name=\"" + std::string(name) + "\"\r\n";
}
std::string part(std::string_view content) { return "--b\r\n" + head("a") + "\r\n" + std::string(content) + "\r\n"; }

TEST(Multipart, GivesParts) {
  const std::string body =
      "--b\r\n" + head("x") + "\r\n1\r\n--b\r\n" +
      "content-disposition: form-data; name=f; filename=\"g.bin\"\r\nContent-TYPE:  a/b \r\nX: y\r\n"
      "\r\n\x01\r\n\r\n\r\n--b--\r\n";
  EXPECT_EQ(parse_all_ways(body), (Outcome{"<x|>1</><f|g.bin|a/b>\x01\r\n\r\n</>", ""}));
}

// RFC 2046 5.1.1
TEST(Multipart, FindsItsDelimiters) {
  const std::pair<std::string, std::string> cases[] = {
      {"--b--", ""},
      {"\r\n--b--", ""},
      {"a preamble\r\n--b--\r\nan epilogue", ""},
      {"--\r\n--bee\r\n", "!A boundary line of the form is malformed."},
      {"x--b\r\n\r\n--b--", ""},
      {"--b \t \r\n" + head("a") + "\r\n\r\n--b--  ", "<a|></>"},
      {"--b\r\n" + head("a") + "\r\n--b--", "<a|></>"},
      {"--b\r\n" + head("a") + "\r\n--", "!The form ends before its last boundary line."},
      {part("") + "--b--", "<a|></>"},
      {part("\r\n") + "--b--", "<a|>\r\n</>"},
      {part("\r") + "--b--", "<a|>\r</>"},
      {part("\n--b--\n") + "--b--", "<a|>\n--b--\n</>"},
      {part("\r\r\n-\r\n--\r\n--c") + "--b--", "<a|>\r\r\n-\r\n--\r\n--c</>"},
      {part("--b") + "--b--", "!The form ends before its last boundary line."},
      {part("x--b") + "--b--", "<a|>x--b</>"},
      {part("\r\n-\r\n--b x") + "--b--", "!A boundary line of the form is malformed."},
      {part("\n--a\r\n\r\n") + part("2") + "--b--", "<a|>\n--a\r\n\r\n</><a|>2</>"},
  };
  for (const auto& [body, text] : cases) {
    const Outcome outcome = parse_all_ways(body);
    if (text.starts_with('!')) {
      EXPECT_EQ(outcome.refusal, text.substr(1)) << body;
    } else {
      EXPECT_EQ(outcome, (Outcome{text, ""})) << body;
    }
  }
}

TEST(Multipart, RefusesMalformedBodies) {
  const std::string_view unfinished = "The form ends before its last boundary line.";
  const std::string_view delimiter = "A boundary line of the form is malformed.";
  const std::string_view malformed = "The header of a part of the form is malformed.";
  const std::string_view disposition = "A part of the form has no proper Content-Disposition.";
  const std::pair<std::string, std::string_view> cases[] = {
      {"", unfinished},
      {"x", unfinished},
      {"--b", unfinished},
      {"--b-", unfinished},
      {"--b\r\n", unfinished},
      {"--b\r\n" + head("a"), unfinished},
      {part("x"), unfinished},
      {part("x") + "--b", unfinished},
      {part("x") + "--b\r\n", unfinished},
      {"--b\n", delimiter},
      {"--b\rx", delimiter},
      {"--b-\r\n", delimiter},
      {"--bb\r\n", delimiter},
      {"--b \r \n", delimiter},
      {"--b - -\r\n", delimiter},
      {"--b\r\n\r\nx\r\n--b--", disposition},
      {"--b\r\nX: y\r\n\r\n", disposition},
      {"--b\r\nContent-Disposition: attachment; name=a\r\n\r\n", disposition},
      {"--b\r\n" + head("a") + head("b") + "\r\n", disposition},
      {"--b\r\nX\r\n\r\n", malformed},
      {"--b\r\nX : y\r\n\r\n", malformed},
      {"--b\r\n" + head("a") + " folded\r\n\r\n", malformed},
      {"--b\r\nX: y\n\r\n", malformed},
      {"--b\r\nX: a\rb\r\n\r\n", malformed},
      {"--b\r\nX: a\x01\r\n\r\n", malformed},
      {"--b\r\n: y\r\n\r\n", malformed},
      {"--b\r\n" + head("a") + "Content-Transfer-Encoding: base64\r\n\r\n",
       "A part of the form has a Content-Transfer-Encoding."},
      {std::string(1025, 'x'), "The form has too much before, between or after its parts."},
      {"--b" + std::string(1025, ' '), "The form has too much before, between or after its parts."},
      {"--b--" + std::string(1025, 'x'), "The form has too much before, between or after its parts."},
  };
  for (const auto& [body, reason] : cases) EXPECT_EQ(parse_all_ways(body).refusal, reason) << body;
  EXPECT_EQ(parse_all_ways("--b\r\n" + head("a") + "Content-Transfer-Encoding: 8BIT\r\n\r\n\r\n--b--").refusal, "");
  EXPECT_EQ(parse_all_ways(std::string(1024, 'x') + "\r\n--b--" + std::string(1024, 'x')).refusal, "");
}

TEST(Multipart, KeepsWithinItsLimits) {
  const auto file = [](std::size_t bytes) {
    return "--b\r\nContent-Disposition: form-data; name=f; filename=f\r\n\r\n" + std::string(bytes, 'x') + "\r\n";
  };
  EXPECT_EQ(parse_all_ways(part("x") + part("x") + part("x") + part("x") + "--b--").refusal, "");
  EXPECT_EQ(parse_all_ways(part("x") + part("x") + part("x") + part("x") + part("x") + "--b--").refusal,
            "The form has too many parts.");
  EXPECT_EQ(parse_all_ways(part(std::string(20, 'x')) + "--b--").refusal, "");
  EXPECT_EQ(parse_all_ways(part(std::string(21, 'x')) + "--b--").refusal, "A field of the form is too long.");
  EXPECT_EQ(parse_all_ways(file(30) + file(10) + "--b--").refusal, "");
  EXPECT_EQ(parse_all_ways(file(31) + "--b--").refusal, "A file is too long.");
  EXPECT_EQ(parse_all_ways(file(30) + file(11) + "--b--").refusal, "The files together are too long.");
  const std::string line = head("a");
  const std::string fill(200 - line.size() - 2 - 5, 'x');
  EXPECT_EQ(parse_all_ways("--b\r\n" + line + "X: " + fill + "\r\n\r\n\r\n--b--").refusal, "");
  EXPECT_EQ(parse_all_ways("--b\r\n" + line + "X: x" + fill + "\r\n\r\n\r\n--b--").refusal,
            "The header of a part of the form is too long.");
  EXPECT_EQ(parse_all_ways("--b\r\n" + std::string(500, 'x')).refusal, "The header of a part of the form is too long.");
}

TEST(Multipart, TakesLongBoundaries) {
  const std::string boundary = "----WebKitFormBoundary'()+_,-./:=? " + std::string(35, 'z');
  ASSERT_TRUE(is_boundary(boundary));
  std::string content = "\r\n--" + boundary;
  content.back() = 'y';
  MultipartLimits limits = kLimits;
  limits.field_bytes = 1000;
  const std::string body = "--" + boundary + "\r\n" + head("a") + "\r\n" + content + "\r\n--" + boundary + "--\r\n";
  EXPECT_EQ(parse_all_ways(body, boundary, limits), (Outcome{"<a|>" + content + "</>", ""}));
}

TEST(Multipart, KnowsBoundaries) {
  for (const std::string& boundary :
       {std::string("a"), std::string("0aZ'()+_,-./:=?"), std::string("a b"), std::string(70, '-')})
    EXPECT_TRUE(is_boundary(boundary)) << boundary;
  for (const std::string& boundary :
       {std::string(), std::string("a "), std::string(" "), std::string(71, 'a'), std::string("a\r\n"),
        std::string("a;"), std::string("\xc3\xa9"), std::string("a*"), std::string("\0", 1)})
    EXPECT_FALSE(is_boundary(boundary)) << boundary;
}

}  // namespace
}  // namespace prefork::http
