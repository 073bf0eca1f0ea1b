#pragma once

#include <string_view>
#include <utility>
#include <vector>

#include "framework/http/message/request_state.hpp"

namespace prefork::http::test {

/// A request as the parser would produce it, for code that reads requests.
struct SampleRequest {
  explicit SampleRequest(std::vector<Header> lines, std::string_view body = {}) : fields(std::move(lines)) {
    state.head.fields = fields.data();
    state.head.field_count = static_cast<std::uint16_t>(fields.size());
    state.body = body;
  }

  std::vector<Header> fields;
  RequestState state;
};

}  // namespace prefork::http::test
