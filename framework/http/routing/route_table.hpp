#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <prefork/http/router.hpp>

#include "framework/http/message/request_state.hpp"

namespace prefork::http {

using MethodMask = std::uint16_t;

constexpr MethodMask mask_of(Method method) noexcept {
  return static_cast<MethodMask>(1U << static_cast<unsigned>(method));
}

/// "GET, HEAD, OPTIONS": the value of Allow for these methods (RFC 9110 10.2.1).
std::string allow_list(MethodMask methods);

struct Route {
  Handler handler;
  std::vector<std::string> names;
  RouteOptions options;
};

struct RouteMatch {
  const Route* route = nullptr;  ///< nullptr: no route takes the method
  MethodMask allow = 0;          ///< methods of the routes with that path; 0: no route has it
  std::array<std::string_view, kMaxParams> values;
  std::size_t value_count = 0;
};

/// The routes of one service as a tree of path segments. Lookup does not allocate; the depth of the search depends on
/// the patterns, not on the client's path.
class RouteTable {
 public:
  RouteTable();
  ~RouteTable();
  RouteTable(const RouteTable&) = delete;
  RouteTable& operator=(const RouteTable&) = delete;

  /// The table that the router's routes were added to.
  static const RouteTable& of(const Router& router) noexcept { return *router.table_; }

  /// See Router for the rules. @throws std::invalid_argument.
  void add(Method method, std::string_view pattern, Handler handler, RouteOptions options = {});

  /// The greatest of the routes' own limits.
  std::uint64_t max_body_bytes() const noexcept { return max_body_bytes_; }

  /// `path` must begin with '/'. The values of `match` point into it.
  void find(Method method, std::string_view path, RouteMatch& match) const noexcept;

 private:
  struct Leaf;
  struct Node;
  struct Search;

  static bool accept(const Leaf& leaf, Search& search) noexcept;
  static bool descend(const Node& node, std::string_view rest, Search& search) noexcept;
  Leaf& leaf_for(std::string_view pattern, std::vector<std::string>& names);

  std::unique_ptr<Node> root_;
  std::uint64_t max_body_bytes_ = 0;
};

}  // namespace prefork::http
