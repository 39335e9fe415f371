#include "holdfast/node/gateway/cross_origin.h"

namespace holdfast::gateway {

void allow_reading(http::Headers& headers, std::string origin) {
  headers.add("Access-Control-Allow-Origin", std::move(origin));
  headers.add(
      "Access-Control-Expose-Headers",
      "Location, Upload-Offset, Upload-Length, Upload-Metadata, Upload-Defer-Length, Upload-Concat, Upload-Expires, "
      "Upload-Complete, Upload-Incomplete, Upload-Limit, Upload-Draft-Interop-Version, Tus-Resumable, Tus-Version, "
      "Tus-Extension, Tus-Max-Size, Tus-Checksum-Algorithm, Content-Range, Accept-Ranges, ETag, Repr-Digest, Digest, "
      "Retry-After, Content-Location, Holdfast-Upload-State, Holdfast-Pending-Offset");
}

void CrossOriginExchange::allow(http::Headers& headers) const {
  // Else what a browser keeps of a link that was followed would be all that a page of a listed site gets of it.
  if (varies_) headers.add("Vary", "Origin");
  if (origin_.empty()) return;
  if (request().method == "OPTIONS" && request().headers.find("Access-Control-Request-Method")) {
    headers.add("Access-Control-Allow-Origin", origin_);
    headers.add("Access-Control-Allow-Methods", "POST, HEAD, PATCH, PUT, OPTIONS, GET, DELETE");
    headers.add(
        "Access-Control-Allow-Headers",
        "Authorization, Content-Type, Content-Disposition, Content-Encoding, Content-Digest, Repr-Digest, "
        "Want-Repr-Digest, Expect, Idempotency-Key, If-Range, Prefer, Range, Origin, X-Requested-With, X-Request-ID, "
        "X-HTTP-Method-Override, Tus-Resumable, Upload-Length, Upload-Offset, Upload-Metadata, Upload-Defer-Length, "
        "Upload-Concat, Upload-Checksum, Upload-Complete, Upload-Incomplete, Upload-Draft-Interop-Version");
    headers.add("Access-Control-Max-Age", "7200");
    return;
  }
  allow_reading(headers, origin_);
}

}  // namespace holdfast::gateway
