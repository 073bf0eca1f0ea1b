#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "framework/http/request_head.hpp"

namespace prefork::http {

inline constexpr std::size_t kMaxParams = 8;

struct PathParam {
  std::string_view name;
  std::string_view value;
};

/// Where a request came from, as the connection knows it; asked only when a handler asks.
struct ClientSource {
  std::string (*address)(const void* connection) = nullptr;
  const void* connection = nullptr;
};

/// What stands behind a `Request`. Its address and the bytes that its views point into stay while the
/// handler runs.
struct RequestState {
  RequestHead head;
  std::string_view body;
  std::array<PathParam, kMaxParams> params;
  std::size_t param_count = 0;
  std::string path_text;  ///< the decoded path and parameters, where the path has escapes
  Context* context = nullptr;
  ClientSource client;
  std::vector<Header> own_fields;

  /// Takes the fields out of the worker's array, which the next request overwrites.
  void keep_fields() {
    own_fields.assign(head.fields, head.fields + head.field_count);
    head.fields = own_fields.data();
  }
};

}  // namespace prefork::http
