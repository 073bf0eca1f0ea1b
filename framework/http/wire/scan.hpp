#pragma once

#include <cstddef>

#include "framework/http/wire/char_class.hpp"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

namespace prefork::http {

constexpr bool is_control(char c) noexcept {
  const auto byte = static_cast<unsigned char>(c);
  return (byte < 0x20 && byte != '\t') || byte == 0x7f;
}

#ifdef __SSE2__
/// One bit for each of the 16 bytes at `p`: whether it is a control character.
inline unsigned control_mask(const char* p) noexcept {
  const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
  const __m128i low = _mm_cmpeq_epi8(_mm_min_epu8(bytes, _mm_set1_epi8(0x1f)), bytes);
  const __m128i tab = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\t'));
  const __m128i del = _mm_cmpeq_epi8(bytes, _mm_set1_epi8(0x7f));
  return static_cast<unsigned>(_mm_movemask_epi8(_mm_or_si128(_mm_andnot_si128(tab, low), del)));
}
#endif

/// Finds the first control character (HTAB does not count) in [from, end), or returns `end`. A valid line has none
/// before its CR, so this finds the end of the line and checks it in one pass. `floor <= from` is where the buffer
/// begins: bytes from there on may be read.
inline const char* find_control(const char* floor, const char* from, const char* end) noexcept {
  const char* p = from;
#ifdef __SSE2__
  for (; end - p >= 16; p += 16) {
    if (const unsigned mask = control_mask(p); mask != 0) return p + __builtin_ctz(mask);
  }
  if (p == end) return end;
  if (end - floor >= 16) {
    // The last 16 bytes of the buffer overlap with bytes already seen, whose bits are shifted out.
    const auto seen = static_cast<unsigned>(16 - (end - p));
    const unsigned mask = control_mask(end - 16) >> seen;
    return mask != 0 ? p + __builtin_ctz(mask) : end;
  }
#else
  static_cast<void>(floor);
#endif
  while (p != end && !is_control(*p)) ++p;
  return p;
}

}  // namespace prefork::http
