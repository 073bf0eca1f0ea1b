#include "tests/framework/http/wire/messages.hpp"

#include <gtest/gtest.h>

namespace prefork::http::test {
namespace {

const std::string kHost = "\r\nHost: h\r\n\r\n";

std::string line(const std::string& request_line) { return request_line + kHost; }

void add_invalid_lines(std::vector<Message>& all) {
  const auto add = [&](const char* section, std::string bytes, unsigned status) {
    all.push_back({section, std::move(bytes), status});
  };
  add("9112 2.2 bare LF", "GET / HTTP/1.1\nHost: h\n\n", 400);
  add("9112 2.2 bare LF after a field", "GET / HTTP/1.1\r\nHost: h\nA: b\r\n\r\n", 400);
  add("9112 2.2 bare LF at the end", "GET / HTTP/1.1\r\nHost: h\r\n\n", 400);
  add("9112 2.2 bare CR", "GET / HTTP/1.1\rHost: h\r\n\r\n", 400);
  add("9112 2.2 bare CR in a value", "GET / HTTP/1.1\r\nHost: h\r\nA: b\rc\r\n\r\n", 400);
  add("9112 2.2 CR CR LF", "GET / HTTP/1.1\r\r\nHost: h\r\n\r\n", 400);
  add("9112 2.2 two empty lines", "\r\n\r\n" + line("GET / HTTP/1.1"), 400);
  add("9112 2.2 bare LF before", "\n" + line("GET / HTTP/1.1"), 400);
  add("9112 2.2 space before the first field", "GET / HTTP/1.1\r\n Host: h\r\n\r\n", 400);
  add("9112 2.2 TLS hello", std::string("\x16\x03\x01\x02\x00\x01", 6), 400);
  add("9112 3 leading space", " " + line("GET / HTTP/1.1"), 400);
  add("9112 3 two spaces", line("GET  / HTTP/1.1"), 400);
  add("9112 3 two spaces", line("GET /  HTTP/1.1"), 400);
  add("9112 3 HTAB", line("GET\t/ HTTP/1.1"), 400);
  add("9112 3 HTAB", line("GET /\tHTTP/1.1"), 400);
  add("9112 3 trailing space", line("GET / HTTP/1.1 "), 400);
  add("9112 3 no target", line("GET HTTP/1.1"), 400);
  add("9112 3 HTTP/0.9", "GET /\r\n\r\n", 400);
  add("9112 3 method alone", "GET\r\n\r\n", 400);
  add("9112 3.1 method not a token", line("G@T / HTTP/1.1"), 400);
  add("9112 3.1 method not a token", line("G(T) / HTTP/1.1"), 400);
  add("9112 3.1 method with obs-text", line("GE\xc3\x89 / HTTP/1.1"), 400);
  add("9112 3 too long", line("GET /" + std::string(64, 'a') + " HTTP/1.1"), 414);
  add("9112 3 too long, no end", std::string(65, 'a'), 414);
  add("9112 3.2 space in the target", line("GET /a b HTTP/1.1"), 400);
  add("9112 3.2 fragment", line("GET /a#b HTTP/1.1"), 400);
  add("9112 3.2 obs-text", line("GET /\xc3\xa9 HTTP/1.1"), 400);
  add("9112 3.2 DEL", line("GET /\x7f HTTP/1.1"), 400);
  add("9112 3.2 NUL", line(std::string("GET /\0 HTTP/1.1", 15)), 400);
  add("9112 3.2 no slash", line("GET a HTTP/1.1"), 400);
  add("9112 3.2.2 other scheme", line("GET ftp://h/ HTTP/1.1"), 400);
  add("9112 3.2.2 no authority", line("GET http:///a HTTP/1.1"), 400);
  add("9110 4.2.4 user information", line("GET http://u@h/ HTTP/1.1"), 400);
  add("9112 3.2.2 port", line("GET http://h:99999/ HTTP/1.1"), 400);
  add("9112 3.2.3 CONNECT", line("CONNECT h:443 HTTP/1.1"), 501);
  add("9112 3.2.4 asterisk", line("GET * HTTP/1.1"), 400);
  add("9112 3.2.4 asterisk", line("OPTIONS ** HTTP/1.1"), 400);
  add("9112 2.3 case", line("GET / http/1.1"), 400);
  add("9112 2.3 two digits", line("GET / HTTP/1.10"), 400);
  add("9112 2.3 no minor", line("GET / HTTP/1"), 400);
  add("9112 2.3 other", line("GET / HTTPS/1.1"), 400);
  add("9112 2.3 letters", line("GET / HTTP/a.b"), 400);
  add("9110 15.6.6 major 2", line("GET / HTTP/2.0"), 505);
  add("9110 15.6.6 major 0", line("GET / HTTP/0.9"), 505);
  add("9113 3.4 preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505);
}

void add_invalid_fields(std::vector<Message>& all) {
  const auto add = [&](const char* section, std::string bytes, unsigned status) {
    all.push_back({section, std::move(bytes), status});
  };
  add("9112 5.1 space before the colon", with_field("A : b"), 400);
  add("9112 5.1 tab before the colon", with_field("A\t: b"), 400);
  add("9112 5.1 no name", with_field(": b"), 400);
  add("9112 5.1 no colon", with_field("Ab"), 400);
  add("9110 5.1 name not a token", with_field("A(b): c"), 400);
  add("9110 5.1 name with obs-text", with_field("A\xe9: c"), 400);
  add("9112 5.2 obs-fold", with_field("A: b\r\n c"), 400);
  add("9112 5.2 obs-fold", with_field("A: b\r\n\tc"), 400);
  add("9110 5.5 NUL", with_field(std::string("A: b\0c", 6)), 400);
  add("9110 5.5 control", with_field("A: b\x01"), 400);
  add("9110 5.5 DEL", with_field("A: \x7f"), 400);
  add("9110 5.5 VT is no white space", with_field("A: \x0b"), 400);
  add("6585 5 too many fields", with_field("A: 1\r\nB: 2\r\nC: 3\r\nD: 4\r\nE: 5\r\nF: 6"), 431);
  add("6585 5 too long", with_field("A: " + std::string(256, 'a')), 431);
  add("6585 5 too long, no end", "GET / HTTP/1.1\r\nA: " + std::string(256, 'a'), 431);
  add("9112 3.2 no Host", "GET / HTTP/1.1\r\n\r\n", 400);
  add("9112 3.2 no Host", "GET http://h/ HTTP/1.1\r\n\r\n", 400);
  add("9112 3.2 two Hosts", "GET / HTTP/1.1\r\nHost: h\r\nHost: h\r\n\r\n", 400);
  add("9112 3.2 two Hosts, 1.0", "GET / HTTP/1.0\r\nHost: h\r\nhost: h\r\n\r\n", 400);
  for (const char* host : {"a b", "a/b", "u@h", "h:80a", ":80", "[::1", "h\"", "a\\b", "%zz"}) {
    add("9112 3.2 malformed Host", "GET / HTTP/1.1\r\nHost: " + std::string(host) + "\r\n\r\n", 400);
  }
  add("9110 10.1.1 unknown expectation", with_field("Expect: magic"), 417);
}

}  // namespace

std::vector<Message> invalid_messages() {
  std::vector<Message> all;
  add_invalid_lines(all);
  add_invalid_fields(all);
  return all;
}

std::vector<Message> valid_messages() {
  std::vector<Message> all;
  const auto add = [&](const char* section, std::string bytes) { all.push_back({section, std::move(bytes), 0}); };
  add("9112 3", line("GET / HTTP/1.1"));
  add("9112 2.2 one empty line before", "\r\n" + line("GET / HTTP/1.1"));
  add("9112 3.2.1", line("GET /a/b?c=d?e HTTP/1.1"));
  add("9112 3.2.2", line("GET http://example.org:80/a?b HTTP/1.1"));
  add("9112 3.2.2", line("GET HTTP://[::1]:8080 HTTP/1.1"));
  add("9112 3.2.4", line("OPTIONS * HTTP/1.1"));
  add("9110 9.1 any token is a method", line("M-SEARCH / HTTP/1.1"));
  add("9112 2.3 a higher minor version", line("GET / HTTP/1.9"));
  add("9112 3.2 no Host in 1.0", "GET / HTTP/1.0\r\n\r\n");
  for (const char* host : {"", "h:", "h:80", "a,b", "127.0.0.1:8080", "[::1]:80"}) {
    add("9112 3.2 Host", "GET / HTTP/1.1\r\nHost: " + std::string(host) + "\r\n\r\n");
  }
  add("9112 5 white space around the value", with_field("A: \t b \t "));
  add("9112 5 no white space", with_field("A:b"));
  add("9110 5.5 obs-text", with_field("A: \xc3\xa9\xff"));
  add("9110 5.5 tab inside", with_field("A: b\tc"));
  add("9110 5.5 empty value", with_field("A:"));
  add("9112 6.2", with_field("Content-Length: 5"));
  add("9112 6.2", with_field("content-length: 0"));
  add("9112 7.1", with_field("Transfer-Encoding: chunked"));
  add("9112 7.1 in any case", with_field("transfer-encoding:  ChUnKeD "));
  add("9112 9.6", with_field("Connection: foo ,, Close"));
  add("9112 9.3", with_field("Connection: Keep-Alive", "GET / HTTP/1.0\r\n"));
  add("9110 10.1.1", with_field("Expect: 100-Continue\r\nContent-Length: 3"));
  add("as many as the limit", with_field("A: 1\r\nB: 2\r\nC: 3\r\nD: 4\r\nE: 5"));
  return all;
}

Outcome describe(const Parsed& parsed, const RequestHead& head) {
  Outcome outcome{parsed.result, 0, {}};
  if (parsed.result == ParseResult::refused) {
    outcome.status = code(parsed.refusal->status);
    outcome.text = parsed.refusal->reason;
  }
  if (parsed.result != ParseResult::complete) return outcome;
  const auto put = [&](std::string_view part) { outcome.text.append(part).append("|"); };
  for (const std::string_view part : {head.method_name, head.target, head.path, head.query, head.host}) put(part);
  for (const std::uint64_t number :
       {std::uint64_t{head.minor_version}, std::uint64_t{head.keep_alive}, std::uint64_t{head.expect_continue},
        static_cast<std::uint64_t>(head.framing), static_cast<std::uint64_t>(head.method), head.content_length,
        std::uint64_t{head.bytes}, std::uint64_t{head.target_classes}})
    put(std::to_string(number));
  for (std::size_t i = 0; i < head.field_count; ++i) {
    put(head.fields[i].name);
    put(head.fields[i].value);
  }
  return outcome;
}

Outcome parse_at_once(std::string_view bytes, const Limits& limits) {
  Room room;
  ParseState state;
  const Parsed parsed = parse_head(bytes, limits, state, room.head);
  return describe(parsed, room.head);
}

// Goal: the messages themselves are what they say.
TEST(Parser, AcceptsWhatIsValid) {
  for (const Message& message : valid_messages()) {
    EXPECT_EQ(parse_at_once(message.bytes).result, ParseResult::complete) << message.section << "\n" << message.bytes;
  }
}

TEST(Parser, RefusesWhatIsInvalid) {
  for (const Message& message : invalid_messages()) {
    EXPECT_EQ(parse_at_once(message.bytes).status, message.status) << message.section << "\n" << message.bytes;
  }
}

}  // namespace prefork::http::test
