// The port to one storage server: one method a route of the storage protocol.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "holdfast/core/base/buffer.h"
#include "holdfast/core/base/ids.h"
#include "holdfast/core/base/range_set.h"
#include "holdfast/core/base/secret.h"
#include "holdfast/core/protocol/storage_messages.h"
#include "holdfast/edge/io/task.h"

namespace holdfast::grid {

/// What the answer to `version` said, with the header of the resumption extension.
struct VersionAnswer {
  protocol::ServerVersion version;
  bool resumes = false;  // Tahoe-Resume: 1 or higher
};

/// Secrets that travel with an allocation.
struct AllocateSecrets {
  Secret lease_renew, lease_cancel, upload;
};

/// The bytes of one write: chunks produced while they are sent, so that nothing large is held.
class ByteSource {
 public:
  virtual ~ByteSource() = default;
  virtual std::uint64_t length() const = 0;
  /// The next bytes, valid until the next call; length() bytes in all.
  virtual io::Task<Result<ByteView>> next() = 0;
};

struct WriteAnswer {
  bool complete = false;  // 201: the share is whole and readable
  RangeSet required;      // what the server still lacks, by its own word
};

/// What travelled, for reports and for the bound on waste (I4).
struct Traffic {
  std::uint64_t body_bytes_sent = 0, body_bytes_received = 0;
  std::uint64_t requests = 0, connections = 0, broken_connections = 0;
  bool held_back = false;  // what comes waits for a limit of this program's own (--limit-rate)
};

/// Bytes on their way, for whoever looks on meanwhile.
struct Arriving {
  Buffer buffer;            // behind the first `arrived` bytes: anything
  std::size_t arrived = 0;  // at most buffer.size()
};

/// Errors of every method: unavailable and timeout (try again later, or go around), unauthorized (another
/// certificate, wrong swissnum or upload secret), not_found, conflict (409: bytes clash), no_space (507),
/// unsupported (the route is missing), malformed (the answer breaks the protocol), cancelled.
/// Nothing is retried inside; calls may overlap; answers are never trusted.
class StorageServer {
 public:
  virtual ~StorageServer() = default;

  /// "v0-..." or "nurl-...": stable, for placement and reports.
  virtual const std::string& id() const = 0;
  virtual const std::string& name() const = 0;  // short, for people
  virtual ByteView permutation_seed() const = 0;
  /// Known after the first answer on a verified connection.
  virtual std::optional<SpkiHash> spki() const = 0;
  virtual std::optional<TubId> tub_id() const = 0;

  virtual io::Task<Result<VersionAnswer>> version() = 0;
  /// What version() answered a moment ago, if it is remembered: many small files ask at once.
  virtual std::optional<VersionAnswer> recent_version() const { return std::nullopt; }
  /// So many more connections, for who will soon ask several things at once; what cannot be had is not missed.
  virtual io::Task<void> make_ready(std::size_t connections) {
    static_cast<void>(connections);
    co_return;
  }
  virtual io::Task<Result<std::vector<ShareNumber>>> list_shares(const StorageIndex& si) = 0;
  virtual io::Task<Result<protocol::AllocateReply>> allocate(const StorageIndex& si, protocol::AllocateRequest request,
                                                             const AllocateSecrets& secrets) = 0;
  /// Sends source.length() bytes at `offset`. An error says nothing of what the server kept.
  virtual io::Task<Result<WriteAnswer>> write(const StorageIndex& si, ShareNumber share, std::uint64_t offset,
                                              ByteSource& source, const Secret& upload_secret) = 0;
  virtual io::Task<Result<void>> abort(const StorageIndex& si, ShareNumber share, const Secret& upload_secret) = 0;
  /// The extension's status (storage protocol 11.5 c).
  virtual io::Task<Result<protocol::UploadStatus>> status(const StorageIndex& si, const Secret& upload_secret) = 0;
  /// Up to range.size() bytes; fewer only at the end of the share, none past it.
  virtual io::Task<Result<Bytes>> read(const StorageIndex& si, ShareNumber share, Range range) = 0;
  /// As read, behind what `out` holds. What has come when the connection breaks stays there.
  virtual io::Task<Result<void>> read_onto(const StorageIndex& si, ShareNumber share, Range range, Arriving& out) {
    HF_CO_TRY(const Bytes bytes, co_await read(si, share, range));
    out.buffer.resize(out.arrived + bytes.size());
    std::ranges::copy(bytes, out.buffer.begin() + static_cast<std::ptrdiff_t>(out.arrived));
    out.arrived = out.buffer.size();
    co_return Result<void>{};
  }
  virtual io::Task<Result<void>> add_lease(const StorageIndex& si, const Secret& renew, const Secret& cancel) = 0;
  virtual io::Task<Result<void>> advise_corrupt(const StorageIndex& si, ShareNumber share, std::string reason) = 0;

  virtual Traffic traffic() const = 0;
};

}  // namespace holdfast::grid
