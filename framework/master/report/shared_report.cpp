#include "framework/master/report/shared_report.hpp"

#include "framework/base/json_writer.hpp"

namespace prefork::master {
namespace {

void write(base::JsonWriter& json, const SharedStatus& object) {
  json.begin_object()
      .member("name", object.name)
      .member("kind", object.kind)
      .member("shape", object.shape)
      .member("bytes", object.bytes)
      .member("fill", object.fill)
      .member("limit", object.limit)
      .member("waiters", object.waiters);
  json.key("holders").begin_array();
  for (const SharedHolder& holder : object.holders) {
    json.begin_object().member("worker", holder.worker).member("count", holder.count).end_object();
  }
  json.end_array().member("more_holders", object.more_holders).member("repairs", object.repairs);
  json.key("losses").begin_object();
  for (const auto& [what, count] : object.losses) json.member(what, count);
  json.end_object().end_object();
}

}  // namespace

std::string ipc_answer(const std::vector<SharedStatus>& objects) {
  base::JsonWriter json;
  json.begin_object().member("ok", true).key("objects").begin_array();
  for (const SharedStatus& object : objects) write(json, object);
  json.end_array().end_object();
  return std::move(json).take() + '\n';
}

std::string dead_letters_answer(const std::string& queue, std::size_t total,
                                const std::vector<DeadLetterStatus>& letters) {
  base::JsonWriter json;
  json.begin_object().member("ok", true).member("queue", queue).member("total", total);
  json.key("letters").begin_array();
  for (const DeadLetterStatus& letter : letters) {
    json.begin_object()
        .member("number", letter.number)
        .member("deliveries", letter.deliveries)
        .member("bytes", letter.bytes)
        .member("start", letter.start)
        .end_object();
  }
  json.end_array().end_object();
  return std::move(json).take() + '\n';
}

}  // namespace prefork::master
