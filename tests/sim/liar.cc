#include "sim/liar.h"

#include <array>
#include <limits>

namespace holdfast::sim {

template <class T>
bool Liar::refuses(Result<T>& answer) {
  constexpr std::array codes{Errc::malformed, Errc::not_found,   Errc::conflict,   Errc::unauthorized,
                             Errc::no_space,  Errc::unavailable, Errc::unsupported};
  if (!now(lie_errors)) return false;
  answer = fail(codes[random_.below(codes.size())], "because");
  return true;
}

/// Anywhere in the share, or where there is none.
Range Liar::some_range() {
  constexpr std::uint64_t huge = std::numeric_limits<std::int64_t>::max();
  const std::uint64_t begin = random_.below(8) == 0 ? random_.below(huge) : random_.below(share_bytes_);
  return {begin, begin + 1 + random_.below(random_.below(8) == 0 ? huge - begin : share_bytes_)};
}

void Liar::distort(Result<grid::VersionAnswer>& answer) {
  if (refuses(answer) || !answer || !now(lie_version)) return;
  answer->resumes = random_.below(2) == 0;
  constexpr std::array<std::uint64_t, 4> sizes{0, 1, 5'000, std::numeric_limits<std::uint64_t>::max()};
  answer->version.maximum_immutable_share_size = sizes[random_.below(sizes.size())];
  answer->version.available_space = sizes[random_.below(sizes.size())];
}

void Liar::distort(Result<std::vector<ShareNumber>>& shares) {
  if (refuses(shares) || !shares) return;
  if (tells(lie_denies)) shares->clear();
  if (!now(lie_has_it)) return;
  std::set<ShareNumber> more(shares->begin(), shares->end());
  for (std::uint64_t i = random_.below(300); i > 0; --i)
    more.insert(static_cast<ShareNumber>(random_.below(random_.below(2) == 0 ? 10 : 256)));
  shares->assign(more.begin(), more.end());
}

void Liar::distort(Result<protocol::AllocateReply>& reply) {
  if (refuses(reply) || !reply) return;
  if (tells(lie_denies)) *reply = {};
  if (!now(lie_has_it)) return;
  for (ShareNumber share = 0; share < 10; ++share) {
    if (random_.below(2) == 0) reply->already_have.insert(share);
    if (random_.below(2) == 0) reply->allocated.insert(share);
    if (random_.below(2) == 0) reply->matched.insert(share);
  }
}

void Liar::distort(Result<protocol::UploadStatus>& status) {
  if (refuses(status) || !status) return;
  if (tells(lie_denies)) *status = {};
  for (ShareNumber share = 0; share < 10; ++share) {
    if (now(lie_has_it) && random_.below(2) == 0) status->complete.insert(share);
    if (now(lie_version) && random_.below(4) == 0) status->busy.insert(share);
    if (now(lie_version) && random_.below(4) == 0)
      status->incomplete[share].allocated_size = random_.below(share_bytes_ * 2);
  }
  for (auto& [share, partial] : status->incomplete) {
    if (now(lie_holds_it)) partial.required.subtract(some_range());
    if (now(lie_never_enough)) partial.required.add(some_range());
    if (tells(lie_others_write)) partial.writing.add(Range{0, share_bytes_ * 2});
  }
}

void Liar::distort(Result<grid::WriteAnswer>& answer) {
  if (refuses(answer) || !answer) return;
  if (now(lie_holds_it)) {
    answer->required.subtract(some_range());
    answer->complete = random_.below(2) == 0;
  }
  if (tells(lie_never_enough)) {
    answer->complete = false;
    answer->required.add(some_range());
  }
}

void Liar::distort(Result<Bytes>& bytes) {
  if (refuses(bytes) || !bytes || bytes->empty()) return;
  if (now(lie_wrong_bytes)) (*bytes)[random_.below(bytes->size())] ^= static_cast<std::uint8_t>(1 + random_.below(255));
  if (now(lie_short_reads)) bytes->resize(random_.below(bytes->size()));
}

void Liar::distort(Result<void>& done) {
  refuses(done);
}

grid::WriteAnswer Liar::drop(ShareNumber share, Range range) {
  dropped_[share].add(range);
  grid::WriteAnswer out;
  out.required = dropped_[share].gaps({0, share_bytes_});
  out.complete = out.required.empty();
  return out;
}

}  // namespace holdfast::sim
