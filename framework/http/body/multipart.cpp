#include "framework/http/body/multipart.hpp"

#include <algorithm>

#include "framework/http/wire/char_class.hpp"
#include "framework/http/wire/scan.hpp"

namespace prefork::http {
namespace {

constexpr std::size_t kMaxMargin = 1024;

constexpr Refusal kMargin{Status::bad_request, "The form has too much before, between or after its parts."};
constexpr Refusal kDelimiter{Status::bad_request, "A boundary line of the form is malformed."};
constexpr Refusal kHead{Status::bad_request, "The header of a part of the form is malformed."};
constexpr Refusal kLongHead{Status::content_too_large, "The header of a part of the form is too long."};
constexpr Refusal kDisposition{Status::bad_request, "A part of the form has no proper Content-Disposition."};
constexpr Refusal kEncoding{Status::bad_request, "A part of the form has a Content-Transfer-Encoding."};
constexpr Refusal kManyParts{Status::content_too_large, "The form has too many parts."};
constexpr Refusal kLongField{Status::content_too_large, "A field of the form is too long."};
constexpr Refusal kLongFile{Status::content_too_large, "A file is too long."};
constexpr Refusal kLongFiles{Status::content_too_large, "The files together are too long."};
constexpr Refusal kUnfinishedForm{Status::bad_request, "The form ends before its last boundary line."};

}  // namespace

bool is_boundary(std::string_view boundary) noexcept {
  constexpr std::size_t kMaxBoundary = 70;
  for (const char c : boundary) {
    const char lower = to_lower(c);
    if (!(lower >= 'a' && lower <= 'z') && !is(c, kDecimalDigit) &&
        std::string_view("'()+_,-./:=? ").find(c) == std::string_view::npos)
      return false;
  }
  return !boundary.empty() && boundary.size() <= kMaxBoundary && boundary.back() != ' ';
}

// The first delimiter needs no line end before it.
MultipartParser::MultipartParser(std::string_view boundary, MultipartLimits limits, PartReceiver& receiver)
    : delimiter_("\r\n--" + std::string(boundary)), limits_(limits), receiver_(receiver), matched_(2), foreign_(2) {}

const Refusal* MultipartParser::feed(std::string_view bytes) {
  while (!bytes.empty() && refusal_ == nullptr) {
    switch (state_) {
      case State::preamble:
      case State::content:
        bytes = matched_ > 0 ? resume_match(bytes) : take_content(bytes);
        break;
      case State::delimiter_tail:
        bytes = take_tail(bytes);
        break;
      case State::head:
        bytes = take_head(bytes);
        break;
      case State::epilogue:
        count_margin(bytes.size());
        bytes = {};
        break;
    }
  }
  return refusal_;
}

const Refusal* MultipartParser::finish() {
  if (state_ != State::epilogue) refuse(kUnfinishedForm);
  return refusal_;
}

// CR is the first byte of the delimiter and occurs nowhere else in it: after a mismatch everything matched so far is
// content, and only the byte that did not match can begin a new match.
std::string_view MultipartParser::take_content(std::string_view bytes) {
  for (std::size_t at = bytes.find('\r'); at != std::string_view::npos; at = bytes.find('\r', at + 1)) {
    const std::string_view here = bytes.substr(at, delimiter_.size());
    if (!std::string_view(delimiter_).starts_with(here)) continue;
    give(bytes.substr(0, at));
    matched_ = here.size();
    bytes.remove_prefix(at + here.size());
    if (matched_ == delimiter_.size()) end_part();
    return bytes;
  }
  give(bytes);
  return {};
}

std::string_view MultipartParser::resume_match(std::string_view bytes) {
  const std::string_view missing = std::string_view(delimiter_).substr(matched_);
  const auto same = static_cast<std::size_t>(
      std::mismatch(missing.begin(), missing.end(), bytes.begin(), bytes.end()).first - missing.begin());
  bytes.remove_prefix(same);
  matched_ += same;
  if (matched_ == delimiter_.size()) {
    end_part();
  } else if (!bytes.empty()) {
    give(std::string_view(delimiter_).substr(foreign_, matched_ - foreign_));
    matched_ = foreign_ = 0;
  }
  return bytes;
}

void MultipartParser::give(std::string_view bytes) {
  if (bytes.empty()) return;
  if (state_ == State::preamble) return count_margin(bytes.size());
  part_bytes_ += bytes.size();
  if (is_file_) {
    file_bytes_ += bytes.size();
    if (part_bytes_ > limits_.file_bytes) return refuse(kLongFile);
    if (file_bytes_ > limits_.all_file_bytes) return refuse(kLongFiles);
  } else if (part_bytes_ > limits_.field_bytes) {
    return refuse(kLongField);
  }
  receiver_.part_data(bytes);
}

void MultipartParser::count_margin(std::size_t bytes) {
  margin_ += bytes;
  if (margin_ > kMaxMargin) refuse(kMargin);
}

void MultipartParser::end_part() {
  if (refusal_ == nullptr && state_ == State::content) receiver_.part_ends();
  state_ = State::delimiter_tail;
  tail_ = Tail::begin;
  matched_ = foreign_ = margin_ = 0;
}

std::string_view MultipartParser::take_tail(std::string_view bytes) {
  while (!bytes.empty() && state_ == State::delimiter_tail && refusal_ == nullptr) {
    take_tail_byte(bytes.front());
    bytes.remove_prefix(1);
  }
  return bytes;
}

// RFC 2046 5.1.1: two dashes end the form; otherwise transport padding and a line end follow.
void MultipartParser::take_tail_byte(char c) {
  if (tail_ == Tail::begin && c == '-') {
    tail_ = Tail::dash;
  } else if (tail_ == Tail::dash && c == '-') {
    state_ = State::epilogue;
  } else if ((tail_ == Tail::begin || tail_ == Tail::padding) && (c == ' ' || c == '\t')) {
    tail_ = Tail::padding;
    count_margin(1);
  } else if ((tail_ == Tail::begin || tail_ == Tail::padding) && c == '\r') {
    tail_ = Tail::cr;
  } else if (tail_ == Tail::cr && c == '\n') {
    begin_head();
  } else {
    refuse(kDelimiter);
  }
}

void MultipartParser::begin_head() {
  if (++parts_ > limits_.parts) return refuse(kManyParts);
  state_ = State::head;
  head_bytes_ = 0;
  line_.clear();
  disposition_.reset();
  content_type_.clear();
}

std::string_view MultipartParser::take_head(std::string_view bytes) {
  const std::size_t end = std::min(bytes.find('\n'), bytes.size() - 1) + 1;
  head_bytes_ += end;
  if (head_bytes_ > limits_.head_bytes) {
    refuse(kLongHead);
    return {};
  }
  line_.append(bytes, 0, end);
  bytes.remove_prefix(end);
  if (line_.back() != '\n') return bytes;
  if (!line_.ends_with("\r\n")) {
    refuse(kHead);
  } else if (line_.size() == 2) {
    begin_part();
  } else {
    take_line(std::string_view(line_).substr(0, line_.size() - 2));
    line_.clear();
  }
  return bytes;
}

// Lines are read like those of a request, RFC 9112 5: no folding, no space before the colon.
void MultipartParser::take_line(std::string_view line) {
  const std::size_t colon = line.find(':');
  if (colon == std::string_view::npos) return refuse(kHead);
  const std::string_view name = line.substr(0, colon);
  const std::string_view value = trim(line.substr(colon + 1));
  if (!all(name, kTokenChar) || std::any_of(value.begin(), value.end(), is_control)) return refuse(kHead);
  if (equals_ignoring_case(name, "content-disposition")) {
    if (disposition_) return refuse(kDisposition);
    disposition_ = parse_disposition(value);
    if (!disposition_) refuse(kDisposition);
  } else if (equals_ignoring_case(name, "content-type")) {
    content_type_ = value;
  } else if (equals_ignoring_case(name, "content-transfer-encoding")) {
    // RFC 7578 4.7: deprecated. These three change nothing.
    const auto is_value = [value](std::string_view known) { return equals_ignoring_case(value, known); };
    if (!is_value("binary") && !is_value("8bit") && !is_value("7bit")) refuse(kEncoding);
  }
}

// The empty line that ends the header may also be the line end before the next delimiter (RFC 2046 5.1.1).
void MultipartParser::begin_part() {
  if (!disposition_) return refuse(kDisposition);
  state_ = State::content;
  part_bytes_ = 0;
  is_file_ = disposition_->filename.has_value();
  matched_ = foreign_ = 2;
  receiver_.part_begins({std::move(*disposition_), std::move(content_type_)});
}

}  // namespace prefork::http
