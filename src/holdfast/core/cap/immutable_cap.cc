#include "holdfast/core/cap/immutable_cap.h"

#include "holdfast/core/cap/derive.h"

namespace holdfast::cap {

ChkVerifyCap weaken(const ChkReadCap& read) {
  return ChkVerifyCap{.storage_index = storage_index_of(read.key),
                      .ueb_hash = read.ueb_hash,
                      .k = read.k,
                      .n = read.n,
                      .size = read.size,
                      .directory = read.directory};
}

}  // namespace holdfast::cap
