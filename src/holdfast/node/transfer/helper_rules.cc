#include "holdfast/node/transfer/helper_rules.h"

#include <algorithm>
#include <array>
#include <numeric>
#include <tuple>

#include "holdfast/core/immutable/uri_extension.h"

namespace holdfast::transfer {
namespace {

using Kind = protocol::HelperState::Kind;

// A helper that is started again is back after a second; a machine, after a minute or two.
constexpr io::Duration kWaitLeast = std::chrono::seconds(3), kWaitMost = std::chrono::minutes(2);
constexpr unsigned kRefusalsLeast = 3;
constexpr unsigned kBegunAnewMax = 3;               // one loses what it held; not again and again
constexpr double kUsualBytesPerSecond = 1'048'576;  // of a line that one has a helper for

constexpr std::array<std::string_view, 2> kPlaintextKeys{"plaintext_hash", "plaintext_root_hash"};

/// The higher the nearer to the end: what of the file need not be sent.
std::pair<int, std::uint64_t> rank(const std::optional<protocol::HelperState>& state) {
  if (!state) return {-1, 0};
  switch (state->kind) {
    case Kind::done:
    case Kind::present:
      return {4, 0};
    case Kind::pushing:
    case Kind::encoding:
    case Kind::repairing:
      return {3, 0};
    case Kind::receiving:
      return {2, state->offset};
    case Kind::failed:
      return {1, 0};
  }
  return {-1, 0};
}

}  // namespace

UebMatch compare_ueb(ByteView own, ByteView theirs, unsigned k) {
  if (equal(own, theirs)) return UebMatch::same;
  const auto mine = immutable::parse_uri_extension(own, k);
  const auto other = immutable::parse_uri_extension(theirs, k);
  if (!mine || !other) return UebMatch::foreign;
  for (const auto& [key, value] : mine->fields) {
    const auto it = other->fields.find(key);
    if (it == other->fields.end() || it->second != value) return UebMatch::foreign;
  }
  for (const auto& [key, value] : other->fields) {
    if (mine->fields.contains(key)) continue;
    if (std::ranges::find(kPlaintextKeys, key) == kPlaintextKeys.end()) return UebMatch::foreign;
  }
  // The same fields in another form would be another hash, so another cap, for no reason.
  return other->fields.size() > mine->fields.size() ? UebMatch::old_uploader : UebMatch::foreign;
}

std::vector<std::size_t> preferred_order(const std::vector<std::optional<protocol::HelperState>>& states) {
  std::vector<std::size_t> out(states.size());
  std::iota(out.begin(), out.end(), std::size_t{0});
  std::ranges::stable_sort(out, [&](std::size_t a, std::size_t b) { return rank(states[a]) > rank(states[b]); });
  return out;
}

std::vector<std::uint64_t> wrong_pieces(std::uint64_t first, const std::vector<Hash>& theirs,
                                        const std::vector<Hash>& own) {
  std::vector<std::uint64_t> out;
  for (std::size_t i = 0; i < std::min(theirs.size(), own.size()); ++i) {
    if (theirs[i] != own[i]) out.push_back(first + i);
  }
  return out;
}

HelperMovement::Step HelperMovement::note(const protocol::HelperState& now) {
  const bool receives = now.kind == Kind::receiving;
  const bool anew = receives && last_ && last_ != Kind::receiving;  // then everything is still to be done
  if (anew && ++begun_anew_ <= kBegunAnewMax) furthest_.clear();
  last_ = now.kind;
  const std::uint64_t here = receives ? now.offset : std::min(now.done_bytes, now.total_bytes);
  const auto [known, first] = furthest_.try_emplace(now.kind, here);
  const bool further = here > known->second;
  known->second = std::max(known->second, here);
  if (first) return Step::new_phase;
  return further ? Step::further : Step::none;
}

/// Nobody knows whether it comes back. Going around costs that what it holds was sent for nothing: so much time may be lost
/// either way. A quarter of it is staked on the waiting; then one that is gone for good makes the upload longer by no more
/// than that, and one that is back in time saves the whole.
io::Duration worth_waiting(const HelperTrouble& trouble) {
  const double rate = trouble.bytes_per_second > 0 ? trouble.bytes_per_second : kUsualBytesPerSecond;
  const std::chrono::duration<double> most = kWaitMost, stake(static_cast<double>(trouble.held) / rate / 4);
  return std::max(kWaitLeast, std::chrono::duration_cast<io::Duration>(std::min(stake, most)));
}

/// A refusal comes at once, so that it takes some of them to mean anything; a silence has waited already.
bool waited_enough(const HelperTrouble& trouble) {
  const bool tried = trouble.silent || trouble.failures >= kRefusalsLeast;
  return tried && trouble.lasts >= worth_waiting(trouble);
}

}  // namespace holdfast::transfer
