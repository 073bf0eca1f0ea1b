#include "framework/http/wire/response_parts.hpp"

#include <algorithm>

namespace prefork::http {
namespace {

/// A body up to this size is sent together with the header section.
constexpr std::uint64_t kInlineBytes = std::uint64_t{16} * 1024;

std::uint64_t bytes_of(const BodyPart& part) noexcept {
  if (const auto* text = std::get_if<std::string>(&part)) return text->size();
  if (const auto* shared = std::get_if<SharedBytes>(&part)) return (*shared)->size();
  return std::get<FilePart>(part).bytes;
}

std::uint64_t bytes_of(const std::vector<BodyPart>& parts) noexcept {
  std::uint64_t sum = 0;
  for (const BodyPart& part : parts) sum += bytes_of(part);
  return sum;
}

bool is_file(const BodyPart& part) noexcept { return std::holds_alternative<FilePart>(part); }

}  // namespace

bool lies_in_head(const std::vector<BodyPart>& parts) noexcept {
  return bytes_of(parts) <= kInlineBytes && std::none_of(parts.begin(), parts.end(), is_file);
}

bool has_body(Status status) noexcept { return may_have_body(status) && status != Status::reset_content; }

bool has_parts(const Response& response) noexcept {
  const SpecialBody* const special = ResponseParts::special(response);
  return special != nullptr && !special->parts.empty();
}

std::uint64_t body_bytes(const Response& response) noexcept {
  if (!has_body(response.status())) return 0;
  return has_parts(response) ? bytes_of(ResponseParts::special(response)->parts) : response.body().size();
}

bool needs_transfer(const Response& response, bool head_only) noexcept {
  const SpecialBody* const special = ResponseParts::special(response);
  if (special == nullptr || head_only) return false;
  if (special->upgrade) return true;
  return has_body(response.status()) && (special->function || !lies_in_head(special->parts));
}

}  // namespace prefork::http
