// What a sender says about its bytes before they come: digests that are compared when they are here (RFC 9530).
#pragma once

#include "holdfast/node/gateway/upload_answers.h"

namespace holdfast::gateway {

/// Of the whole file: Repr-Digest, or Holdfast-Expect-SHA256 in hexadecimal. Errors: malformed: who named a digest and is not
/// understood would take the answer for a proof. (Repr-Digest may well be of an algorithm that nobody here knows.)
Result<void> read_claims(const http::Exchange& exchange, UploadAbout& about);
/// Content-Digest is of this body alone: its bytes count when it is right.
void read_content_digest(const http::Exchange& exchange, AppendWish& wish);

/// Repr-Digest of a request that goes on at `offset`: of all bytes before it. Those of a body that broke off before its own digest
/// could be compared count from now on, if it is theirs.
io::Task<void> read_proof(UploadHandles& handles, const http::Exchange& exchange, UploadHandlePtr handle,
                          std::uint64_t offset);
/// To who asks for the offset: so far there are bytes that wait for such a proof.
void add_pending(http::Headers& headers, const UploadHandle& handle);

}  // namespace holdfast::gateway
