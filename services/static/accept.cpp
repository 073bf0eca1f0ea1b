#include "services/static/accept.hpp"

#include <algorithm>
#include <optional>

namespace services::static_files {
namespace {

using prefork::http::Header;
using prefork::http::Request;

char lower(char c) noexcept { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; }

bool same(std::string_view a, std::string_view b) noexcept {
  return a.size() == b.size() &&
         std::equal(a.begin(), a.end(), b.begin(), [](char x, char y) { return lower(x) == lower(y); });
}

std::string_view trim(std::string_view text) noexcept {
  while (text.starts_with(' ') || text.starts_with('\t')) text.remove_prefix(1);
  while (text.ends_with(' ') || text.ends_with('\t')) text.remove_suffix(1);
  return text;
}

/// A weight in thousandths (RFC 9110 12.4.2). A malformed one counts as 0, so that no client gets what it did not want.
int read_weight(std::string_view text) noexcept {
  if (text.empty() || text.size() > 5 || (text[0] != '0' && text[0] != '1')) return 0;
  int weight = (text[0] - '0') * 1000;
  if (text.size() > 1 && text[1] != '.') return 0;
  int unit = 100;
  for (std::size_t i = 2; i < text.size(); ++i, unit /= 10) {
    if (text[i] < '0' || text[i] > '9') return 0;
    weight += (text[i] - '0') * unit;
  }
  return weight <= 1000 ? weight : 0;
}

/// The weight among a member's parameters; 1000 if there is none.
int weight_of(std::string_view parameters) noexcept {
  while (!parameters.empty()) {
    const std::size_t end = std::min(parameters.find(';'), parameters.size());
    const std::string_view parameter = trim(parameters.substr(0, end));
    if (parameter.size() >= 2 && lower(parameter[0]) == 'q' && parameter[1] == '=')
      return read_weight(parameter.substr(2));
    parameters.remove_prefix(std::min(end + 1, parameters.size()));
  }
  return 1000;
}

/// Calls visit(member, weight) for each member of all fields of that name. @return whether there is such a field
template <class Visit>
bool for_each_member(const Request& request, std::string_view name, Visit visit) noexcept {
  bool any = false;
  for (std::size_t i = 0; i < request.header_count(); ++i) {
    const Header field = request.header_at(i);
    if (!same(field.name, name)) continue;
    any = true;
    for (std::string_view rest = field.value; !rest.empty();) {
      const std::size_t comma = std::min(rest.find(','), rest.size());
      const std::string_view member = rest.substr(0, comma);
      const std::size_t semicolon = std::min(member.find(';'), member.size());
      visit(trim(member.substr(0, semicolon)), weight_of(member.substr(semicolon)));
      rest.remove_prefix(std::min(comma + 1, rest.size()));
    }
  }
  return any;
}

}  // namespace

Coding choose_coding(const Request& request, Offer offer) noexcept {
  std::optional<int> brotli, gzip, identity, others;
  for_each_member(request, "accept-encoding", [&](std::string_view coding, int weight) {
    if (same(coding, "br")) brotli = weight;
    if (same(coding, "gzip") || same(coding, "x-gzip")) gzip = weight;
    if (same(coding, "identity")) identity = weight;
    if (coding == "*") others = weight;
  });
  Coding best = Coding::identity;
  int most = identity.value_or(1);
  const auto consider = [&](bool offered, Coding coding, int weight) {
    if (!offered || weight == 0 || weight < most || (weight == most && best != Coding::identity)) return;
    best = coding;
    most = weight;
  };
  consider(offer.brotli, Coding::brotli, brotli.value_or(others.value_or(0)));
  consider(offer.gzip, Coding::gzip, gzip.value_or(others.value_or(0)));
  return best;
}

HtmlWish html_wish(const Request& request) noexcept {
  std::optional<int> exact, text, any;
  const bool asked = for_each_member(request, "accept", [&](std::string_view type, int weight) {
    if (same(type, "text/html")) exact = weight;
    if (same(type, "text/*")) text = weight;
    if (type == "*/*") any = weight;
  });
  if (!asked) return HtmlWish::accepted;
  // RFC 9110 12.5.1: the most specific one counts.
  if (exact) return *exact > 0 ? HtmlWish::named : HtmlWish::refused;
  return text.value_or(any.value_or(0)) > 0 ? HtmlWish::accepted : HtmlWish::refused;
}

}  // namespace services::static_files
