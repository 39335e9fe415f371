// What a client makes of a helper's answers: decisions without waiting.
#pragma once

#include <map>
#include <optional>
#include <vector>

#include "holdfast/core/protocol/helper_messages.h"
#include "holdfast/edge/io/loop.h"

namespace holdfast::transfer {

/// The extension block that a helper shows, beside the client's own.
enum class UebMatch {
  same,          // byte for byte
  old_uploader,  // the own fields, and hashes of the plaintext that uploaders once added: the same file
  foreign,       // another file's, or nobody's
};
UebMatch compare_ueb(ByteView own, ByteView theirs, unsigned k);

/// Which helper is asked first: positions of `states`, the one that has most of the file first, else in their order; those
/// that have not answered come last.
std::vector<std::size_t> preferred_order(const std::vector<std::optional<protocol::HelperState>>& states);

/// Of pieces first, first + 1, ...: those whose digests differ.
std::vector<std::uint64_t> wrong_pieces(std::uint64_t first, const std::vector<Hash>& theirs,
                                        const std::vector<Hash>& own);

/// Does anything move at a helper? What it does once more, because it failed the first time, has to get further than it ever was:
/// else one that tries the same again and again would be waited for without end.
class HelperMovement {
 public:
  enum class Step { none, further, new_phase };
  /// What this answer shows beyond those before. There are only so many new phases, whatever it says.
  Step note(const protocol::HelperState& now);

 private:
  std::map<protocol::HelperState::Kind, std::uint64_t> furthest_;
  std::optional<protocol::HelperState::Kind> last_;
  unsigned begun_anew_ = 0;
};

/// A helper that is not heard of, as it looks from here.
struct HelperTrouble {
  unsigned failures = 0;        // one after another
  bool silent = false;          // the last of them: not even a refusal came
  io::Duration lasts{};         // since the first of them began
  std::uint64_t held = 0;       // of the file: it is lost for this upload when the helper is gone around
  double bytes_per_second = 0;  // at which it was sent; 0: not measured
};

/// How long a helper that may come back is waited for.
io::Duration worth_waiting(const HelperTrouble& trouble);
/// Is it time to look for another way?
bool waited_enough(const HelperTrouble& trouble);

}  // namespace holdfast::transfer
