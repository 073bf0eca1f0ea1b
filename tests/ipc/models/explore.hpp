#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <string_view>
#include <type_traits>
#include <vector>

/// Visits every state that a small model of processes can reach, and looks for states from which the work can no longer
/// be finished. Memory order is sequentially consistent.
namespace prefork::models {

/// The states in the order in which they were found.
template <class State>
class States {
  static_assert(std::is_trivially_copyable_v<State> && std::has_unique_object_representations_v<State>);

 public:
  States() : table_(1 << 16, kNone) {}

  const State& operator[](std::size_t index) const { return states_[index]; }
  std::size_t size() const { return states_.size(); }

  /// @return the state's index, and whether it is new
  std::pair<std::uint32_t, bool> insert(const State& state) {
    if (states_.size() * 2 > table_.size()) grow();
    std::size_t at = hash(state) & (table_.size() - 1);
    for (; table_[at] != kNone; at = (at + 1) & (table_.size() - 1)) {
      if (std::memcmp(&states_[table_[at]], &state, sizeof state) == 0) return {table_[at], false};
    }
    table_[at] = static_cast<std::uint32_t>(states_.size());
    states_.push_back(state);
    return {table_[at], true};
  }

 private:
  static constexpr std::uint32_t kNone = UINT32_MAX;

  static std::size_t hash(const State& state) {
    return std::hash<std::string_view>()({reinterpret_cast<const char*>(&state), sizeof state});
  }
  void grow() {
    table_.assign(table_.size() * 2, kNone);
    for (std::uint32_t i = 0; i < states_.size(); ++i) {
      std::size_t at = hash(states_[i]) & (table_.size() - 1);
      while (table_[at] != kNone) at = (at + 1) & (table_.size() - 1);
      table_[at] = i;
    }
  }

  std::vector<State> states_;
  std::vector<std::uint32_t> table_;
};

struct Verdict {
  std::size_t states = 0;
  std::size_t goals = 0;
  std::size_t stuck = 0;           ///< states from which no goal can be reached
  const char* violated = nullptr;  ///< a rule that a state breaks
};

/// A Model has `State initial()`, `void steps(const State&, std::vector<State>& out)` (every state one step away),
/// `void mishaps(const State&, std::vector<State>& out)` (the same for events that may happen but must not be relied
/// on: a kill, which would wake everyone, or a sleeper that gives up), `bool done(const State&)` (the work is finished)
/// and `const char* broken(const State&)` (the broken rule; nullptr: none). `show(const State&)` prints a state for
/// people.
template <class Model>
Verdict explore(const Model& model) {
  using State = decltype(model.initial());
  States<State> states;
  std::vector<std::pair<std::uint32_t, std::uint32_t>> edges;  // to, from
  std::vector<State> next;
  Verdict verdict;
  states.insert(model.initial());
  for (std::uint32_t at = 0; at < states.size(); ++at) {
    const State state = states[at];
    if (const char* rule = model.broken(state); rule != nullptr && verdict.violated == nullptr) {
      verdict.violated = rule;
      model.show(state);
    }
    next.clear();
    model.steps(state, next);
    for (const State& successor : next) edges.emplace_back(states.insert(successor).first, at);
    next.clear();
    model.mishaps(state, next);
    for (const State& successor : next) states.insert(successor);
  }
  // Backwards from the finished states.
  std::vector<std::uint32_t> first(states.size() + 1, 0), from(edges.size());
  for (const auto& [to, source] : edges) ++first[to + 1];
  for (std::size_t i = 0; i < states.size(); ++i) first[i + 1] += first[i];
  std::vector<std::uint32_t> place(first.begin(), first.end() - 1);
  for (const auto& [to, source] : edges) from[place[to]++] = source;
  std::vector<bool> good(states.size(), false);
  std::vector<std::uint32_t> todo;
  for (std::uint32_t i = 0; i < states.size(); ++i) {
    if (model.done(states[i])) {
      good[i] = true;
      todo.push_back(i);
    }
  }
  verdict.goals = todo.size();
  while (!todo.empty()) {
    const std::uint32_t at = todo.back();
    todo.pop_back();
    for (std::uint32_t i = first[at]; i < first[at + 1]; ++i) {
      if (good[from[i]]) continue;
      good[from[i]] = true;
      todo.push_back(from[i]);
    }
  }
  verdict.states = states.size();
  for (std::uint32_t i = 0; i < states.size(); ++i) {
    if (good[i]) continue;
    if (verdict.stuck++ == 0) model.show(states[i]);
  }
  return verdict;
}

/// Prints one line. @return whether the verdict is as expected: a broken variant must be caught
inline bool report(const char* what, const Verdict& verdict, bool should_hold) {
  const bool holds = verdict.stuck == 0 && verdict.violated == nullptr && verdict.goals > 0;
  std::printf("%-58s %9zu states, %8zu finished, %6zu stuck, rule broken: %s: %s\n", what, verdict.states,
              verdict.goals, verdict.stuck, verdict.violated == nullptr ? "none" : verdict.violated,
              holds == should_hold ? "as it should be" : "WRONG");
  std::fflush(stdout);
  return holds == should_hold;
}

}  // namespace prefork::models
