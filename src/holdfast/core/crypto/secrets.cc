#include "holdfast/core/crypto/secrets.h"

#include "holdfast/core/base/check.h"
#include "holdfast/core/crypto/tagged_hash.h"
#include "holdfast/core/crypto/tags.h"

namespace holdfast::crypto {
namespace {

Secret secret_of(const Hash& hash) {
  return Secret(hash.view());
}

struct LeaseTags {
  std::string_view client;
  std::string_view file;
  std::string_view bucket;
};

Secret lease_chain(const LeaseTags& tags, const Secret& lease_secret, const StorageIndex& si, const TubId& tub_id) {
  // The secret is the tag and the constant the value: it looks swapped, and is not.
  const Hash client = tagged_hash(lease_secret.reveal(), view_of(tags.client));
  const Hash file = pair_hash(tags.file, client.view(), si.view());
  return secret_of(pair_hash(tags.bucket, file.view(), tub_id.view()));
}

}  // namespace

LeaseSecrets lease_secrets(const Secret& lease_secret, const StorageIndex& si, const TubId& tub_id) {
  const LeaseTags renewal{kTagClientRenewal, kTagFileRenewal, kTagBucketRenewal};
  const LeaseTags cancel{kTagClientCancel, kTagFileCancel, kTagBucketCancel};
  return LeaseSecrets{.renew = lease_chain(renewal, lease_secret, si, tub_id),
                      .cancel = lease_chain(cancel, lease_secret, si, tub_id)};
}

Secret convergent_upload_master(const Secret& convergence, ByteView key16) {
  HF_CHECK(key16.size() == 16);
  return secret_of(pair_hash(kTagConvergentUploadMaster, convergence.reveal(), key16));
}

Secret private_upload_master(const Secret& lease_secret, const StorageIndex& si) {
  return secret_of(pair_hash(kTagPrivateUploadMaster, lease_secret.reveal(), si.view()));
}

Secret upload_secret(const Secret& master, const SpkiHash& spki) {
  return secret_of(pair_hash(kTagUploadSecret, master.reveal(), spki.view()));
}

Hash upload_secret_at_rest_id(ByteView secret) {
  return tagged_hash(kTagUploadSecretAtRest, secret);
}

}  // namespace holdfast::crypto
