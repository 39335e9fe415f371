#include "holdfast/node/transfer/helper_rules.h"

#include <algorithm>
#include <array>
#include <numeric>
#include <tuple>

#include "holdfast/core/immutable/uri_extension.h"

namespace holdfast::transfer {
namespace {

using Kind = protocol::HelperState::Kind;

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

bool moved_on(const protocol::HelperState& before, const protocol::HelperState& now) {
  const auto told = [](const protocol::HelperState& state) {
    return std::tie(state.kind, state.offset, state.done_bytes, state.busy);
  };
  return told(before) != told(now);
}

}  // namespace holdfast::transfer
