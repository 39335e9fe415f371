#include "holdfast/core/crypto/secrets.h"

#include <gtest/gtest.h>

#include "support/vectors.h"

namespace holdfast::crypto {
namespace {

std::string hex(const Secret& secret) {
  return to_hex(secret.reveal());
}

// The vectors of the specification use these.
const Secret kLeaseSecret(Bytes(32, 1));
const Secret kConvergence(Bytes(32, 2));
const StorageIndex kIndex = test::counting_id<StorageIndex>();
const Bytes kKey = to_bytes(kIndex.view());
const SpkiHash kSpki = test::counting_id<SpkiHash>();

TEST(LeaseSecrets, are_those_of_the_specification) {
  const LeaseSecrets secrets = lease_secrets(kLeaseSecret, kIndex, test::counting_id<TubId>());
  EXPECT_EQ(hex(secrets.renew), "0d17d06081772a34cdde29c6d28cab603af36362ed2bb1edd35836d567aa5771");
  EXPECT_EQ(hex(secrets.cancel), "013f0dd5ba62b3a3e93cf3b5b9aa213053d9cb5a1c6c3023f1db854fa754b616");
}

TEST(LeaseSecrets, are_those_of_the_vectors) {
  const auto primitives = test::load_vectors("immutable-primitives.json");
  if (!primitives) GTEST_SKIP() << test::kNoVectors;
  for (const auto& each : test::list(*primitives, "lease")) {
    const LeaseSecrets secrets = lease_secrets(Secret(test::hex_field(each, "lease_secret_hex")),
                                               StorageIndex::from(test::hex_field(each, "storage_index_hex")),
                                               TubId::from(test::hex_field(each, "server_lease_seed_hex")));
    const bool renewal = test::text(each, "kind") == "renewal";
    EXPECT_EQ(hex(renewal ? secrets.renew : secrets.cancel), test::text(each, "bucket_secret_hex"));
  }
}

TEST(LeaseSecrets, are_those_that_a_real_node_sends) {
  const auto derivations = test::load_vectors("tahoe/derivations.json");
  if (!derivations) GTEST_SKIP() << test::kNoVectors;
  const auto& leases = derivations->at("leases");
  const LeaseSecrets secrets = lease_secrets(Secret(test::hex_field(leases, "node_secret_hex")),
                                             StorageIndex::from(test::hex_field(leases, "storage_index_hex")),
                                             TubId::from(test::hex_field(leases, "lease_seed_tubid_hex")));
  EXPECT_EQ(hex(secrets.renew), test::text(leases, "bucket_renewal_secret_hex"));
  EXPECT_EQ(hex(secrets.cancel), test::text(leases, "bucket_cancel_secret_hex"));
}

TEST(UploadSecret, of_a_convergent_upload_is_that_of_the_specification) {
  const Secret master = convergent_upload_master(kConvergence, kKey);
  EXPECT_EQ(hex(master), "de682180826bcf1aaf20f951d100801ae8aa62c9e769818e52f73e0de83a9118");
  const Secret secret = upload_secret(master, kSpki);
  EXPECT_EQ(hex(secret), "505ec06abfd6c0fe18b280e661d43a72e2318d47d9fa80928e7ccf41fc5d7ab4");
  EXPECT_EQ(to_hex(upload_secret_at_rest_id(secret.reveal()).view()),
            "95ead81e9c4378aaf85a6fc68cf268723bedc955c140bb52606b8f84adb58a36");
}

TEST(UploadSecret, of_an_empty_convergence_secret_is_one_of_its_own) {
  const Secret master = convergent_upload_master(Secret(), kKey);
  EXPECT_EQ(hex(master), "fabeb431be69c8f84ef580678d27c74c8a50d6af7e23c68cdbe71b4dc5d52689");
  EXPECT_EQ(hex(upload_secret(master, kSpki)), "ec3a3e571c4d54ce05058a3778a3e9b3ef6027bedd5d944189dac89a75a41ff2");
}

TEST(UploadSecret, of_a_private_upload_is_that_of_the_specification) {
  const Secret master = private_upload_master(kLeaseSecret, kIndex);
  EXPECT_EQ(hex(master), "c18ccc8f788e20c03ea5ef09f9359e6c7d7b1792b2798cad78dcd200a61c58d7");
  EXPECT_EQ(hex(upload_secret(master, kSpki)), "b28ee6d063155debc350e2ee116ea386124f223d70c9fa246a699ac2921e31b0");
}

}  // namespace
}  // namespace holdfast::crypto
