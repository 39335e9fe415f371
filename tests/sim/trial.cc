#include "sim/trial.h"

#include <cstdio>

#include "holdfast/core/cap/derive.h"
#include "holdfast/core/immutable/encoder.h"

namespace holdfast::sim {

ExpectedFile expect(const Scenario& scenario, const Bytes& plaintext, const Secret& convergence, const cap::Key* key) {
  ExpectedFile out;
  out.plaintext = plaintext;
  const auto params = immutable::make_params(scenario.k, scenario.n, plaintext.size(), scenario.segment_bytes).value();
  const auto geometry = immutable::Geometry::create(params).value();
  if (key != nullptr) {
    out.key = *key;
  } else {
    cap::ConvergentKeyHasher hasher(scenario.k, scenario.n, geometry.segment_size(), convergence);
    hasher.update(plaintext);
    out.key = hasher.finish();
  }
  out.si = cap::storage_index_of(out.key);
  const immutable::ShareLayout layout(geometry);
  out.data = layout.data();
  out.plaintext_hashes = layout.plaintext_hashes();
  out.tail = {layout.tail_begin(), layout.size()};
  immutable::Encoder encoder(geometry, layout,
                             [](std::uint64_t) { return std::make_unique<hashtree::MemoryNodeStore>(); });
  const immutable::SegmentEncoder segments(geometry, &out.key);
  out.shares.resize(scenario.n);
  for (ShareNumber share = 0; share < scenario.n; ++share)
    out.shares[share] = encoder.share_bytes(share, layout.header()).value();
  for (SegmentNumber i = 0; i < geometry.num_segments(); ++i) {
    const Range range = geometry.segment_range(i);
    const auto segment = segments.encode(i, to_buffer(ByteView(plaintext).subspan(range.begin, range.size())));
    for (ShareNumber share = 0; share < scenario.n; ++share) append(out.shares[share], segment.block(share));
    HF_CHECK(encoder.absorb(segment).has_value());
  }
  HF_CHECK(encoder.finish().has_value());
  for (ShareNumber share = 0; share < scenario.n; ++share)
    append(out.shares[share], encoder.share_bytes(share, {layout.data().end, layout.size()}).value());
  cap::ChkReadCap read;
  read.key = out.key;
  read.ueb_hash = encoder.uri_extension_hash();
  read.k = static_cast<std::uint16_t>(scenario.k);
  read.n = static_cast<std::uint16_t>(scenario.n);
  read.size = plaintext.size();
  out.cap = cap::to_string(cap::Cap(read));
  return out;
}

void Trial::violation(std::string what) {
  note("VIOLATION: " + what);
  if (first_.empty()) first_ = std::move(what);
}

void Trial::note(const std::string& what) const {
  if (!verbose_) return;
  const double now = std::chrono::duration<double>(loop_.now() - io::Time{}).count();
  std::fprintf(stderr, "%10.4f  %s\n", now, what.c_str());
}

}  // namespace holdfast::sim
