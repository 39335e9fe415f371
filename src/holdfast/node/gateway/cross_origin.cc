#include "holdfast/node/gateway/cross_origin.h"

namespace holdfast::gateway {
namespace {

void say_origin(http::Headers& headers, std::string origin) {
  headers.add("Access-Control-Allow-Origin", std::move(origin));
  headers.add("Vary", "Origin");
}

}  // namespace

void allow_reading(http::Headers& headers, std::string origin) {
  say_origin(headers, std::move(origin));
  headers.add(
      "Access-Control-Expose-Headers",
      "Location, Upload-Offset, Upload-Length, Upload-Metadata, Upload-Defer-Length, Upload-Concat, Upload-Expires, "
      "Upload-Complete, Upload-Incomplete, Upload-Limit, Upload-Draft-Interop-Version, Tus-Resumable, Tus-Version, "
      "Tus-Extension, Tus-Max-Size, Tus-Checksum-Algorithm, Content-Range, Accept-Ranges, ETag, Repr-Digest, Digest, "
      "Retry-After, Content-Location, Holdfast-Upload-State");
}

void CrossOriginExchange::allow(http::Headers& headers) const {
  if (origin_.empty()) return;
  if (request().method == "OPTIONS" && request().headers.find("Access-Control-Request-Method")) {
    say_origin(headers, origin_);
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
