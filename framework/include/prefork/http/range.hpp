#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include <prefork/api.hpp>
#include <prefork/http/response.hpp>

/// Range requests: RFC 9110 14. Pure; any thread; nothing blocks.
namespace prefork::http {

/// Bytes of a representation, both ends included, as Content-Range counts them.
struct ByteRange {
  std::uint64_t first = 0;
  std::uint64_t last = 0;
  std::uint64_t size() const noexcept { return last - first + 1; }
  bool operator==(const ByteRange&) const = default;
};

/// A request for more ranges than this gets the whole representation (RFC 9110 14.2, 17.15).
inline constexpr std::size_t kMaxRanges = 16;

enum class RangeResult : std::uint8_t {
  whole,          ///< ignore the field: 200
  partial,        ///< 206 with `ranges`
  unsatisfiable,  ///< 416 with `unsatisfied_content_range`
};

struct RangeSelection {
  RangeResult result = RangeResult::whole;
  std::vector<ByteRange> ranges;
};

/// Parses the value of a Range field for a representation of `size` bytes (RFC 9110 14.1.2, 14.2). Units other than
/// bytes and malformed values give `whole`. Ranges that overlap, or are so close that a part of its own would cost
/// more, become one; the others keep the client's order. So all ranges together never have more than `size` bytes.
PREFORK_API RangeSelection select_ranges(std::string_view value, std::uint64_t size);

/// "bytes 0-99/1000" and "bytes */1000": the value of Content-Range (RFC 9110 14.4).
PREFORK_API std::string content_range(ByteRange range, std::uint64_t size);
PREFORK_API std::string unsatisfied_content_range(std::uint64_t size);

/// The content of a representation.
using BodySource = std::variant<SharedBytes, SharedFile>;

/// A range of it as a piece of a body: by reference for a file; for bytes a copy, unless it is all of them. REQUIRES
/// that the range lies within the source.
PREFORK_API BodyPart slice(const BodySource& source, ByteRange range);

/// A body of several ranges.
struct MultipartRanges {
  std::string content_type;  ///< multipart/byteranges with its boundary
  std::vector<BodyPart> parts;
};

/// Builds the body of a 206 with several ranges (RFC 9110 14.6, 15.3.7.2).
/// @param size        of the whole
/// @param media_type  of the whole; empty: unknown
/// @param boundary    1 to 70 characters (RFC 2046 5.1.1) that the representation does not contain; empty: random
PREFORK_API MultipartRanges multipart_ranges(const BodySource& source, std::uint64_t size,
                                             const std::vector<ByteRange>& ranges, std::string_view media_type,
                                             std::string boundary = {});

}  // namespace prefork::http
