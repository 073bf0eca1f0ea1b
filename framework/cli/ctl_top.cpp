#include "framework/cli/ctl_top.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>
#include <vector>

#include "framework/base/units.hpp"
#include "framework/base/visible.hpp"
#include "framework/cli/ctl_events.hpp"
#include "framework/cli/status_cells.hpp"
#include "framework/cli/text_table.hpp"

namespace prefork::cli {
namespace {

using Align = TextTable::Align;

constexpr std::size_t kEvents = 6;
constexpr std::size_t kFewestWorkers = 3;

/// Two samples of the server, and what happened between them.
struct Span {
  Json before;
  Json now;
  double seconds;

  double rate(std::uint64_t was, std::uint64_t is) const {
    return is > was && seconds > 0 ? static_cast<double>(is - was) / seconds : 0.0;
  }
  double total_rate(const char* name) const {
    return rate(number(member(before, "totals"), name), number(member(now, "totals"), name));
  }
};

struct Row {
  const Json* worker;
  double cpu;       // percent of one CPU
  double requests;  // and datagrams, per second
};

std::vector<Row> rows(const Span& span) {
  std::map<std::uint64_t, const Json*> known;
  for (const Json& worker : member(span.before, "workers")) known[number(worker, "pid")] = &worker;
  std::vector<Row> all;
  for (const Json& worker : member(span.now, "workers")) {
    const auto was = known.find(number(worker, "pid"));
    const Json nothing;
    const Json& old = was == known.end() ? nothing : *was->second;
    all.push_back({&worker, span.rate(number(old, "cpu_ms"), number(worker, "cpu_ms")) / 10,
                   span.rate(number(old, "requests"), number(worker, "requests")) +
                       span.rate(number(old, "datagrams"), number(worker, "datagrams"))});
  }
  std::stable_sort(all.begin(), all.end(),
                   [](const Row& a, const Row& b) { return a.cpu != b.cpu ? a.cpu > b.cpu : a.requests > b.requests; });
  return all;
}

// For all services together: how many requests took how long between the samples.
std::vector<std::uint64_t> latencies(const Span& span) {
  std::vector<std::uint64_t> counts;
  std::map<std::string, const Json*> known;
  for (const Json& service : member(span.before, "services")) known[text(service, "name")] = &service;
  for (const Json& service : member(span.now, "services")) {
    const Json& buckets = member(member(service, "latency"), "buckets");
    const auto was = known.find(text(service, "name"));
    if (!buckets.is_array() || was == known.end()) continue;
    const Json& old = member(member(*was->second, "latency"), "buckets");
    counts.resize(std::max(counts.size(), buckets.size()));
    for (std::size_t i = 0; i < buckets.size() && old.is_array() && i < old.size(); ++i) {
      if (!buckets[i].is_number_unsigned() || !old[i].is_number_unsigned()) continue;
      const auto is = buckets[i].get<std::uint64_t>();
      counts[i] += is - std::min(is, old[i].get<std::uint64_t>());
    }
  }
  return counts;
}

// The bound below which this share of the requests was answered.
std::string quantile(const Span& span, const std::vector<std::uint64_t>& counts, double share) {
  const Json& bounds = member(span.now, "latency_bounds_us");
  std::uint64_t all = 0;
  for (const std::uint64_t count : counts) all += count;
  if (all == 0 || !bounds.is_array() || bounds.empty()) return "-";
  std::uint64_t seen = 0;
  for (std::size_t i = 0; i < counts.size(); ++i) {
    seen += counts[i];
    if (static_cast<double>(seen) < share * static_cast<double>(all)) continue;
    if (i >= bounds.size()) return ">8s";
    const double us = bounds[i].is_number() ? bounds[i].get<double>() : 0;
    return us < 1000  ? fmt::format("<{:.0f}us", us)
           : us < 1e6 ? fmt::format("<{:.1f}ms", us / 1e3)
                      : fmt::format("<{:.1f}s", us / 1e6);
  }
  return "-";
}

// The rate, for all services together, of a member of "responses" (a status class) or of the service itself ("shed").
double response_rate(const Span& span, const char* name) {
  const auto sum = [&](const Json& status) {
    std::uint64_t all = 0;
    for (const Json& service : member(status, "services")) {
      all += number(member(service, "responses"), name) + number(service, name);
    }
    return all;
  };
  return span.rate(sum(span.before), sum(span.now));
}

// If there is an HTTP service: "responses/s: 0 1xx, 990 2xx, 0 3xx, 8.5 4xx, 2.1 5xx (0.2%), 0 shed".
std::string responses(const Span& span) {
  const Json& services = member(span.now, "services");
  if (std::none_of(services.begin(), services.end(),
                   [](const Json& service) { return member(service, "responses").is_object(); })) {
    return {};
  }
  const auto text = [](double rate) {
    return rate > 0 && rate < 9.95 ? fmt::format("{:.1f}", rate) : fmt::format("{:.0f}", rate);
  };
  std::string out = "responses/s: ";
  double all = 0;
  for (const char* of : {"1xx", "2xx", "3xx", "4xx"}) {
    const double rate = response_rate(span, of);
    all += rate;
    out += text(rate) + ' ' + of + ", ";
  }
  const double errors = response_rate(span, "5xx");
  const double share = errors > 0 ? 100 * errors / (all + errors) : 0;
  out += text(errors) + " 5xx";
  if (share > 0) out += fmt::format(" ({:.{}f}%)", share, share < 9.995 ? 2 : 0);
  return out + fmt::format(", {} shed\n", text(response_rate(span, "shed")));
}

std::string head(const Span& span, const std::vector<Row>& workers) {
  const Json& master = member(span.now, "master");
  const Json& totals = member(span.now, "totals");
  std::string out = headline(span.now);
  if (const std::string phase = text(master, "reload"); !phase.empty()) out += ", reload: " + phase;
  double cpu = span.rate(number(member(span.before, "master"), "cpu_ms"), number(master, "cpu_ms")) / 10;
  std::uint64_t memory = number(master, "rss_bytes");
  for (const Row& row : workers) {
    cpu += row.cpu;
    memory += number(*row.worker, "rss_bytes");
  }
  const auto counts = latencies(span);
  out = base::visible(out) + '\n';
  out += fmt::format("{:.0f} requests/s, p50 {}, p99 {}, {:.0f} datagrams/s, {} connections ({:.0f} new/s)\n",
                     span.total_rate("requests"), quantile(span, counts, 0.5), quantile(span, counts, 0.99),
                     span.total_rate("datagrams"), number(totals, "connections"), span.total_rate("accepted"));
  out += fmt::format("{}/s in, {}/s out, CPU {:.0f}%, memory {}\n",
                     base::size_words(static_cast<std::uint64_t>(span.total_rate("bytes_in"))),
                     base::size_words(static_cast<std::uint64_t>(span.total_rate("bytes_out"))), cpu,
                     base::size_words(memory));
  return out + responses(span);
}

std::string note_of(const Json& pool) {
  std::string note;
  if (number(pool, "full_ms") > 0) note = fmt::format("full, {} waiting", number(pool, "waiting"));
  const std::uint64_t failures = number(pool, "failures");
  if (failures == 0) return note;
  return fmt::format("{}{}{} failures in a row: {}", note, note.empty() ? "" : "; ", failures,
                     text(pool, "last_failure"));
}

std::string pools(const Span& span, const std::vector<Row>& workers, std::size_t width) {
  TextTable table({{"POOL"},
                   {"READY", Align::right},
                   {"CPU%", Align::right},
                   {"REQ/S", Align::right},
                   {"CONNS", Align::right},
                   {"NOTE"}});
  for (const Json& pool : member(span.now, "pools")) {
    double cpu = 0, requests = 0;
    std::uint64_t connections = 0;
    for (const Row& row : workers) {
      if (text(*row.worker, "pool") != text(pool, "name")) continue;
      cpu += row.cpu;
      requests += row.requests;
      connections += number(*row.worker, "connections");
    }
    table.add({text(pool, "name"), fmt::format("{}/{}", number(pool, "ready"), number(pool, "target")),
               fmt::format("{:.0f}", cpu), fmt::format("{:.0f}", requests), std::to_string(connections),
               note_of(pool)});
  }
  return table.render(width);
}

std::string worker_table(const std::vector<Row>& workers, std::size_t most, std::size_t width) {
  TextTable table({{"WORKER"},
                   {"PID", Align::right},
                   {"GEN", Align::right},
                   {"STATE"},
                   {"AGE", Align::right},
                   {"CPU%", Align::right},
                   {"REQ/S", Align::right},
                   {"CONNS", Align::right},
                   {"RSS", Align::right},
                   {"SERVING"}});
  for (std::size_t i = 0; i < std::min(most, workers.size()); ++i) {
    const Json& worker = *workers[i].worker;
    table.add({worker_name(worker), std::to_string(number(worker, "pid")), std::to_string(number(worker, "generation")),
               text(worker, "state"), base::short_duration(duration(worker, "uptime_ms")),
               fmt::format("{:.0f}", workers[i].cpu), fmt::format("{:.0f}", workers[i].requests),
               std::to_string(number(worker, "connections")), base::size_words(number(worker, "rss_bytes")),
               serving(worker)});
  }
  std::string out = table.render(width);
  if (workers.size() > most) out += fmt::format("and {} more\n", workers.size() - most);
  return out;
}

// The latest events, each cut to the terminal's width.
std::string events(const TopSample& now, std::size_t width) {
  std::vector<std::string> lines;
  const std::string all = read_events(now.events, false).text;
  for (std::size_t begin = 0; begin < all.size();) {
    const auto end = all.find('\n', begin);
    const std::string line = all.substr(begin, end - begin);
    lines.push_back((width > 0 ? shortened(line, width) : line) + '\n');
    begin = end + 1;
  }
  std::string out;
  for (std::size_t i = lines.size() - std::min(lines.size(), kEvents); i < lines.size(); ++i) out += lines[i];
  return out;
}

std::size_t lines_of(const std::string& text) {
  return static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
}

std::string first_lines(const std::string& text, std::size_t most) {
  std::size_t end = 0;
  for (; most > 0 && end < text.size(); --most) end = text.find('\n', end) + 1;
  return text.substr(0, end);
}

}  // namespace

std::string top_text(const TopSample& before, const TopSample& now, TopSize size) {
  const Span span{Json::parse(before.status, nullptr, false), Json::parse(now.status, nullptr, false),
                  std::chrono::duration<double>(now.at - before.at).count()};
  const std::vector<Row> workers = rows(span);
  const std::string above = head(span, workers) + '\n' + pools(span, workers, size.columns) + '\n';
  const std::string below = '\n' + events(now, size.columns);
  std::size_t most = workers.size();
  if (size.rows > 0) {
    const std::size_t taken = lines_of(above) + lines_of(below) + 2;  // the table's title, and "and N more"
    most = std::max(size.rows > taken ? size.rows - taken : 0, kFewestWorkers);
  }
  const std::string page = above + worker_table(workers, most, size.columns) + below;
  return size.rows > 0 ? first_lines(page, size.rows) : page;
}

}  // namespace prefork::cli
