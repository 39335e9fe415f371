// The Random port for tests that want every outcome, not a sample: each round makes other choices until none are left.
#pragma once

#include <vector>

#include "holdfast/core/base/check.h"
#include "support/seeded_random.h"

namespace holdfast::test {

/// do { round } while (choices.next()): as long as a round asks the same questions after the same answers.
/// When there are more than `rounds_max` outcomes, the rounds after that draw lots.
class EveryChoice final : public Random {
 public:
  explicit EveryChoice(std::uint64_t rounds_max) : rounds_max_(rounds_max) {}

  void fill(MutableByteView out) override { lots_.fill(out); }
  std::uint64_t below(std::uint64_t bound) override {
    if (sampling_) return lots_.below(bound);
    if (at_ == choices_.size()) choices_.push_back({0, bound});
    HF_CHECK(choices_[at_].bound == bound);
    return choices_[at_++].chosen;
  }

  bool next() {
    if (++rounds_ >= rounds_max_) {
      // As many again by lot: the choices made first have hardly moved until now.
      sampling_ = true;
      return rounds_ < 2 * rounds_max_;
    }
    at_ = 0;
    while (!choices_.empty() && choices_.back().chosen + 1 == choices_.back().bound) choices_.pop_back();
    if (choices_.empty()) return false;
    ++choices_.back().chosen;
    return true;
  }
  std::uint64_t rounds() const { return rounds_; }
  /// All of them were tried.
  bool exhausted() const { return !sampling_; }

 private:
  struct Choice {
    std::uint64_t chosen, bound;
  };
  const std::uint64_t rounds_max_;
  std::uint64_t rounds_ = 0;
  std::vector<Choice> choices_;
  std::size_t at_ = 0;
  bool sampling_ = false;
  SeededRandom lots_{1};
};

}  // namespace holdfast::test
