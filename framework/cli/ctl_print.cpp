#include "framework/cli/ctl_print.hpp"

#include <fmt/format.h>

#include "framework/base/units.hpp"
#include "framework/base/visible.hpp"
#include "framework/cli/status_cells.hpp"
#include "framework/cli/text_table.hpp"

namespace prefork::cli {
namespace {

using std::chrono::milliseconds;
using Align = TextTable::Align;

constexpr int kExitSoftware = 70;

Json parse(std::string_view line) { return Json::parse(line, nullptr, false); }

std::string digits(const Json& object, const char* name) { return std::to_string(number(object, name)); }

std::string counted(std::uint64_t count, std::string_view noun) {
  return fmt::format("{} {}{}", count, noun, count == 1 ? "" : "s");
}

/// Lines lost by the server's log and access logs; empty if there are none.
std::string lost_lines(const Json& log) {
  const std::uint64_t own = number(log, "dropped") + number(log, "dropped_by_workers") + number(log, "dropped_by_rate");
  std::uint64_t access = number(log, "access_dropped_by_workers");
  for (const Json& each : member(log, "access")) access += number(each, "dropped");
  if (own + access == 0) return {};
  return fmt::format("lost: {}, {} of access logs\n", counted(own, "log line"), access);
}

std::string header(const Json& status) {
  const Json& master = member(status, "master");
  std::string out = headline(status);
  if (const std::string file = text(master, "config_file"); !file.empty()) out += ", configured by " + file;
  const Json& totals = member(status, "totals");
  out = base::visible(out) + '\n';
  if (const std::string phase = text(master, "reload"); !phase.empty()) out += "reload: " + base::visible(phase) + '\n';
  if (const std::string last = text(master, "last_reload"); !last.empty()) {
    out += "last reload: " + base::visible(last) + '\n';
  }
  out += fmt::format("{} ({:.1f}/s), {}, {} open, {} in, {} out\n", counted(number(totals, "requests"), "request"),
                     real(totals, "requests_per_second"), counted(number(totals, "datagrams"), "datagram"),
                     counted(number(totals, "connections"), "connection"), base::size_words(number(totals, "bytes_in")),
                     base::size_words(number(totals, "bytes_out")));
  std::string restarts;
  for (const auto& [reason, count] : member(status, "restarts").items()) {
    if (!count.is_number_unsigned() || count.get<std::uint64_t>() == 0) continue;
    restarts += fmt::format("{}{} {}", restarts.empty() ? "" : ", ", base::visible(reason), count.get<std::uint64_t>());
  }
  if (!restarts.empty()) out += "workers replaced: " + restarts + '\n';
  return out + lost_lines(member(status, "log"));
}

std::string full_note(const Json& pool) {
  const milliseconds full = duration(pool, "full_ms");
  if (full.count() == 0) return {};
  return fmt::format("full for {}, {} waiting", base::short_duration(full), number(pool, "waiting"));
}

std::string pool_note(const Json& pool) {
  const std::uint64_t failures = number(pool, "failures");
  const milliseconds held = duration(pool, "throttled_ms");
  std::string note;
  const milliseconds open = duration(pool, "circuit_open_ms");
  if (open.count() > 0) note = "circuit open for " + base::short_duration(open);
  if (held.count() > 0) {
    note += (open.count() > 0 ? ", next start in " : "throttled, next start in ") + base::short_duration(held);
  }
  if (failures > 0) note += (note.empty() ? "" : ", ") + counted(failures, "failure") + " in a row";
  const std::string reason = text(pool, "last_failure");
  if (!note.empty() && !reason.empty()) note += ": " + reason;
  return full_note(pool) + (number(pool, "full_ms") > 0 && !note.empty() ? "; " : "") + note;
}

// "3/3", "3/3 of 1..8 (dynamic)"
std::string size_of(const Json& pool) {
  const std::string now = digits(pool, "running") + '/' + digits(pool, "target");
  const std::string scaling = text(pool, "scaling");
  if (scaling.empty() || scaling == "fixed") return now;
  return fmt::format("{} of {} ({})", now, text(pool, "size"), scaling);
}

std::string pools(const Json& status, std::size_t width) {
  TextTable table({{"POOL"}, {"WORKERS"}, {"READY", Align::right}, {"USER"}, {"NOTE"}});
  for (const Json& pool : member(status, "pools")) {
    table.add({text(pool, "name"), size_of(pool), digits(pool, "ready"), text(pool, "user"), pool_note(pool)});
  }
  std::string out = table.render(width);
  for (const Json& pool : member(status, "pools")) {
    const std::string end = text(pool, "last_end");
    if (number(pool, "failures") == 0 || end.empty()) continue;
    out += base::visible(fmt::format("last failure of {}: {}", text(pool, "name"), end)) + '\n';
  }
  return out;
}

std::string services(const Json& status) {
  TextTable table({{"SERVICE"}, {"POOL"}, {"PLUGIN"}, {"LISTENS ON"}});
  for (const Json& service : member(status, "services")) {
    const std::string name = text(service, "name");
    std::string addresses;
    for (const Json& listener : member(status, "listeners")) {
      if (text(listener, "service") != name) continue;
      addresses += (addresses.empty() ? "" : " ") + text(listener, "address");
    }
    table.add({name, text(service, "pool"), text(service, "plugin"), addresses});
  }
  // Addresses are copied by people, so they are never cut.
  return table.render(0);
}

std::string workers(const Json& status, std::size_t width) {
  TextTable table({{"WORKER"},
                   {"SLOT", Align::right},
                   {"PID", Align::right},
                   {"GEN", Align::right},
                   {"STATE"},
                   {"UPTIME", Align::right},
                   {"CONNS", Align::right},
                   {"REQUESTS", Align::right},
                   {"REQ/S", Align::right},
                   {"RSS", Align::right},
                   {"SERVING"}});
  for (const Json& worker : member(status, "workers")) {
    table.add({worker_name(worker), digits(worker, "slot"), digits(worker, "pid"), digits(worker, "generation"),
               text(worker, "state"), base::short_duration(duration(worker, "uptime_ms")),
               digits(worker, "connections"), digits(worker, "requests"),
               fmt::format("{:.1f}", real(worker, "requests_per_second")),
               base::size_words(number(worker, "rss_bytes")), serving(worker)});
  }
  return table.render(width);
}

std::string fill(const Json& object) {
  const std::uint64_t limit = number(object, "limit");
  const Json& value = member(object, "fill");  // a gauge may be below zero
  return std::to_string(value.is_number_integer() ? value.get<std::int64_t>() : 0) +
         (limit == 0 ? "" : '/' + std::to_string(limit));
}

std::string holders(const Json& object) {
  constexpr std::size_t kShown = 3;
  std::string out;
  std::size_t shown = 0;
  std::uint64_t more = number(object, "more_holders");
  for (const Json& holder : member(object, "holders")) {
    if (shown == kShown) {
      ++more;
      continue;
    }
    const std::uint64_t count = number(holder, "count");
    out += fmt::format("{}{}{}", shown == 0 ? "" : ", ", text(holder, "worker"),
                       count == 1 ? "" : fmt::format(" ({})", count));
    ++shown;
  }
  return more == 0 ? out : fmt::format("{}{}{} more", out, out.empty() ? "" : " and ", more);
}

std::string losses(const Json& object) {
  std::string out;
  for (const auto& [what, count] : member(object, "losses").items()) {
    if (!count.is_number_unsigned()) continue;
    out += fmt::format("{}{} {}", out.empty() ? "" : ", ", what, count.get<std::uint64_t>());
  }
  return out;
}

}  // namespace

Answer read_answer(std::string_view line) {
  const Json answer = parse(line);
  const Json& ok = member(answer, "ok");
  if (!ok.is_boolean()) return {false, "the answer is not from a prefork-master", kExitSoftware};
  if (ok.get<bool>()) return {true, base::visible(text(answer, "message")), 0};
  const std::uint64_t code = number(answer, "exit");
  std::string reason = base::visible(text(answer, "error"));
  if (reason.empty()) reason = "the master refused and gave no reason";
  // Shells give exit codes above 125 meanings of their own.
  return {false, std::move(reason), code >= 1 && code <= 125 ? static_cast<int>(code) : kExitSoftware};
}

std::string status_text(std::string_view line, std::size_t width) {
  const Json status = parse(line);
  return header(status) + '\n' + pools(status, width) + '\n' + services(status) + '\n' + workers(status, width);
}

std::string workers_text(std::string_view line, std::size_t width) { return workers(parse(line), width); }

std::string ipc_text(std::string_view line, std::size_t width) {
  TextTable table({{"NAME"},
                   {"KIND"},
                   {"SHAPE"},
                   {"FILL", Align::right},
                   {"WAITERS", Align::right},
                   {"HOLDERS"},
                   {"REPAIRS", Align::right},
                   {"LOSSES"}});
  const Json answer = parse(line);
  for (const Json& object : member(answer, "objects")) {
    table.add({text(object, "name"), text(object, "kind"), text(object, "shape"), fill(object),
               digits(object, "waiters"), holders(object), digits(object, "repairs"), losses(object)});
  }
  return table.empty() ? "the services share no objects\n" : table.render(width);
}

std::string dead_letters_text(std::string_view line, std::size_t width) {
  TextTable table({{"NUMBER", Align::right}, {"DELIVERIES", Align::right}, {"BYTES", Align::right}, {"CONTENT"}});
  const Json answer = parse(line);
  std::uint64_t shown = 0;
  for (const Json& letter : member(answer, "letters")) {
    table.add({digits(letter, "number"), digits(letter, "deliveries"), digits(letter, "bytes"), text(letter, "start")});
    ++shown;
  }
  const std::string queue = base::visible(text(answer, "queue"));
  if (table.empty()) return fmt::format("queue {} has no dead letters\n", queue);
  const std::uint64_t total = number(answer, "total");
  const std::string rest = total > shown ? fmt::format("and {} more\n", total - shown) : "";
  return table.render(width) + rest;
}

std::string json_text(std::string_view line) {
  Json answer = parse(line);
  if (answer.is_object()) answer.erase("ok");
  return answer.dump(2, ' ', false, Json::error_handler_t::replace) + '\n';
}

}  // namespace prefork::cli
