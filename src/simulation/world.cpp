#include "simulation/world.h"

#include <algorithm>

namespace cupola::simulation {
namespace {

/// A hundred times those of the longest worlds: whoever needs more goes round in circles.
constexpr std::uint64_t most_steps = 2'000'000;

}  // namespace

std::chrono::steady_clock::time_point World::steady_now() const {
  return std::chrono::steady_clock::time_point(now_.time_since_epoch());
}

void World::at(Span from_now, Event event) {
  events_.push({now_ + std::max(from_now, 0ms), planned_++, std::move(event)});
}

World::Span World::longest_pass() const {
  return horizons_.empty() ? Span(24h * 365) : std::max<Span>(horizons_.back() - now_, 0ms);
}

void World::pass(Span span) {
  struct Horizon {
    Horizon(std::vector<Instant>& all, Instant until) : horizons(all) { all.push_back(until); }
    ~Horizon() { horizons.pop_back(); }
    std::vector<Instant>& horizons;
  } horizon(horizons_, now_ + std::min(span, longest_pass()));
  while (!events_.empty() && events_.top().time <= horizons_.back()) {
    Planned next = events_.top();
    events_.pop();
    now_ = std::max(now_, next.time);
    if (++steps_ > most_steps) broken("it never comes to rest: {} steps", steps_);
    next.event();
    check();
  }
  now_ = std::max(now_, horizons_.back());
}

void World::leap(Span span) {
  now_ += span;
  for (Instant& horizon : horizons_) horizon += span;
}

const std::string& World::name_of(std::string_view id, std::string_view kind) {
  const auto found = names_.find(id);
  if (found != names_.end()) return found->second;
  const int number = ++named_[std::string(kind)];
  return names_.emplace(id, fmt::format("{}{}", kind, number)).first->second;
}

void World::record(std::string text) {
  text = to_rfc3339(now_) + "  " + text;
  for (const char c : text) hash_ = (hash_ ^ static_cast<unsigned char>(c)) * 1099511628211ull;
  notes_.push_back(std::move(text));
  if (notes_.size() > notes_kept_) notes_.pop_front();
}

}  // namespace cupola::simulation
