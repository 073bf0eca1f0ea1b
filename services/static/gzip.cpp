#include "services/static/gzip.hpp"

#include <zlib.h>

#include <new>

namespace services::static_files {

std::optional<std::string> gzip(std::string_view bytes) {
  constexpr int kLevel = 5;
  constexpr int kWindowBitsWithGzipHeader = 15 + 16;
  constexpr int kMemory = 8;
  z_stream stream{};
  if (::deflateInit2(&stream, kLevel, Z_DEFLATED, kWindowBitsWithGzipHeader, kMemory, Z_DEFAULT_STRATEGY) != Z_OK)
    throw std::bad_alloc();
  std::string out(bytes.size() - bytes.size() / 10, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  const int result = ::deflate(&stream, Z_FINISH);
  const std::size_t size = stream.total_out;
  ::deflateEnd(&stream);
  if (result != Z_STREAM_END) return std::nullopt;
  out.resize(size);
  out.shrink_to_fit();
  return out;
}

}  // namespace services::static_files
