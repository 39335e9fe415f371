// TLS as Great Black Swamp has it: one self-signed certificate, pinned by its public key.
#pragma once

#include <memory>
#include <string>

#include "holdfast/core/base/ids.h"
#include "holdfast/core/base/random.h"
#include "holdfast/core/base/result.h"

struct ssl_ctx_st;

namespace holdfast::http {

/// A private key and its self-signed certificate, as PEM text (both in one, as private/node.pem has them).
/// Valid for decades: it must never be made again (the TubID is a hash of it).
Result<std::string> make_self_signed_pem(Random& random, const std::string& common_name);

struct CertificateIdentity {
  SpkiHash spki;  // SHA-256 of SubjectPublicKeyInfo DER: what NURLs name
  TubId tub_id;   // SHA-1 of the certificate's DER
};
Result<CertificateIdentity> identity_of_pem(const std::string& pem);

/// Server side: TLS 1.2 and 1.3, no SNI needed, no client certificates, session tickets off.
class TlsServerContext {
 public:
  /// Certificate and key; further certificates are the chain.
  static Result<TlsServerContext> create(const std::string& pem);
  TlsServerContext(TlsServerContext&&) noexcept;
  ~TlsServerContext();
  ssl_ctx_st* native() const { return context_; }

 private:
  explicit TlsServerContext(ssl_ctx_st* context) : context_(context) {}
  ssl_ctx_st* context_;
};

/// Client side. Checks the chain's signatures and that the presented key's hash equals the pin (constant
/// time), for each connection; ignores names, dates, revocation and CAs (storage protocol 1.2).
class TlsClientContext {
 public:
  static Result<TlsClientContext> create();
  TlsClientContext(TlsClientContext&&) noexcept;
  ~TlsClientContext();
  ssl_ctx_st* native() const { return context_; }

 private:
  explicit TlsClientContext(ssl_ctx_st* context) : context_(context) {}
  ssl_ctx_st* context_;
};

}  // namespace holdfast::http
