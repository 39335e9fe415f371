// What a request to send bytes asks for, and how it ends: what all dialects have in common.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "holdfast/core/base/bytes.h"
#include "holdfast/core/crypto/running_checksum.h"
#include "holdfast/edge/io/task.h"
#include "holdfast/node/gateway/upload_handle.h"

namespace holdfast::gateway {

/// One request to send bytes, as its dialect understood it.
struct AppendWish {
  std::optional<std::uint64_t> offset;          // nothing: wherever the upload is
  std::optional<std::uint64_t> length;          // of the whole upload, when this request says it
  std::optional<std::uint64_t> content_length;  // of this body
  bool completes = false;                       // the end of this body is the end of the upload
  bool completes_at_length = false;             // reaching the length is enough
  /// The body is another file, of `length`: it takes the place of all that is there. What is said of it; nothing: it goes on.
  std::optional<UploadAbout> replaces;
  /// With `replaces`: digests that were announced with an upload that is still empty hold, unless this request has its own.
  bool keeps_promise = false;
  std::unique_ptr<crypto::RunningChecksum> checksum;  // of this body; its bytes count when it is right
  /// What the checksum must be, asked at the end of the body; nothing: nobody said.
  std::function<std::optional<Bytes>()> expected;
  /// So much is durable; at most once a second.
  std::function<io::Task<void>(std::uint64_t)> progress;
};
struct AppendOutcome {
  enum class End {
    stored,           // all of this body; `whole` says whether that was the end
    offset_mismatch,  // nothing was stored
    length_mismatch,  // other than known, or not reached by the body that completes
    too_long,         // the body goes beyond the length; nothing of it is kept
    too_large,        // beyond what is taken here; nothing of it is kept
    whole_already,
    ended,
    superseded,  // by a newer request; what came is kept
    broken,      // the body ended early; what came is kept
    malformed,   // no body can be like that; what came is kept
    slow,        // less came than a sender must bring; what came is kept
    no_space,    // what came is kept
    wrong_checksum,
    wrong_digest,  // of the whole file: the upload has failed
    is_final,
    needed,   // by a concatenation, as it is: nothing was stored
    trouble,  // of the disk
  };
  End end = End::stored;
  bool whole = false;
  std::string what;
};

}  // namespace holdfast::gateway
