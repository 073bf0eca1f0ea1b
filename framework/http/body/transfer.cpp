#include "framework/http/body/transfer.hpp"

#include <algorithm>

namespace prefork::http {
namespace {

// A client that takes bytes without end must not occupy the worker.
constexpr std::uint64_t kBytesPerTurn = std::uint64_t{2} * 1024 * 1024;

}  // namespace

/// @param left  set to how much of the part was left before
std::optional<std::size_t> PartsTransfer::send(ExchangeSink& sink, std::uint64_t& left) {
  const BodyPart& part = parts_[index_];
  if (const auto* file = std::get_if<FilePart>(&part)) {
    left = file->bytes - offset_;
    return left == 0 ? 0 : sink.some_data(FilePart{file->file, file->offset + offset_, left});
  }
  const auto* text = std::get_if<std::string>(&part);
  std::string_view bytes = text != nullptr ? std::string_view(*text) : std::string_view(*std::get<SharedBytes>(part));
  bytes.remove_prefix(static_cast<std::size_t>(offset_));
  left = bytes.size();
  return bytes.empty() ? 0 : sink.some_data(bytes, index_ + 1 < parts_.size());
}

PartsTransfer::Step PartsTransfer::pump(ExchangeSink& sink) {
  moved_ = 0;
  std::uint64_t budget = kBytesPerTurn;
  while (index_ < parts_.size()) {
    std::uint64_t left = 0;
    const auto sent = send(sink, left);
    if (!sent) return Step::broken;
    moved_ += *sent;
    offset_ += *sent;
    sent_ += *sent;
    if (*sent < left) {
      if (*sent == 0) return Step::blocked;
    } else {
      ++index_;
      offset_ = 0;
    }
    budget -= std::min<std::uint64_t>(budget, *sent);
    if (budget == 0 && index_ < parts_.size()) return Step::paused;
  }
  return sink.end(FieldList({})) ? Step::done : Step::broken;
}

}  // namespace prefork::http
