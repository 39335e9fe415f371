#include "holdfast/node/helper/helper_job.h"

#include "holdfast/core/base/base32.h"

namespace holdfast::helper {

std::string_view to_string(Job::Phase phase) {
  switch (phase) {
    case Job::Phase::looking:
      return "looking";
    case Job::Phase::receiving:
      return "receiving";
    case Job::Phase::repairing:
      return "repairing";
    case Job::Phase::waiting:
      return "waiting";
    case Job::Phase::pushing:
      return "pushing";
    case Job::Phase::done:
      return "done";
    case Job::Phase::failed:
      return "failed";
  }
  return "";
}

std::string job_name(const StorageIndex& si, const Hash& owner) {
  return to_string(si) + "." + base32_encode(owner.view().first(16));
}

Bytes encode_about(const StorageIndex& si, const immutable::Geometry& geometry, unsigned happy) {
  const immutable::Params& params = geometry.params();
  const protocol::HelperRequest request{params.size, params.k, params.n, happy, params.segment_size, {}};
  Bytes out = to_bytes(si.view());
  append(out, protocol::encode(request));
  return out;
}

Result<About> decode_about(ByteView bytes) {
  if (bytes.size() < StorageIndex::kSize) return fail(Errc::malformed, "too short");
  HF_TRY(protocol::HelperRequest request, protocol::decode_helper_request(bytes.subspan(StorageIndex::kSize)));
  return About{StorageIndex::from(bytes.first(StorageIndex::kSize)), std::move(request)};
}

Result<immutable::Geometry> geometry_of(const protocol::HelperRequest& request) {
  if (request.happy < 1 || request.happy > request.total)
    return fail(Errc::malformed, "happy must be between 1 and the number of shares");
  if (request.size == 0) return fail(Errc::malformed, "an empty file needs no helper");
  return immutable::Geometry::create({request.needed, request.total, request.size, request.segment_size});
}

}  // namespace holdfast::helper
