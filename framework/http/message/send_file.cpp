#include <prefork/http/send_file.hpp>

#include <utility>

#include <prefork/http/conditional.hpp>

namespace prefork::http {
namespace {

// The years that an HTTP-date can express, without those before there were files.
constexpr std::time_t kLatest = 253'402'300'799;

std::optional<std::time_t> sendable(std::optional<std::time_t> when) noexcept {
  if (!when || *when < 0 || *when > kLatest || *when > std::time(nullptr)) return std::nullopt;
  return when;
}

void set_unless_empty(Response& response, std::string_view name, std::string_view value) {
  if (!value.empty()) response.set(name, value);
}

Response make_not_modified(const FileContent& content) {
  // RFC 9110 15.4.5: what a cache needs, and Last-Modified only if there is nothing better.
  Response response(Status::not_modified);
  set_unless_empty(response, "ETag", content.etag);
  if (content.etag.empty() && content.last_modified)
    response.set("Last-Modified", format_http_date(*content.last_modified));
  set_unless_empty(response, "Cache-Control", content.cache_control);
  set_unless_empty(response, "Vary", content.vary);
  return response;
}

Response make_whole(const FileContent& content) {
  Response response;
  set_unless_empty(response, "Content-Type", content.media_type);
  set_unless_empty(response, "ETag", content.etag);
  if (content.last_modified) response.set("Last-Modified", format_http_date(*content.last_modified));
  if (content.ranges) response.set("Accept-Ranges", "bytes");
  set_unless_empty(response, "Content-Encoding", content.content_encoding);
  set_unless_empty(response, "Cache-Control", content.cache_control);
  set_unless_empty(response, "Vary", content.vary);
  if (const auto* bytes = std::get_if<SharedBytes>(&content.source)) {
    response.body(*bytes);
  } else if (content.size > 0) {
    std::vector<BodyPart> parts;
    parts.push_back(slice(content.source, {0, content.size - 1}));
    response.body(std::move(parts));
  }
  return response;
}

}  // namespace

PreparedFile::PreparedFile(FileContent content) : content_(std::move(content)) {
  if (const auto* bytes = std::get_if<SharedBytes>(&content_.source)) content_.size = (*bytes)->size();
  content_.last_modified = sendable(content_.last_modified);
  whole_ = make_whole(content_);
  not_modified_ = make_not_modified(content_);
}

Response PreparedFile::answer(const Request& request) const {
  return has_conditions(request) ? answer_conditions(request) : whole_;
}

Response PreparedFile::answer_conditions(const Request& request) const {
  if (request.method() != Method::get && request.method() != Method::head) return whole_;
  const std::time_t now = std::time(nullptr);
  const Validators validators{content_.etag, content_.last_modified};
  switch (evaluate_preconditions(request, validators, now)) {
    case Precondition::not_modified:
      return not_modified_;
    case Precondition::failed:
      return Response::error(Status::precondition_failed);
    case Precondition::proceed:
      break;
  }
  const auto range = content_.ranges ? applicable_range(request, validators, now) : std::nullopt;
  if (!range) return whole_;
  const RangeSelection selection = select_ranges(*range, content_.size);
  switch (selection.result) {
    case RangeResult::whole:
      return whole_;
    case RangeResult::partial:
      return partial(selection.ranges);
    case RangeResult::unsatisfiable:
      break;
  }
  return Response::error(Status::range_not_satisfiable).set("Content-Range", unsatisfied_content_range(content_.size));
}

Response PreparedFile::partial(const std::vector<ByteRange>& ranges) const {
  Response response = whole_;
  response.status(Status::partial_content);
  if (ranges.size() == 1) {
    response.set("Content-Range", content_range(ranges.front(), content_.size));
    std::vector<BodyPart> parts;
    parts.push_back(slice(content_.source, ranges.front()));
    return response.body(std::move(parts));
  }
  // RFC 9110 15.3.7.2: each part states its range, the response does not.
  MultipartRanges several = multipart_ranges(content_.source, content_.size, ranges, content_.media_type);
  return response.set("Content-Type", several.content_type).body(std::move(several.parts));
}

Response send_file(const Request& request, FileContent content) {
  return PreparedFile(std::move(content)).answer(request);
}

}  // namespace prefork::http
