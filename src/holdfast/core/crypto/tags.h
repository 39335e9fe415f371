// All tags of tagged hashes, in one table (specs of immutable files 2.1, 5 and appendix C; storage
// protocol 11.4).
#pragma once

#include <string_view>

namespace holdfast::crypto {

// Immutable files.
inline constexpr std::string_view kTagConvergentPrefix = "allmydata_immutable_content_to_key_with_added_secret_v1+";
inline constexpr std::string_view kTagStorageIndex = "allmydata_immutable_key_to_storage_index_v1";
inline constexpr std::string_view kTagBlock = "allmydata_encoded_subshare_v1";
inline constexpr std::string_view kTagSegment = "allmydata_crypttext_segment_v1";
inline constexpr std::string_view kTagCrypttext = "allmydata_crypttext_v1";
inline constexpr std::string_view kTagUriExtension = "allmydata_uri_extension_v1";
inline constexpr std::string_view kTagMerkleInner = "Merkle tree internal node";
inline constexpr std::string_view kTagMerkleEmptyLeaf = "Merkle tree empty leaf";

// Leases. The client ones are the hashed value; there the lease secret is the tag.
inline constexpr std::string_view kTagClientRenewal = "allmydata_client_renewal_secret_v1";
inline constexpr std::string_view kTagClientCancel = "allmydata_client_cancel_secret_v1";
inline constexpr std::string_view kTagFileRenewal = "allmydata_file_renewal_secret_v1";
inline constexpr std::string_view kTagFileCancel = "allmydata_file_cancel_secret_v1";
inline constexpr std::string_view kTagBucketRenewal = "allmydata_bucket_renewal_secret_v1";
inline constexpr std::string_view kTagBucketCancel = "allmydata_bucket_cancel_secret_v1";

// Upload secrets.
inline constexpr std::string_view kTagConvergentUploadMaster = "gbs_resume_convergent_upload_master_v1";
inline constexpr std::string_view kTagPrivateUploadMaster = "gbs_resume_private_upload_master_v1";
inline constexpr std::string_view kTagUploadSecret = "gbs_resume_upload_secret_v1";
inline constexpr std::string_view kTagUploadSecretAtRest = "gbs_resume_upload_secret_at_rest_v1";

// Ours alone: what nobody else computes.
inline constexpr std::string_view kTagGatewayCookie = "holdfast_gateway_cookie_v1";
inline constexpr std::string_view kTagUploadToken = "holdfast_upload_token_v1";

}  // namespace holdfast::crypto
