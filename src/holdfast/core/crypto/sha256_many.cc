#include "holdfast/core/crypto/sha256_many.h"

#include <algorithm>
#include <vector>

#include "holdfast/core/base/check.h"
#include "holdfast/core/crypto/sha256_kernels.h"

namespace holdfast::crypto {
namespace {

constexpr std::size_t kBlockBytes = 64;
// Lanes in use, before sixteen beat one after another; and pairs of SHA instructions where they ever do
// (docs/decisions/0006-two-streams-of-sha.md).
constexpr std::size_t kLanesWorthFrom = 4, kLanesBeatPairsFrom = 10;

/// A message on its way: what is left of it after the hasher has been brought to a block boundary.
struct Running {
  Sha256 hasher;
  ByteView rest;

  void align() {
    const std::size_t gap = std::min(hasher.bytes_to_boundary(), rest.size());
    hasher.update(rest.first(gap));
    rest = rest.subspan(gap);
  }
  std::size_t whole_blocks() const { return rest.size() / kBlockBytes; }
  Sha256Lane lane() { return {hasher.state_words(), rest.data()}; }
  void passed(std::size_t blocks) {
    hasher.count_blocks(blocks);
    rest = rest.subspan(blocks * kBlockBytes);
  }
};

void compress_pair(Running& a, Running& b) {
  const std::size_t blocks = std::min(a.whole_blocks(), b.whole_blocks());
  if (blocks == 0) return;
  compress_two_sha_ni(a.lane(), b.lane(), blocks);
  a.passed(blocks);
  b.passed(blocks);
}

/// Up to sixteen of equal length; unused lanes repeat the first and throw their state away.
void compress_group(std::span<Running> group) {
  const std::size_t blocks = group[0].whole_blocks();
  if (blocks == 0) return;
  std::array<std::uint32_t, 8> unused{};
  std::array<Sha256Lane, kAvx512Lanes> lanes;
  for (std::size_t i = 0; i < kAvx512Lanes; ++i) {
    lanes[i] = i < group.size() ? group[i].lane() : Sha256Lane{unused.data(), group[0].rest.data()};
  }
  compress_sixteen_avx512(lanes, blocks);
  for (Running& each : group) each.passed(blocks);
}

void compress_all(std::span<Running> all) {
  const CpuFeatures cpu = cpu_features();
  const bool lanes = cpu.avx512 && (!cpu.sha_ni || cpu.lanes_beat_pairs);
  while (lanes && all.size() >= (cpu.sha_ni ? kLanesBeatPairsFrom : kLanesWorthFrom)) {
    const std::size_t count = std::min(all.size(), kAvx512Lanes);
    compress_group(all.first(count));
    all = all.subspan(count);
  }
  while (cpu.sha_ni && all.size() >= 2) {
    compress_pair(all[0], all[1]);
    all = all.subspan(2);
  }
}

}  // namespace

void update_each(std::span<const Feed> feeds) {
  if (!cpu_features().sha_ni) {
    for (const Feed& feed : feeds) feed.hasher->update(feed.bytes);
    return;
  }
  std::vector<Running> all;
  all.reserve(feeds.size());
  for (const Feed& feed : feeds) {
    all.push_back({feed.hasher->running(), feed.bytes});
    all.back().align();
  }
  // Whose bytes are at their end gives its lane to the next one.
  for (std::size_t a = 0, b = 1, next = 2; b < all.size(); b = next++) {
    compress_pair(all[a], all[b]);
    if (all[a].whole_blocks() == 0) a = b;
  }
  for (std::size_t i = 0; i < all.size(); ++i) {
    feeds[i].hasher->running() = all[i].hasher;
    feeds[i].hasher->update(all[i].rest);
  }
}

void tagged_hash_many(std::string_view tag, std::span<const ByteView> values, std::span<Hash> out) {
  HF_CHECK(values.size() == out.size());
  TaggedHasher prefix(tag);
  std::vector<Running> all;
  all.reserve(values.size());
  for (ByteView value : values) {
    HF_CHECK(value.size() == values[0].size());
    all.push_back({prefix.running(), value});
    all.back().align();
  }
  compress_all(all);
  for (std::size_t i = 0; i < all.size(); ++i) {
    all[i].hasher.update(all[i].rest);
    out[i] = all[i].hasher.finish_double();
  }
}

}  // namespace holdfast::crypto
