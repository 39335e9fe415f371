#include "holdfast/edge/http/tls_verify.h"

#include <openssl/sha.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <memory>

namespace holdfast::http {
namespace {

constexpr const char* kMismatch =
    "the server's certificate does not match its NURL: another server answers at this address, or somebody "
    "listens in between";

using Der = std::unique_ptr<unsigned char, void (*)(unsigned char*)>;

void free_der(unsigned char* bytes) {
  OPENSSL_free(bytes);
}

/// Not before, not after, self-signed at depth zero, self-signed in the chain: for a pinned self-signed
/// certificate these mean nothing. Every other complaint stands.
bool is_tolerated(int error) {
  return error == X509_V_OK || error == X509_V_ERR_CERT_NOT_YET_VALID || error == X509_V_ERR_CERT_HAS_EXPIRED ||
         error == X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT || error == X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN;
}

bool is_pinned(X509* certificate, ExpectedPin& expected) {
  if (certificate == expected.proven) return true;
  const auto identity = identity_of(certificate);
  if (!identity || !equal_constant_time(identity->spki.view(), expected.pin.view())) return false;
  EVP_PKEY* key = X509_get0_pubkey(certificate);
  if (key == nullptr || X509_verify(certificate, key) != 1) return false;
  expected.proven = certificate;
  return true;
}

int verify(int, X509_STORE_CTX* store) {
  const SSL* connection =
      static_cast<const SSL*>(X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx()));
  auto* expected = connection == nullptr ? nullptr : static_cast<ExpectedPin*>(SSL_get_app_data(connection));
  X509* certificate = X509_STORE_CTX_get_current_cert(store);
  if (expected == nullptr || certificate == nullptr || !is_tolerated(X509_STORE_CTX_get_error(store)) ||
      !is_pinned(certificate, *expected)) {
    if (X509_STORE_CTX_get_error(store) == X509_V_OK) {
      X509_STORE_CTX_set_error(store, X509_V_ERR_APPLICATION_VERIFICATION);
    }
    return 0;
  }
  X509_STORE_CTX_set_error(store, X509_V_OK);
  return 1;
}

}  // namespace

Result<CertificateIdentity> identity_of(X509* certificate) {
  unsigned char* bytes = nullptr;
  const int size = i2d_X509(certificate, &bytes);
  const Der der(bytes, &free_der);
  unsigned char* key_bytes = nullptr;
  const int key_size = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate), &key_bytes);
  const Der key_der(key_bytes, &free_der);
  if (size <= 0 || key_size <= 0) return fail(Errc::malformed, "the certificate cannot be encoded");
  CertificateIdentity identity;
  ::SHA1(der.get(), static_cast<std::size_t>(size), identity.tub_id.bytes.data());
  ::SHA256(key_der.get(), static_cast<std::size_t>(key_size), identity.spki.bytes.data());
  return identity;
}

void install_pin_check(ssl_ctx_st* context) {
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER, verify);
}

void expect_pin(ssl_st* connection, ExpectedPin& expected) {
  SSL_set_app_data(connection, &expected);
}

Result<CertificateIdentity> check_presented(ssl_st* connection, ExpectedPin& expected) {
  SSL_set_app_data(connection, nullptr);
  X509* leaf = SSL_get0_peer_certificate(connection);
  if (leaf == nullptr || SSL_get_verify_result(connection) != X509_V_OK || !is_pinned(leaf, expected)) {
    return fail(Errc::unauthorized, kMismatch);
  }
  const STACK_OF(X509)* chain = SSL_get_peer_cert_chain(connection);
  for (int i = 0; i < sk_X509_num(chain); ++i) {
    if (!is_pinned(sk_X509_value(chain, i), expected)) return fail(Errc::unauthorized, kMismatch);
  }
  return identity_of(leaf);
}

}  // namespace holdfast::http
