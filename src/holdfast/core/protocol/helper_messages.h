// The bodies of the helper's protocol (docs/formats/helper-protocol.md). Maps are open: unknown keys are ignored.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "holdfast/core/base/bytes.h"
#include "holdfast/core/base/ids.h"
#include "holdfast/core/base/result.h"

namespace holdfast::protocol {

inline constexpr std::uint64_t kHelperPieceBytes = 1'048'576;
inline constexpr std::size_t kHelperDigestsMax = 32'768;  // in one answer
inline constexpr std::size_t kHelperRejectMax = 256;      // hashes in one request
inline constexpr std::size_t kHelperRequestBytesMax = 16'384;
inline constexpr std::size_t kHelperStateBytesMax = 1'048'576;
inline constexpr std::size_t kHelperDigestsBytesMax = kHelperDigestsMax * 32 + 256;

struct HelperVersion {
  std::uint64_t protocol = 1;
  std::string application;
  std::vector<std::string> grid;  // server ids
  std::uint64_t space = 0, size_max = 0;
  std::uint64_t retention_seconds = 0, idle_seconds = 0;
};

/// What is to be uploaded. segment_size is the effective one.
struct HelperRequest {
  std::uint64_t size = 0;
  unsigned needed = 0, total = 0, happy = 0;
  std::uint64_t segment_size = 0;
  std::vector<Hash> reject;
  bool prove = false;  // what is in the grid already: read and verified first, since the client cannot
};

struct HelperState {
  enum class Kind { present, receiving, repairing, encoding, pushing, done, failed };
  using Shares = std::map<ShareNumber, std::vector<std::string>>;  // -> server ids

  Kind kind = Kind::receiving;
  std::string upload;                             // receiving: path of the upload resource
  std::uint64_t offset = 0;                       // receiving: durable bytes
  bool busy = false;                              // receiving: another client's bytes are coming in
  std::uint64_t done_bytes = 0, total_bytes = 0;  // repairing, encoding, pushing
  Bytes ueb;                                      // present, done
  Shares shares;                                  // present, done
  std::string reason;                             // failed
};
/// "present", "receiving", ...
std::string_view to_string(HelperState::Kind kind);

/// Of a run of pieces of the durable prefix; the last one may be short.
struct HelperDigests {
  std::uint64_t first = 0;   // piece number
  std::uint64_t offset = 0;  // durable bytes in all
  std::vector<Hash> digests;
};

Bytes encode(const HelperVersion& message);
Bytes encode(const HelperRequest& message);
Bytes encode(const HelperState& message);
Bytes encode(const HelperDigests& message);

// Errors of all: malformed. Numbers are checked for their type, not for their sense, but shares are at most 256 each with at
// most 256 servers, and a request's share counts fit 16 bits.
Result<HelperVersion> decode_helper_version(ByteView bytes);
Result<HelperRequest> decode_helper_request(ByteView bytes);
Result<HelperState> decode_helper_state(ByteView bytes);
Result<HelperDigests> decode_helper_digests(ByteView bytes);

/// "sha-256=:base64:", as Holdfast-Pieces has it. Errors: malformed.
std::string format_pieces_field(const Hash& digest);
Result<Hash> parse_pieces_field(std::string_view field);

}  // namespace holdfast::protocol
