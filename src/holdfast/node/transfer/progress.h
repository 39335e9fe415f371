// What a transfer tells while it runs, and what it reports at its end.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "holdfast/core/base/ids.h"

namespace holdfast::transfer {

enum class Phase {
  hashing,
  asking,
  placing,
  sending,
  encoding,
  pushing,
  proving,
  verifying_part,
  verifying,
  receiving,
  done
};
std::string_view to_string(Phase phase);

/// Updated in place by the transfer (loop thread); read by whoever draws it.
struct Progress {
  Phase phase = Phase::asking;
  std::uint64_t file_bytes = 0;     // size of the file
  std::uint64_t hashed_bytes = 0;   // first pass of a convergent upload, or the part file of a download
  std::uint64_t done_bytes = 0;     // upload: share bytes acknowledged; get: verified, delivered; verify: read
  std::uint64_t total_bytes = 0;    // upload: share bytes in all (N shares); download: bytes to deliver
  std::uint64_t skipped_bytes = 0;  // of done_bytes: held already, not sent or fetched in this run
  std::uint64_t kept_bytes = 0;     // upload through a helper: on its stable storage, by its word
  unsigned shares_placed = 0, shares_total = 0;
  bool enough = false;  // upload: a happiness of `happy` is proven
  unsigned servers_answering = 0, servers_known = 0;
  bool waiting_for_link = false;  // every server is silent
  std::string note;               // one line for people: what is waited for, who was dropped
};

/// Per server, for reports.
struct ServerReport {
  std::string id, name;
  std::uint64_t bytes_sent = 0, bytes_received = 0;
  std::vector<ShareNumber> shares;  // upload: confirmed there; download: used
  std::string problem;              // empty, or what went wrong last
};

/// How much of what a helper made of a file its client looks at (docs/operating.md).
enum class Proof { full, sample };
std::string_view to_string(Proof proof);

/// Of an upload that went through a helper, or was tried through one.
struct ViaHelper {
  std::string name;                 // the one that did it; empty when the upload went direct in the end
  std::uint64_t bytes_sent = 0;     // ciphertext to helpers, as request bodies
  std::uint64_t bytes_resent = 0;   // of them, sent before in this run
  std::uint64_t bytes_skipped = 0;  // held by helpers before this run, right by their digests, not sent
  std::uint64_t pieces_wrong = 0;   // of what they held: replaced
  bool proven = false;              // the servers themselves were asked; else the placement is the helper's word
  Proof proof = Proof::full;        // of the contents of the shares
};

struct UploadReport {
  std::string cap;  // given only when proven
  std::string storage_index;
  std::uint64_t file_bytes = 0;
  std::uint64_t share_bytes_total = 0;  // N shares
  std::uint64_t bytes_sent = 0;         // request-body bytes of this run
  std::uint64_t bytes_resent = 0;       // of them, sent before in this run
  std::uint64_t bytes_skipped = 0;      // held by servers before this run, proven, not sent
  std::uint64_t cuts = 0;               // connections that broke and were gone on from
  unsigned shares_placed = 0, shares_total = 0, happiness = 0, happy = 0;
  std::vector<ServerReport> servers;
  std::vector<std::string> warnings;  // liars named, stragglers, foreign shares
  std::optional<ViaHelper> via;
  double seconds = 0;
};

struct DownloadReport {
  std::uint64_t bytes_delivered = 0;  // verified
  std::uint64_t bytes_fetched = 0;    // response-body bytes
  std::uint64_t bytes_skipped = 0;    // taken from the part file after proof
  std::uint64_t bytes_rejected = 0;   // of the part file: failed the proof, fetched again
  std::uint64_t cuts = 0;
  std::vector<ServerReport> servers;
  std::vector<std::string> warnings;
  double seconds = 0;
};

/// One copy of a share as check and verify see it.
struct ShareVerdict {
  std::string server;
  ShareNumber share = 0;
  enum class State { present, good, corrupt, incompatible, unknown } state = State::present;
  std::string reason;
};

/// Copies by server id and share, with what is wrong with them.
using UnsoundCopies = std::map<std::pair<std::string, ShareNumber>, std::string>;

struct CheckReport {
  unsigned shares_good = 0, shares_needed = 0, shares_total = 0, happiness = 0;
  unsigned servers_known = 0, good_share_hosts = 0;
  std::vector<std::string> responding;  // ids of the servers that answered
  bool healthy = false, recoverable = false;
  bool verified = false;  // every byte was read (verify), not only asked for (check)
  std::vector<std::string>
      without_lease;  // ids of servers with shares on which no lease could be renewed, though it was wished
  std::vector<ShareVerdict> shares;
};

struct RepairReport {
  CheckReport before, after;
  unsigned shares_pushed = 0;
  bool attempted = false;  // the file was not healthy
  bool successful = false;
  std::vector<std::string> warnings;
};

/// `--plan`: what an upload would do, asked of the servers, nothing changed anywhere.
struct UploadPlan {
  std::string storage_index;
  std::uint64_t bytes_to_send = 0;  // request-body bytes, within 1 %
  std::uint64_t bytes_to_skip = 0;  // held already
  struct Placement {
    ShareNumber share = 0;
    std::string server;
    std::uint64_t bytes_to_send = 0, bytes_held = 0;
    bool already_there = false;
  };
  std::vector<Placement> placements;
  unsigned happiness = 0, happy = 0;
  unsigned servers_asked = 0, servers_answered = 0;
  bool enough = true;  // the happiness that is asked for can be reached now; a literal cap wants no server
};

}  // namespace holdfast::transfer
