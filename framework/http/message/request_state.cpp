#include "framework/http/message/request_state.hpp"

#include <functional>

namespace prefork::http {
namespace {

/// Moves views of one text to the same places in a copy of it; other views stay as they are.
class Rebase {
 public:
  Rebase(std::string_view from, std::string_view to) noexcept : from_(from), to_(to.data()) {}

  void operator()(std::string_view& view) const noexcept {
    const std::less_equal<const char*> not_after;
    if (view.data() == nullptr || !not_after(from_.data(), view.data())) return;
    if (!not_after(view.data() + view.size(), from_.data() + from_.size())) return;
    view = {to_ + (view.data() - from_.data()), view.size()};
  }

 private:
  std::string_view from_;
  const char* to_;
};

}  // namespace

void RequestState::keep_head(std::span<const char> lines) {
  keep_fields();
  own_head.assign(lines.data(), lines.size());
  const Rebase rebase({lines.data(), lines.size()}, own_head);
  for (Header& field : own_fields) {
    rebase(field.name);
    rebase(field.value);
  }
  for (std::string_view* view : {&head.method_name, &head.target, &head.path, &head.query, &head.host, &head.noted.host,
                                 &head.noted.content_length, &head.noted.transfer_encoding}) {
    rebase(*view);
  }
  for (std::size_t i = 0; i < param_count; ++i) rebase(params[i].value);
}

}  // namespace prefork::http
