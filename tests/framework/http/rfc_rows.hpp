#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <exception>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <prefork/testing.hpp>

/// The form of the tables that hold the requirements of RFC 9110 and RFC 9112 (docs/http-conformance.md): bytes that a
/// client sends on a connection of its own, what it must receive, and what happens to the connection.
namespace prefork::http::test {

struct Reply {
  unsigned status = 0;
  std::optional<std::string> body = {};  ///< without chunk framing
  std::vector<std::string> fields = {};  ///< "Name: value", "Name" for any value, "!Name" for no such field
  bool to_head = false;                  ///< answers HEAD: nothing follows the header section
};

enum class After {
  open,        ///< another request is answered
  closed,      ///< the server closes although the client continues
  client_end,  ///< the client ends its side, then the server closes
};

struct Row {
  std::string_view section;
  std::string_view requirement;
  std::string request;
  std::vector<Reply> replies;
  After after = After::open;
};

inline constexpr std::string_view kProbe = "GET /probe HTTP/1.1\r\nHost: h\r\n\r\n";

/// What a sender must observe in every response: RFC 9112 2.2, 5.1, 6.1, 6.2, RFC 9110 5.5, 6.6.1, 8.6, 15.5.6.
inline void expect_well_formed(const testkit::Answer& answer) {
  for (const auto& [name, value] : answer.headers) {
    EXPECT_FALSE(name.empty() || name.find_first_of(" \t\r\n") != std::string::npos) << "field name " << name;
    EXPECT_EQ(value.find_first_of(std::string_view("\r\n\0", 3)), std::string::npos) << name << " " << value;
  }
  const auto count = [&](std::string_view name) {
    return std::count_if(answer.headers.begin(), answer.headers.end(), [&](const auto& f) { return f.first == name; });
  };
  EXPECT_LE(count("Content-Length") + count("Transfer-Encoding"), 1);
  if (answer.status < 200 || answer.status == 204) {
    EXPECT_EQ(count("Content-Length") + count("Transfer-Encoding"), 0);
  }
  if (answer.status >= 200) {
    EXPECT_EQ(count("Date"), 1);
  }
  if (answer.status == 405) {
    EXPECT_EQ(count("Allow"), 1);
  }
}

inline void expect_field(const testkit::Answer& answer, std::string_view wanted) {
  const std::size_t colon = wanted.find(": ");
  const bool absent = wanted.starts_with('!');
  const std::string_view name = wanted.substr(absent ? 1 : 0, colon);
  const auto value = answer.header(name);
  EXPECT_EQ(value.has_value(), !absent) << wanted;
  if (colon != std::string_view::npos && value) {
    EXPECT_EQ(*value, wanted.substr(colon + 2)) << name;
  }
}

inline void check(testkit::ServiceTester& tester, const Row& row) {
  testkit::Client client = tester.connect();
  client.send(row.request);
  if (row.after == After::client_end) client.finish_sending();
  for (const Reply& reply : row.replies) {
    const testkit::Answer answer = client.receive_answer(reply.to_head);
    EXPECT_EQ(answer.status, reply.status) << answer.body;
    if (reply.body) {
      EXPECT_EQ(answer.body, *reply.body);
    }
    for (const std::string& field : reply.fields) expect_field(answer, field);
    expect_well_formed(answer);
  }
  if (row.after != After::open) {
    EXPECT_EQ(client.receive_to_end(), "");
    return;
  }
  const testkit::Answer probe = client.send(kProbe).receive_answer();
  EXPECT_EQ(probe.status, 200U);
  EXPECT_EQ(probe.body, "probe") << "the next request was taken for something else";
}

/// Checks every row, even if an earlier one fails.
inline void check(testkit::ServiceTester& tester, const std::vector<Row>& rows) {
  for (const Row& row : rows) {
    SCOPED_TRACE(std::string(row.section) + ": " + std::string(row.requirement) + "\n" + row.request);
    try {
      check(tester, row);
    } catch (const std::exception& error) {
      ADD_FAILURE() << error.what();
    }
  }
}

}  // namespace prefork::http::test
