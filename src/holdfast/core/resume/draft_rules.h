// What differs between the versions of the IETF draft "Resumable Uploads for HTTP" (resumable-upload.md 2.1, 2.3).
#pragma once

#include <cstdint>
#include <optional>

namespace holdfast::resume {

inline constexpr unsigned kInteropOldest = 3, kInteropNewest = 10;

/// The rules of one interop version; `rfc_mode` is a request without the field, which follows the newest.
struct DraftRules {
  unsigned version = kInteropNewest;
  bool rfc_mode = false;

  bool says_incomplete() const { return version == 3; }                // Upload-Incomplete instead of Upload-Complete
  bool absent_means_complete() const { return version <= 6; }          // on PATCH; later it is an error
  bool wants_media_type() const { return version >= 6; }               // application/partial-upload on PATCH
  bool refuses_fields_on_query() const { return version <= 6; }        // Upload-* on HEAD and DELETE
  bool allows_get() const { return version >= 8; }                     // GET as offset query
  unsigned stored_status() const { return version <= 6 ? 201 : 204; }  // an append that does not complete
  bool progress_offsets() const { return version >= 4; }               // 104 with Upload-Offset
  bool completed_is_400() const { return version <= 8; }               // an append to what is complete; later 409
};

/// Nothing for a version that is not spoken here.
std::optional<DraftRules> draft_rules(std::uint64_t interop_version);

}  // namespace holdfast::resume
