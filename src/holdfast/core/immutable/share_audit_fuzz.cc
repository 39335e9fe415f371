// Whatever was uploaded: the audit stays inside the share and reads in pieces; what it passes is what the
// chain and the extension block say; sending again what it names makes it pass; and it says the same of blocks that were
// hashed as they came.
//
// The input: flags, share number, then the share itself, or patches of three bytes (offset, value) to a good
// share.
#include <algorithm>

#include "holdfast/core/base/check.h"
#include "holdfast/core/base/endian.h"
#include "holdfast/core/immutable/share_audit.h"
#include "holdfast/core/immutable/share_test_kit.h"

namespace {

using namespace holdfast;
using namespace holdfast::immutable;

enum Flag : std::uint8_t { kRaw = 1, kVersion2 = 2 };
constexpr ShareNumber kShare = 1;

struct Good {
  explicit Good(unsigned version)
      : file(plaintext, make_params(2, 3, plaintext.size(), 20).value(), cap::Key::from(Bytes(16, 1)),
             {.version = version}),
        share(file.share(kShare)) {}
  const Bytes plaintext = test_kit::plaintext_of(55);
  test_kit::EncodedFile file;
  const Bytes share;
};

Good& good(unsigned version) {
  static Good v1(1), v2(2);
  return version == 1 ? v1 : v2;
}

AuditVerdict look(const Bytes& share, ShareNumber number) {
  const ShareBytesAt at = [&](std::uint64_t offset, MutableByteView out) -> Result<void> {
    HF_CHECK(offset <= share.size() && out.size() <= share.size() - offset);
    std::copy_n(share.begin() + static_cast<std::ptrdiff_t>(offset), out.size(), out.begin());
    return {};
  };
  AuditVerdict verdict = audit_share(share.size(), number, at).value();
  if (const auto* failed = std::get_if<AuditFailed>(&verdict)) {
    HF_CHECK(!failed->wrong.empty());
    HF_CHECK(failed->wrong.ranges().back().end <= share.size());
  }
  // Blocks that were hashed while they came change nothing but the reading.
  const ByteView header = test_kit::served(share, {0, kHeaderBytesV2});
  if (auto known = ArrivingBlocks::create(share.size(), header, 1'000'000)) {
    known->on_bytes(0, share);
    const AuditVerdict again = audit_share(share.size(), number, at, &*known).value();
    HF_CHECK(again.index() == verdict.index());
    if (const auto* failed = std::get_if<AuditFailed>(&again))
      HF_CHECK(failed->wrong == std::get<AuditFailed>(verdict).wrong);
  }
  return verdict;
}

void look_at_patched(const Good& real, ByteView patches) {
  Bytes share = real.share;
  const ShareLayout& layout = real.file.layout();
  bool is_bound = true;  // header and tail as the writer sent them, which is what a resuming client makes sure of
  for (; patches.size() >= 3; patches = patches.subspan(3)) {
    const std::uint64_t at = load_be(patches, 0, 2);
    if (at >= share.size()) continue;
    share[at] = patches[2];
    is_bound = is_bound && at >= layout.header().end && at < layout.tail_begin();
  }
  AuditVerdict verdict = look(share, kShare);
  if (!is_bound) return;
  for (int rounds = 0; std::holds_alternative<AuditFailed>(verdict); ++rounds) {
    HF_CHECK(rounds < 3);  // trees first, then the blocks that could not be held against them
    for (const Range& range : std::get<AuditFailed>(verdict).wrong.ranges()) {
      std::copy(real.share.begin() + static_cast<std::ptrdiff_t>(range.begin),
                real.share.begin() + static_cast<std::ptrdiff_t>(range.end),
                share.begin() + static_cast<std::ptrdiff_t>(range.begin));
    }
    verdict = look(share, kShare);
  }
  HF_CHECK(std::holds_alternative<AuditPassed>(verdict));
  const Range unused = layout.plaintext_hashes();
  for (std::uint64_t at = 0; at < share.size(); ++at)
    HF_CHECK(share[at] == real.share[at] || (at >= unused.begin && at < unused.end));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2 || size > 20'000) return 0;
  const ByteView input = ByteView(data, size).subspan(2);
  if ((data[0] & kRaw) != 0) {
    static_cast<void>(look(to_bytes(input), data[1]));
  } else {
    look_at_patched(good((data[0] & kVersion2) != 0 ? 2 : 1), input);
  }
  return 0;
}
