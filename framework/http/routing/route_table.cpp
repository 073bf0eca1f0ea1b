#include "framework/http/routing/route_table.hpp"

#include <algorithm>
#include <stdexcept>

#include "framework/http/routing/route_pattern.hpp"

namespace prefork::http {

/// The routes of one pattern, by method.
struct RouteTable::Leaf {
  std::array<std::unique_ptr<Route>, kMethods> routes;
  MethodMask allow = 0;
};

struct RouteTable::Node {
  struct Edge {
    std::string text;
    std::unique_ptr<Node> node;
  };

  std::vector<Edge> literals;  ///< sorted by text
  std::unique_ptr<Node> param;
  Leaf here;  ///< for paths that end with this node's segment
  Leaf rest;  ///< {name...} after this node's segment

  std::vector<Edge>::const_iterator lower_bound(std::string_view text) const noexcept {
    return std::lower_bound(literals.begin(), literals.end(), text,
                            [](const Edge& edge, std::string_view key) { return edge.text < key; });
  }
  const Node* literal(std::string_view text) const noexcept {
    constexpr std::size_t kFew = 8;
    if (literals.size() <= kFew) {
      for (const Edge& edge : literals) {
        if (edge.text == text) return edge.node.get();
      }
      return nullptr;
    }
    const auto edge = lower_bound(text);
    return edge != literals.end() && edge->text == text ? edge->node.get() : nullptr;
  }
  Node& make_literal(const std::string& text) {
    const auto edge = lower_bound(text);
    if (edge != literals.end() && edge->text == text) return *edge->node;
    return *literals.insert(edge, Edge{text, std::make_unique<Node>()})->node;
  }
};

struct RouteTable::Search {
  RouteMatch& match;
  Method method;
};

RouteTable::RouteTable() : root_(std::make_unique<Node>()) {}
RouteTable::~RouteTable() = default;

RouteTable::Leaf& RouteTable::leaf_for(std::string_view pattern, std::vector<std::string>& names) {
  Node* node = root_.get();
  for (PatternSegment& segment : parse_pattern(pattern)) {
    if (segment.kind == SegmentKind::literal) {
      node = &node->make_literal(segment.text);
      continue;
    }
    names.push_back(std::move(segment.text));
    if (segment.kind == SegmentKind::rest) return node->rest;
    if (!node->param) node->param = std::make_unique<Node>();
    node = node->param.get();
  }
  return node->here;
}

void RouteTable::add(Method method, std::string_view pattern, Handler handler, RouteOptions options) {
  if (method == Method::other || method == Method::connect)
    throw std::invalid_argument("route \"" + std::string(pattern) + "\": this method can't be routed");
  if (std::visit([](const auto& function) { return !function; }, handler))
    throw std::invalid_argument("route \"" + std::string(pattern) + "\": the handler is empty");
  std::vector<std::string> names;
  Leaf& leaf = leaf_for(pattern, names);
  std::unique_ptr<Route>& place = leaf.routes[static_cast<std::size_t>(method)];
  if (place) {
    throw std::invalid_argument("route \"" + std::string(pattern) + "\": " + std::string(to_string(method)) +
                                " has a handler for these paths already");
  }
  place = std::make_unique<Route>(Route{std::move(handler), std::move(names), options});
  max_body_bytes_ = std::max(max_body_bytes_, options.max_body_bytes.value_or(0));
  leaf.allow = static_cast<MethodMask>(leaf.allow | mask_of(method) | mask_of(Method::options));
  if (method == Method::get) leaf.allow = static_cast<MethodMask>(leaf.allow | mask_of(Method::head));
}

bool RouteTable::accept(const Leaf& leaf, Search& search) noexcept {
  search.match.allow = static_cast<MethodMask>(search.match.allow | leaf.allow);
  const Route* route = leaf.routes[static_cast<std::size_t>(search.method)].get();
  // RFC 9110 9.3.2: HEAD is GET without the content.
  if (route == nullptr && search.method == Method::head)
    route = leaf.routes[static_cast<std::size_t>(Method::get)].get();
  search.match.route = route;
  return route != nullptr;
}

bool RouteTable::descend(const Node& node, std::string_view rest, Search& search) noexcept {
  const std::size_t slash = rest.find('/');
  const bool last = slash == std::string_view::npos;
  const std::string_view segment = rest.substr(0, slash);
  const std::string_view after = last ? std::string_view() : rest.substr(slash + 1);
  RouteMatch& match = search.match;
  if (const Node* next = node.literal(segment)) {
    if (last ? accept(next->here, search) : descend(*next, after, search)) return true;
  }
  if (node.param && !segment.empty()) {
    match.values[match.value_count++] = segment;
    if (last ? accept(node.param->here, search) : descend(*node.param, after, search)) return true;
    --match.value_count;
  }
  if (node.rest.allow != 0) {
    match.values[match.value_count] = rest;
    if (accept(node.rest, search)) {
      ++match.value_count;
      return true;
    }
  }
  return false;
}

void RouteTable::find(Method method, std::string_view path, RouteMatch& match) const noexcept {
  match.route = nullptr;
  match.allow = 0;
  match.value_count = 0;
  if (method == Method::other || !path.starts_with('/')) return;
  Search search{match, method};
  descend(*root_, path.substr(1), search);
}

std::string allow_list(MethodMask methods) {
  std::string list;
  for (std::size_t i = 0; i < kMethods; ++i) {
    const auto method = static_cast<Method>(i);
    if ((methods & mask_of(method)) == 0) continue;
    if (!list.empty()) list.append(", ");
    list.append(to_string(method));
  }
  return list;
}

}  // namespace prefork::http
