#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <prefork/http/response.hpp>

#include "framework/http/wire/field_list.hpp"

namespace prefork::http {

/// Takes over the connection after a 101: made by `web_socket`.
class Upgrade;

/// A body other than a string or a constant.
struct SpecialBody {
  std::vector<BodyPart> parts;
  BodyFunction function;
  std::shared_ptr<Upgrade> upgrade;
  std::optional<std::string> error_detail;  ///< an error page that is not rendered yet
};

/// The parts of a Response that only the framework sees.
struct ResponseParts {
  /// Empty if `set` set it as a field.
  static std::string_view media_type(const Response& response) noexcept { return response.media_type_; }
  /// All other fields. Valid until the response is changed.
  static FieldList fields(const Response& response) noexcept { return FieldList(response.fields_); }
  /// Null: none.
  static const SpecialBody* special(const Response& response) noexcept { return response.special_.value; }
  static SpecialBody& make_special(Response& response);
};

/// Whether a response with this status has a body.
bool has_body(Status status) noexcept;

/// Whether the body consists of parts.
bool has_parts(const Response& response) noexcept;

/// The length of a body that no function writes.
std::uint64_t body_bytes(const Response& response) noexcept;

/// Whether these parts are so little memory that they go with the head.
bool lies_in_head(const std::vector<BodyPart>& parts) noexcept;

/// Whether there is more to do after the head: a body of files or of much shared memory, one that a function writes, or
/// an upgrade.
bool needs_transfer(const Response& response, bool head_only) noexcept;

}  // namespace prefork::http
