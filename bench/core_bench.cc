// How near encoding and decoding come to what the machine allows: CPU time of one thread beside the time that one stream
// of SHA-256 (OpenSSL), AES-CTR and ISA-L alone take for the same byte counts, alternating in one run. Prints JSON.
#include <algorithm>
#include <boost/json.hpp>
#include <cstdio>
#include <ctime>
#include <functional>
#include <vector>

#include "holdfast/core/base/allocator.h"
#include "holdfast/core/base/check.h"
#include "holdfast/core/cap/derive.h"
#include "holdfast/core/crypto/aes_ctr.h"
#include "holdfast/core/crypto/sha256.h"
#include "holdfast/core/crypto/sha256_kernels.h"
#include "holdfast/core/crypto/system_random.h"
#include "holdfast/core/crypto/tagged_hash.h"
#include "holdfast/core/crypto/tags.h"
#include "holdfast/core/immutable/encoder.h"
#include "holdfast/core/immutable/share_reader.h"

namespace {

using namespace holdfast;

constexpr unsigned kNeeded = 3, kTotal = 10;
constexpr std::uint64_t kFileBytes = 64 * 1'048'576;
constexpr int kRounds = 7;

double cpu_seconds() {
  timespec now{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

double timed(const std::function<void()>& work) {
  const double start = cpu_seconds();
  work();
  return cpu_seconds() - start;
}

/// Two works in turn, so that a noisy machine is noisy for both; medians.
struct Pair {
  double ours, limit;
};
Pair alternate(const std::function<void()>& ours, const std::function<void()>& limit) {
  std::vector<double> a, b;
  for (int i = 0; i < kRounds; ++i) {
    a.push_back(timed(ours));
    b.push_back(timed(limit));
  }
  std::ranges::nth_element(a, a.begin() + kRounds / 2);
  std::ranges::nth_element(b, b.begin() + kRounds / 2);
  return {a[kRounds / 2], b[kRounds / 2]};
}

immutable::Geometry geometry() {
  return immutable::Geometry::create(immutable::make_params(kNeeded, kTotal, kFileBytes, 1'048'576).value()).value();
}

/// The primitives on buffers of the sizes that occur: each byte counted once per time that it is hashed.
class Primitives {
 public:
  explicit Primitives(const immutable::Geometry& of)
      : geometry_(of),
        segment_(of.segment_size()),
        blocks_(kTotal, Bytes(of.block_size())),
        codec_(erasure::Codec::create(kNeeded, kTotal).value()) {}

  void hash_segments(int times) {
    for (std::uint64_t i = 0; i < geometry_.num_segments() * static_cast<std::uint64_t>(times); ++i)
      crypto::sha256(segment_);
  }
  void hash_blocks(unsigned shares) {
    for (std::uint64_t i = 0; i < geometry_.num_segments(); ++i) {
      for (unsigned share = 0; share < shares; ++share) crypto::sha256(blocks_[share]);
    }
  }
  void encrypt() {
    crypto::AesCtr cipher(cap::Key{}.view(), 0);
    for (std::uint64_t i = 0; i < geometry_.num_segments(); ++i) cipher.apply(segment_, segment_);
  }
  void code(const erasure::CodePlan& plan) {
    std::vector<const std::uint8_t*> in;
    std::vector<std::uint8_t*> out;
    for (std::size_t i = 0; i < plan.given().size(); ++i) in.push_back(blocks_[i].data());
    for (std::size_t i = 0; i < plan.wanted().size(); ++i) out.push_back(blocks_[kNeeded + i].data());
    for (std::uint64_t i = 0; i < geometry_.num_segments(); ++i) plan.run(in, out, geometry_.block_size());
  }
  const erasure::Codec& codec() const { return codec_; }

 private:
  immutable::Geometry geometry_;
  Bytes segment_;
  std::vector<Bytes> blocks_;
  erasure::Codec codec_;
};

boost::json::object row(const char* name, Pair seconds) {
  const double mib = static_cast<double>(kFileBytes) / 1'048'576;
  return {{"name", name},
          {"mib_per_cpu_second", mib / seconds.ours},
          {"limit_mib_per_cpu_second", mib / seconds.limit},
          {"of_limit", seconds.limit / seconds.ours}};
}

}  // namespace

int main() {
  keep_freed_memory();
  const immutable::Geometry of = geometry();
  Primitives primitives(of);
  Bytes plaintext(kFileBytes);
  crypto::SystemRandom().fill(plaintext);
  const cap::Key key = cap::Key::from(ByteView(plaintext).first(cap::Key::kSize));
  const auto cut = [&](SegmentNumber i) {
    return ByteView(plaintext).subspan(i * of.segment_size(), of.segment_bytes(i));
  };
  const immutable::SegmentEncoder segment_encoder(of, &key);
  const immutable::NodeStoreFactory in_memory = [](std::uint64_t) {
    return std::make_unique<hashtree::MemoryNodeStore>();
  };
  std::vector<immutable::EncodedSegment> kept;

  const auto key_pass = [&] {
    cap::ConvergentKeyHasher hasher(kNeeded, kTotal, of.segment_size(), Secret());
    for (SegmentNumber i = 0; i < of.num_segments(); ++i) hasher.update(cut(i));
    hasher.finish();
  };
  const auto encode = [&] {
    immutable::Encoder encoder(of, immutable::ShareLayout(of), in_memory);
    for (SegmentNumber i = 0; i < of.num_segments(); ++i) {
      const auto absorbed = encoder.absorb(segment_encoder.encode(i, to_buffer(cut(i))));
      HF_CHECK(absorbed.has_value());
    }
    const auto finished = encoder.finish();
    HF_CHECK(finished.has_value());
  };
  for (SegmentNumber i = 0; i < of.num_segments(); ++i) kept.push_back(segment_encoder.encode(i, to_buffer(cut(i))));
  const std::vector<ShareNumber> shares = {0, 4, 9};
  const immutable::SegmentDecoder decoder(of, &key);
  // As a download has them: the blocks of a run of segments from each of k shares.
  constexpr SegmentNumber kRun = 7;
  std::vector<std::vector<Bytes>> runs(kNeeded);
  for (std::size_t i = 0; i < kNeeded; ++i) {
    for (SegmentNumber first = 0; first < kept.size(); first += kRun) {
      Bytes& run = runs[i].emplace_back();
      for (SegmentNumber s = first; s < std::min<SegmentNumber>(first + kRun, kept.size()); ++s)
        append(run, kept[s].block(shares[i]));
    }
  }
  std::vector<Hash> expected;
  for (const immutable::EncodedSegment& segment : kept) expected.push_back(segment.segment_hash());
  const auto decode = [&] {
    for (std::size_t r = 0; r < runs[0].size(); ++r) {
      const SegmentNumber first = r * kRun, end = std::min<SegmentNumber>(first + kRun, kept.size());
      std::vector<ByteView> blocks;
      for (std::size_t i = 0; i < kNeeded; ++i) {
        blocks.push_back(runs[i][r]);
        const std::vector<Hash> found = immutable::SegmentDecoder::block_hashes(of, first, end, blocks[i]);
        for (SegmentNumber s = first; s < end; ++s) HF_CHECK(found[s - first] == kept[s].block_hashes()[shares[i]]);
      }
      const auto bytes = decoder.decode_run(first, shares, blocks,
                                            std::vector<Hash>(expected.begin() + static_cast<std::ptrdiff_t>(first),
                                                              expected.begin() + static_cast<std::ptrdiff_t>(end)));
      HF_CHECK(bytes.has_value());
    }
  };
  std::vector<ShareNumber> checks;
  for (ShareNumber i = kNeeded; i < kTotal; ++i) checks.push_back(i);
  const erasure::CodePlan encode_plan = primitives.codec().plan_encode(checks).value();
  const erasure::CodePlan decode_plan = primitives.codec().plan_decode(shares).value();
  const auto encode_limit = [&] {
    primitives.hash_segments(2);  // the segment's own hash, and the flat one
    primitives.hash_blocks(kTotal);
    primitives.encrypt();
    primitives.code(encode_plan);
  };
  const auto decode_limit = [&] {
    primitives.hash_blocks(kNeeded);
    primitives.hash_segments(1);
    primitives.encrypt();
    primitives.code(decode_plan);
  };
  boost::json::array rows;
  const double one_stream = static_cast<double>(kFileBytes) / 1e6 / timed([&] { primitives.hash_segments(1); });
  rows.push_back(row("convergent key", alternate(key_pass, [&] { primitives.hash_segments(1); })));
  rows.push_back(row("encode 3-of-10", alternate(encode, encode_limit)));
  rows.push_back(row("decode 3-of-10", alternate(decode, decode_limit)));
  crypto::limit_cpu_features({false, true});
  if (crypto::cpu_features().avx512) {
    rows.push_back(row("encode, AVX-512, no SHA-NI", alternate(encode, encode_limit)));
    rows.push_back(row("decode, AVX-512, no SHA-NI", alternate(decode, decode_limit)));
  }
  crypto::limit_cpu_features({false, false});
  rows.push_back(row("encode, plain", alternate(encode, encode_limit)));
  std::printf(
      "%s\n",
      boost::json::serialize(boost::json::object{{"sha256_mb_per_second", one_stream}, {"core", rows}}).c_str());
}
