#include "framework/http/body/streamed_body.hpp"

#include <stdexcept>
#include <utility>

#include "framework/http/wire/chunked.hpp"
#include "framework/http/wire/field_check.hpp"

namespace prefork::http {

bool StreamedBody::start_write(std::string_view bytes) {
  if (gone_ || bytes.empty()) return true;
  written_ += bytes.size();
  gone_ = !sink_.data(bytes);
  return gone_ || !sink_.blocked();
}

void StreamedBody::add_trailer(std::string_view name, std::string_view value) {
  check_field(name, value);
  if (!may_trail(name)) {
    throw std::invalid_argument("trailer \"" + std::string(name) +
                                "\": this field is not allowed in a trailer section");
  }
  FieldList::append(trailers_, name, value);
}

void StreamedBody::resume() {
  if (auto writer = std::exchange(writer_, {})) writer.resume();
}

void StreamedBody::announce_end() {
  if (auto callback = std::exchange(on_close_, {})) callback();
}

void StreamedBody::on_client_end() {
  client_ended_ = true;
  announce_end();
}

void StreamedBody::on_gone() {
  if (std::exchange(gone_, true)) return;
  // Whichever is called first may end the function, and this object with it.
  if (writer_) return resume();
  announce_end();
}

namespace {
StreamedBody& own(BodyWriter& body) noexcept { return static_cast<StreamedBody&>(body); }
const StreamedBody& own(const BodyWriter& body) noexcept { return static_cast<const StreamedBody&>(body); }
}  // namespace

bool BodyWriter::start_write(std::string_view bytes) { return own(*this).start_write(bytes); }
void BodyWriter::park(std::coroutine_handle<> awaiting) noexcept { own(*this).park(awaiting); }
bool BodyWriter::finish_write() noexcept { return own(*this).finish_write(); }
void BodyWriter::trailer(std::string_view name, std::string_view value) { own(*this).add_trailer(name, value); }
bool BodyWriter::open() const noexcept { return own(*this).open(); }
void BodyWriter::on_close(std::function<void()> callback) { own(*this).set_on_close(std::move(callback)); }
Context& BodyWriter::context() const noexcept { return own(*this).context(); }

}  // namespace prefork::http
