// A server that says what is not so: true answers go in, others may come out.
#pragma once

#include <map>

#include "holdfast/node/grid/storage_server.h"
#include "sim/scenario.h"
#include "support/seeded_random.h"

namespace holdfast::sim {

class Liar {
 public:
  Liar(std::uint64_t lies, std::uint64_t seed) : lies_(lies), random_(seed) {}
  bool honest() const { return lies_ == 0; }
  bool drops() const { return tells(lie_drops); }
  void learn_size(std::uint64_t share_bytes) { share_bytes_ = share_bytes; }

  void distort(Result<grid::VersionAnswer>& answer);
  void distort(Result<std::vector<ShareNumber>>& shares);
  void distort(Result<protocol::AllocateReply>& reply);
  void distort(Result<protocol::UploadStatus>& status);
  void distort(Result<grid::WriteAnswer>& answer);
  void distort(Result<Bytes>& bytes);
  void distort(Result<void>& done);

  /// What a server says that has thrown the bytes away.
  grid::WriteAnswer drop(ShareNumber share, Range range);

 private:
  bool tells(Lie lie) const { return (lies_ & lie) != 0; }
  bool now(Lie lie) { return tells(lie) && random_.below(4) != 0; }
  template <class T>
  bool refuses(Result<T>& answer);
  Range some_range();

  const std::uint64_t lies_;
  test::SeededRandom random_;
  std::uint64_t share_bytes_ = 1'000;
  std::map<ShareNumber, RangeSet> dropped_;
};

}  // namespace holdfast::sim
