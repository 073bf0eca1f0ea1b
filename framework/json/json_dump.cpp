#include <optional>
#include <string>
#include <utility>

#include <prefork/json.hpp>

#include "framework/base/json_string.hpp"
#include "framework/base/json_writer.hpp"

namespace prefork {
namespace {

void write(base::JsonWriter& out, const Json& value) {
  switch (value.kind()) {
    case Json::Kind::null:
      out.null();
      return;
    case Json::Kind::boolean:
      out.value(value.boolean());
      return;
    case Json::Kind::integer:
      out.value(value.integer());
      return;
    case Json::Kind::real:
      out.real(value.number());
      return;
    case Json::Kind::string:
      out.value(value.text());
      return;
    case Json::Kind::array:
      out.begin_array();
      for (const Json& item : value.items()) write(out, item);
      out.end_array();
      return;
    case Json::Kind::object:
      out.begin_object();
      for (const Json::Member& member : value.members()) write(out.key(member.name), member.value);
      out.end_object();
      return;
  }
}

std::string written(const Json& value, std::optional<unsigned> indent) {
  base::JsonWriter writer(base::JsonStyle::page, indent);
  write(writer, value);
  return std::move(writer).take();
}

}  // namespace

std::string Json::dump() const { return written(*this, std::nullopt); }
std::string Json::dump(unsigned indent) const { return written(*this, indent); }

}  // namespace prefork
