// Secrets derived for one server: lease secrets (storage server 4.1) and upload secrets (storage
// protocol 11.4).
#pragma once

#include "holdfast/core/base/bytes.h"
#include "holdfast/core/base/ids.h"
#include "holdfast/core/base/secret.h"

namespace holdfast::crypto {

/// What travels in lease-renew-secret and lease-cancel-secret.
struct LeaseSecrets {
  Secret renew;
  Secret cancel;
};

/// lease_secret: the node's own 32 bytes. tub_id: the server's, as raw bytes.
LeaseSecrets lease_secrets(const Secret& lease_secret, const StorageIndex& si, const TubId& tub_id);

/// For a convergent upload: whoever has the file and the convergence secret (possibly empty) derives the
/// same.
Secret convergent_upload_master(const Secret& convergence, ByteView key16);

/// For any other upload: random key, helper, repair without the key.
Secret private_upload_master(const Secret& lease_secret, const StorageIndex& si);

/// What goes to the one server with this key: spki is the hash of the certificate verified on the connection.
Secret upload_secret(const Secret& master, const SpkiHash& spki);

/// What a server stores instead of the upload secret.
Hash upload_secret_at_rest_id(ByteView secret);

}  // namespace holdfast::crypto
