// The port to one upload helper: one method a request of its protocol (docs/formats/helper-protocol.md).
#pragma once

#include <chrono>
#include <functional>
#include <string>

#include "holdfast/core/protocol/helper_messages.h"
#include "holdfast/node/grid/storage_server.h"

namespace holdfast::grid {

/// What every request about an upload carries.
struct HelperIdentity {
  Secret upload_secret;
  std::string client_id;  // 26 characters of base32, one per run of a transfer
};

/// Told of a durable offset while bytes are still being sent.
using OffsetTold = std::function<void(std::uint64_t)>;

/// Errors of every method: unavailable and timeout (try again, or go around), unauthorized (another certificate, wrong
/// swissnum), not_found (no such upload), conflict (409: another offset, other parameters; 423: somebody else is sending),
/// no_space (507; 429: it has too many), corrupt (422: the pieces held are not those named), unsupported (413: it takes no file of that size),
/// malformed (the answer breaks the protocol), cancelled. Nothing is retried inside; answers are never trusted.
class UploadHelper {
 public:
  virtual ~UploadHelper() = default;

  virtual const std::string& name() const = 0;  // short, for people
  /// Of the certificate that it is pinned to: what upload secrets are derived for.
  virtual SpkiHash spki() const = 0;

  virtual io::Task<Result<protocol::HelperVersion>> version() = 0;
  /// Says what is to be uploaded; creates the upload when it is not there in any form.
  virtual io::Task<Result<protocol::HelperState>> begin(const StorageIndex& si, protocol::HelperRequest request,
                                                        const HelperIdentity& who) = 0;
  /// Creates nothing. With `wait`: answers when the state has changed, or after that time.
  virtual io::Task<Result<protocol::HelperState>> state(const StorageIndex& si, const HelperIdentity& who,
                                                        std::chrono::seconds wait) = 0;
  /// Sends source.length() bytes from `offset` on; answers the durable offset. An error says nothing of what was kept but what
  /// was `told` before it.
  virtual io::Task<Result<std::uint64_t>> append(const std::string& upload, std::uint64_t offset, ByteSource& source,
                                                 const HelperIdentity& who, const OffsetTold& told) = 0;
  /// The durable offset. Ends a request of the same client that hangs.
  virtual io::Task<Result<std::uint64_t>> offset(const std::string& upload, const HelperIdentity& who) = 0;
  virtual io::Task<Result<protocol::HelperDigests>> digests(const std::string& upload, std::uint64_t first,
                                                            std::uint64_t count, const HelperIdentity& who) = 0;
  virtual io::Task<Result<void>> replace_piece(const std::string& upload, std::uint64_t piece, ByteSource& source,
                                               const HelperIdentity& who) = 0;
  /// Everything has been sent: `pieces` is SHA-256 over the concatenated digests of all pieces.
  virtual io::Task<Result<protocol::HelperState>> complete(const std::string& upload, std::uint64_t length,
                                                           const Hash& pieces, const HelperIdentity& who) = 0;
  virtual io::Task<Result<void>> drop(const std::string& upload, const HelperIdentity& who) = 0;

  virtual Traffic traffic() const = 0;
};

}  // namespace holdfast::grid
