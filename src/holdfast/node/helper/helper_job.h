// One file that clients have asked the helper for, from the first question to a while after the answer.
#pragma once

#include "holdfast/core/immutable/geometry.h"
#include "holdfast/core/protocol/helper_messages.h"
#include "holdfast/node/transfer/progress.h"
#include "holdfast/node/uploads/upload_store.h"

namespace holdfast::helper {

struct Job {
  enum class Phase { looking, receiving, repairing, waiting, pushing, done, failed };

  Job(io::Loop& loop, std::string job_name, StorageIndex index, immutable::Geometry shape)
      : name(std::move(job_name)), si(index), geometry(shape), since(loop.now()), changed(loop) {}

  const std::string name;  // of the upload too
  const StorageIndex si;
  const immutable::Geometry geometry;
  unsigned happy = 0;
  bool happy_raised = false;  // above what is written down with the upload
  bool prove = false;         // what is in the grid is verified before it counts
  Phase phase = Phase::looking;
  uploads::UploadPtr upload;    // receiving, waiting, pushing
  transfer::Progress progress;  // repairing, pushing
  Bytes ueb;                    // done
  protocol::HelperState::Shares shares;
  std::string reason;    // failed; or why it is being tried again
  bool present = false;  // done without any byte sent to us
  unsigned tries = 0;    // pushes that failed
  io::Time since;        // this phase
  std::uint64_t resent_bytes = 0, pushed_bytes = 0;
  io::Event changed;                // another phase, or try again now
  io::CancelScope* work = nullptr;  // of a push or repair: ends it
  bool dropped = false;             // by the operator or its client
};
using JobPtr = std::shared_ptr<Job>;

std::string_view to_string(Job::Phase phase);

/// `<si>.<the first 16 bytes of the at-rest id>`, both in base32: whose file it is.
std::string job_name(const StorageIndex& si, const Hash& owner);

/// What is written down with the upload, and how it comes back.
Bytes encode_about(const StorageIndex& si, const immutable::Geometry& geometry, unsigned happy);
struct About {
  StorageIndex si;
  protocol::HelperRequest request;
};
Result<About> decode_about(ByteView bytes);

/// Checked: everything fits, at most kSegmentBytesMax. Errors: malformed.
Result<immutable::Geometry> geometry_of(const protocol::HelperRequest& request);

}  // namespace holdfast::helper
