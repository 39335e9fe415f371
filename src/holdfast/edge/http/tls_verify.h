// The rules of storage protocol 1.2: which certificates a client accepts.
#pragma once

#include "holdfast/edge/http/tls.h"

struct ssl_st;
struct ssl_ctx_st;
struct x509_st;

namespace holdfast::http {

/// Hashes of the certificate; an error (malformed) when it cannot be encoded.
Result<CertificateIdentity> identity_of(x509_st* certificate);

/// Makes connections of this context ask expect_pin's question. Without a pin every certificate is refused.
void install_pin_check(ssl_ctx_st* context);
/// The key that a connection's peer must present, and the certificate that has been found to be of that key and signed by it:
/// OpenSSL asks about the same one several times, and a signature costs more than the rest of it.
struct ExpectedPin {
  SpkiHash pin;
  const x509_st* proven = nullptr;
};

/// What this connection's peer must present. `expected` must live until the handshake is over.
void expect_pin(ssl_st* connection, ExpectedPin& expected);
/// Once more after the handshake, over everything that was presented: at least one certificate, each signed
/// by itself and with the pinned key. Answers the identity of the peer's own, or unauthorized.
Result<CertificateIdentity> check_presented(ssl_st* connection, ExpectedPin& expected);

}  // namespace holdfast::http
