#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "framework/http/message/disposition.hpp"
#include "framework/http/wire/refusal.hpp"

/// multipart/form-data, RFC 7578 and RFC 2046 5.1. Pure: no system call, no time.
namespace prefork::http {

struct PartHead {
  Disposition disposition;
  std::string content_type;  ///< as it was sent; empty if there is none

  /// Whether it is a file rather than a field.
  bool is_file() const noexcept { return disposition.filename.has_value(); }
};

/// Receives the parts, in their order. If it throws, the parser ends.
class PartReceiver {
 public:
  virtual void part_begins(PartHead head) = 0;
  /// The next piece of the part's content; valid during the call.
  virtual void part_data(std::string_view bytes) = 0;
  virtual void part_ends() = 0;

 protected:
  ~PartReceiver() = default;
};

struct MultipartLimits {
  std::size_t parts;
  std::size_t head_bytes;        ///< of the header of one part
  std::uint64_t field_bytes;     ///< of one part that is not a file
  std::uint64_t file_bytes;      ///< of one file
  std::uint64_t all_file_bytes;  ///< of all files together
};

/// Whether RFC 2046 5.1.1 allows it: 1 to 70 of certain characters, the last one not a space.
bool is_boundary(std::string_view boundary) noexcept;

/// Takes a body in pieces of any size. It keeps no content: at most a part's header is in memory.
class MultipartParser {
 public:
  /// REQUIRES is_boundary(boundary); `receiver` must outlive this object.
  MultipartParser(std::string_view boundary, MultipartLimits limits, PartReceiver& receiver);
  MultipartParser(const MultipartParser&) = delete;
  MultipartParser& operator=(const MultipartParser&) = delete;

  /// @return why the body is refused (the same for all later calls); null: no error
  const Refusal* feed(std::string_view bytes);
  /// The body has ended. @return as feed()
  const Refusal* finish();

 private:
  enum class State : std::uint8_t { preamble, delimiter_tail, head, content, epilogue };
  enum class Tail : std::uint8_t { begin, dash, padding, cr };

  std::string_view take_content(std::string_view bytes);
  std::string_view resume_match(std::string_view bytes);
  std::string_view take_tail(std::string_view bytes);
  void take_tail_byte(char c);
  std::string_view take_head(std::string_view bytes);
  void take_line(std::string_view line);
  void begin_head();
  void begin_part();
  void end_part();
  void give(std::string_view bytes);
  void count_margin(std::size_t bytes);
  void refuse(const Refusal& why) noexcept {
    if (refusal_ == nullptr) refusal_ = &why;
  }

  const std::string delimiter_;  // CR LF, two dashes, the boundary
  const MultipartLimits limits_;
  PartReceiver& receiver_;
  const Refusal* refusal_ = nullptr;
  State state_ = State::preamble;
  Tail tail_ = Tail::begin;
  std::size_t matched_;     // bytes of the delimiter that have been matched
  std::size_t foreign_;     // those among them that are not content: the line end before it
  std::size_t margin_ = 0;  // bytes of the preamble, of a delimiter's padding, of the epilogue
  std::size_t parts_ = 0;
  std::size_t head_bytes_ = 0;
  std::string line_;
  std::optional<Disposition> disposition_;
  std::string content_type_;
  bool is_file_ = false;
  std::uint64_t part_bytes_ = 0;
  std::uint64_t file_bytes_ = 0;
};

}  // namespace prefork::http
