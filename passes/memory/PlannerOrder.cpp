//===- PlannerOrder.cpp - The order of steps with the least live bytes ----===//
//
// Part of adze, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// What is live after a set of steps does not depend on their order, so the
/// sets are the nodes of a graph in which the best order is the path with the
/// smallest maximum (Ahn et al., "Ordering chaos: memory-aware scheduling of
/// irregularly wired neural networks for edge devices", 2020). The search goes
/// best first; where the sets are too many a beam of them goes on.
///
//===----------------------------------------------------------------------===//

#include "PlannerModel.h"

#include <map>
#include <numeric>
#include <optional>
#include <queue>
#include <set>
#include <tuple>

using namespace adze::memory;

/// States that a beam search keeps at each length.
static constexpr size_t kBeamWidth = 24;

namespace {

using StepSet = std::vector<bool>;

/// Some steps are done.
struct State {
  StepSet done;
  std::vector<int> ready; ///< steps that can run now, ascending
  int64_t live = 0;       ///< bytes between the steps
  int64_t peak = 0;       ///< bytes in the worst step so far
  int parent = -1;        ///< index of the state before
  std::vector<int> ran;   ///< the steps between the parent and this state
};

/// The graph with its edges in both directions.
class Steps {
public:
  explicit Steps(const StepGraph &graph);

  int count() const { return static_cast<int>(graph.steps.size()); }
  State start() const;
  /// The bytes in `step`, and those left after it, when it runs in `state`.
  std::pair<int64_t, int64_t> cost(const State &state, int step) const;
  /// Runs `step`, and after it all steps that can never do harm.
  State advance(const State &state, int step) const;
  void run(State &state, int step) const;
  /// No order has a lower peak: the bytes of the largest step by itself.
  int64_t bound() const;

private:
  bool diesWith(const State &state, int value, int step) const;
  template <typename Predicate>
  int64_t savedBytes(int step, Predicate dies) const;
  /// Whether a part of a whole is made before `step`.
  bool isBegun(const State &state, int whole) const;
  bool endsWith(const State &state, int whole, int step) const;

  const StepGraph &graph;
  std::vector<std::vector<int>> users;  ///< steps, by value
  std::vector<std::vector<int>> uses;   ///< values without repetition, by step
  std::vector<std::vector<int>> made;   ///< values, by step
  std::vector<std::vector<int>> before; ///< steps, by step
  std::vector<std::vector<int>> followers; ///< steps, by step
  std::vector<std::vector<int>> parts;     ///< values, by whole
};

} // namespace

static void sortUnique(std::vector<int> &list) {
  std::sort(list.begin(), list.end());
  list.erase(std::unique(list.begin(), list.end()), list.end());
}

Steps::Steps(const StepGraph &graph)
    : graph(graph), users(graph.values.size()), uses(graph.steps.size()),
      made(graph.steps.size()), before(graph.steps.size()),
      followers(graph.steps.size()), parts(graph.wholes.size()) {
  for (size_t v = 0; v < graph.values.size(); ++v) {
    if (graph.values[v].producer >= 0)
      made[graph.values[v].producer].push_back(static_cast<int>(v));
    if (graph.values[v].whole >= 0)
      parts[graph.values[v].whole].push_back(static_cast<int>(v));
  }
  for (int s = 0; s < count(); ++s) {
    uses[s] = graph.steps[s].uses;
    sortUnique(uses[s]);
    before[s] = graph.steps[s].after;
    for (int v : uses[s]) {
      users[v].push_back(s);
      if (graph.values[v].producer >= 0)
        before[s].push_back(graph.values[v].producer);
    }
    sortUnique(before[s]);
    for (int p : before[s])
      followers[p].push_back(s);
  }
}

State Steps::start() const {
  State state;
  state.done.assign(count(), false);
  for (int s = 0; s < count(); ++s)
    if (before[s].empty())
      state.ready.push_back(s);
  for (size_t v = 0; v < graph.values.size(); ++v)
    if (graph.values[v].producer < 0 &&
        (graph.values[v].kept || !users[v].empty()))
      state.live += graph.values[v].size;
  state.peak = state.live;
  return state;
}

bool Steps::diesWith(const State &state, int value, int step) const {
  return !graph.values[value].kept &&
         std::all_of(users[value].begin(), users[value].end(), [&](int user) {
           return user == step || state.done[user];
         });
}

bool Steps::isBegun(const State &state, int whole) const {
  return std::any_of(parts[whole].begin(), parts[whole].end(), [&](int v) {
    return state.done[graph.values[v].producer];
  });
}

/// Whether nothing needs a whole after `step`: all parts are made and dead.
bool Steps::endsWith(const State &state, int whole, int step) const {
  return std::all_of(parts[whole].begin(), parts[whole].end(), [&](int v) {
    int producer = graph.values[v].producer;
    return (producer == step || state.done[producer]) &&
           diesWith(state, v, step);
  });
}

/// What the outputs of a step save by lying over those of its inputs for which
/// `dies` holds.
template <typename Predicate>
int64_t Steps::savedBytes(int step, Predicate dies) const {
  int64_t most = 0, saved = 0;
  for (int v : made[step])
    most += graph.values[v].size;
  const auto &savings = graph.steps[step].savings;
  for (size_t i = 0; i < savings.size(); ++i) {
    int64_t bytes = 0;
    bool isFirst = true;
    for (size_t k = 0; k < savings.size(); ++k)
      if (savings[k].first == savings[i].first) {
        isFirst &= k >= i;
        bytes = std::max(bytes, savings[k].second);
      }
    if (isFirst && dies(savings[i].first))
      saved += bytes;
  }
  return std::min(saved, most);
}

std::pair<int64_t, int64_t> Steps::cost(const State &state, int step) const {
  int64_t within = state.live + graph.steps[step].scratch, after = state.live;
  std::vector<int> touched; // wholes
  for (int v : made[step]) {
    if (int whole = graph.values[v].whole; whole >= 0) {
      if (!isBegun(state, whole) &&
          std::find(touched.begin(), touched.end(), whole) == touched.end()) {
        within += graph.wholes[whole];
        after += graph.wholes[whole];
      }
      touched.push_back(whole);
      continue;
    }
    within += graph.values[v].size;
    if (graph.values[v].kept || !users[v].empty())
      after += graph.values[v].size;
  }
  for (int v : uses[step])
    if (int whole = graph.values[v].whole; whole >= 0)
      touched.push_back(whole);
    else if (diesWith(state, v, step))
      after -= graph.values[v].size;
  sortUnique(touched);
  for (int whole : touched)
    if (endsWith(state, whole, step))
      after -= graph.wholes[whole];
  int64_t saved =
      savedBytes(step, [&](int value) { return diesWith(state, value, step); });
  return {within - saved, after};
}

void Steps::run(State &state, int step) const {
  auto [within, after] = cost(state, step);
  state.peak = std::max(state.peak, within);
  state.live = after;
  state.done[step] = true;
  state.ran.push_back(step);
  std::erase(state.ready, step);
  for (int next : followers[step])
    if (std::all_of(before[next].begin(), before[next].end(),
                    [&](int p) { return state.done[p]; }))
      state.ready.insert(
          std::lower_bound(state.ready.begin(), state.ready.end(), next), next);
}

State Steps::advance(const State &state, int step) const {
  State next = state;
  next.ran.clear();
  run(next, step);
  // A step that fits under the peak and leaves no more live than before can be
  // moved to the front of every continuation without raising any step of it.
  for (bool changed = true; changed;) {
    changed = false;
    for (int candidate : next.ready) {
      auto [within, after] = cost(next, candidate);
      if (within > next.peak || after > next.live)
        continue;
      run(next, candidate);
      changed = true;
      break;
    }
  }
  return next;
}

int64_t Steps::bound() const {
  int64_t bound = 0;
  for (int s = 0; s < count(); ++s) {
    int64_t bytes = graph.steps[s].scratch;
    std::vector<int> wholes;
    for (const std::vector<int> *values : {&uses[s], &made[s]})
      for (int v : *values)
        if (graph.values[v].whole >= 0)
          wholes.push_back(graph.values[v].whole);
        else
          bytes += graph.values[v].size;
    sortUnique(wholes);
    for (int whole : wholes)
      bytes += graph.wholes[whole];
    int64_t saved = savedBytes(s, [](int) { return true; });
    bound = std::max(bound, bytes - saved);
  }
  return std::max(bound, start().live);
}

int64_t adze::memory::livePeak(const StepGraph &graph,
                               const std::vector<int> &order) {
  Steps steps(graph);
  State state = steps.start();
  for (int step : order)
    steps.run(state, step);
  return state.peak;
}

static std::vector<int> traceBack(const std::vector<State> &states, int last) {
  std::vector<std::vector<int>> pieces;
  for (int i = last; i >= 0; i = states[i].parent)
    pieces.push_back(states[i].ran);
  std::vector<int> order;
  for (size_t i = pieces.size(); i-- > 0;)
    order.insert(order.end(), pieces[i].begin(), pieces[i].end());
  return order;
}

namespace {
enum class SearchEnd { Found, NoBetter, TooManyStates };
}

/// Best-first search for an order with a peak below that of `best`.
static SearchEnd searchSets(const Steps &steps, int64_t limit,
                            StepOrder &best) {
  std::vector<State> states{steps.start()};
  std::map<StepSet, int64_t> leastPeak;
  // The lowest peak first, among equals the state with the most steps done.
  using Entry = std::tuple<int64_t, int64_t, int>;
  std::priority_queue<Entry, std::vector<Entry>, std::greater<>> queue;
  std::vector<int64_t> length{0};
  queue.push({states[0].peak, 0, 0});
  while (!queue.empty()) {
    int index = std::get<2>(queue.top());
    queue.pop();
    if (states[index].ready.empty()) {
      best.steps = traceBack(states, index);
      best.peak = states[index].peak;
      return SearchEnd::Found;
    }
    auto known = leastPeak.find(states[index].done);
    if (known != leastPeak.end() && known->second < states[index].peak)
      continue;
    for (size_t i = 0; i < states[index].ready.size(); ++i) {
      int step = states[index].ready[i];
      if (steps.cost(states[index], step).first >= best.peak)
        continue;
      State next = steps.advance(states[index], step);
      auto [it, isNew] = leastPeak.try_emplace(next.done, next.peak);
      if (!isNew && it->second <= next.peak)
        continue;
      it->second = next.peak;
      next.parent = index;
      if (static_cast<int64_t>(states.size()) >= limit)
        return SearchEnd::TooManyStates;
      length.push_back(length[index] + static_cast<int64_t>(next.ran.size()));
      queue.push({next.peak, -length.back(), static_cast<int>(states.size())});
      states.push_back(std::move(next));
    }
  }
  return SearchEnd::NoBetter;
}

/// Keeps the best sets of each size; improves `best` if the end is better.
static void searchBeam(const Steps &steps, StepOrder &best) {
  std::vector<State> states{steps.start()};
  // Sets wait at the number of steps they have done, best first.
  std::map<size_t, std::set<std::tuple<int64_t, int64_t, int>>> levels;
  std::map<StepSet, int64_t> leastPeak;
  levels[0].insert({states[0].peak, states[0].live, 0});
  std::vector<size_t> length{0};
  while (!levels.empty()) {
    auto level = levels.extract(levels.begin());
    size_t taken = 0;
    for (auto [peak, live, index] : level.mapped()) {
      if (taken++ == kBeamWidth)
        break;
      if (states[index].ready.empty()) {
        if (peak < best.peak) {
          best.peak = peak;
          best.steps = traceBack(states, index);
        }
        break;
      }
      for (size_t i = 0; i < states[index].ready.size(); ++i) {
        int step = states[index].ready[i];
        if (steps.cost(states[index], step).first >= best.peak)
          continue;
        State next = steps.advance(states[index], step);
        auto [it, isNew] = leastPeak.try_emplace(next.done, next.peak);
        if (!isNew && it->second <= next.peak)
          continue;
        it->second = next.peak;
        next.parent = index;
        size_t done = length[index] + next.ran.size();
        length.push_back(done);
        auto &waiting = levels[done];
        waiting.insert({next.peak, next.live, static_cast<int>(states.size())});
        if (waiting.size() > kBeamWidth)
          waiting.erase(std::prev(waiting.end()));
        states.push_back(std::move(next));
      }
    }
    // What was finished or dropped keeps only what the trace needs.
    for (auto [peak, live, index] : level.mapped()) {
      states[index].done = {};
      states[index].ready = {};
    }
  }
}

StepOrder adze::memory::orderSteps(const StepGraph &graph, int64_t limit) {
  Steps steps(graph);
  StepOrder best;
  best.steps.resize(graph.steps.size());
  std::iota(best.steps.begin(), best.steps.end(), 0);
  best.peak = livePeak(graph, best.steps);
  int64_t bound = steps.bound();
  if (best.peak > bound) {
    if (searchSets(steps, limit, best) != SearchEnd::TooManyStates) {
      best.optimal = true;
      return best;
    }
    searchBeam(steps, best);
  }
  best.optimal = best.peak == bound;
  return best;
}

int64_t adze::memory::orderBound(const StepGraph &graph, int64_t limit) {
  Steps steps(graph);
  StepOrder best;
  best.steps.resize(graph.steps.size());
  std::iota(best.steps.begin(), best.steps.end(), 0);
  best.peak = livePeak(graph, best.steps);
  int64_t bound = steps.bound();
  if (best.peak == bound ||
      searchSets(steps, limit, best) != SearchEnd::TooManyStates)
    return best.peak;
  return bound;
}
