#include "holdfast/edge/http/tls.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <utility>

#include "holdfast/edge/http/tls_verify.h"

namespace holdfast::http {
namespace {

constexpr long kValidDays = 36'500;  // a hundred years: the certificate is never made again
constexpr std::size_t kSerialBytes = 16;
constexpr std::size_t kReadBufferBytes = 68 * 1024;  // four whole records a system call; given back when idle
constexpr const char* kSuites = "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256";
constexpr const char* kSuites12 = "ECDHE+AESGCM:ECDHE+CHACHA20:DHE+AESGCM";

template <class T, void (*Free)(T*)>
struct Freer {
  void operator()(T* object) const { Free(object); }
};
using Key = std::unique_ptr<EVP_PKEY, Freer<EVP_PKEY, EVP_PKEY_free>>;
using Certificate = std::unique_ptr<X509, Freer<X509, X509_free>>;
using Context = std::unique_ptr<SSL_CTX, Freer<SSL_CTX, SSL_CTX_free>>;
using Extension = std::unique_ptr<X509_EXTENSION, Freer<X509_EXTENSION, X509_EXTENSION_free>>;
struct BioFreer {
  void operator()(BIO* bio) const { BIO_free_all(bio); }
};
using Bio = std::unique_ptr<BIO, BioFreer>;

tl::unexpected<Error> tls_failure(Errc code, const std::string& what) {
  char text[256] = "unknown reason";
  if (const unsigned long error = ERR_get_error(); error != 0) ERR_error_string_n(error, text, sizeof text);
  ERR_clear_error();
  return fail(code, what + ": " + text);
}

/// An encrypted key must not make a daemon ask for a password on its terminal.
int no_password(char*, int, int, void*) {
  return -1;
}

Bio reader_of(const std::string& pem) {
  return Bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
}

Certificate certificate_in(const std::string& pem) {
  const Bio bio = reader_of(pem);
  return Certificate(PEM_read_bio_X509(bio.get(), nullptr, no_password, nullptr));
}

Key key_in(const std::string& pem) {
  const Bio bio = reader_of(pem);
  return Key(PEM_read_bio_PrivateKey(bio.get(), nullptr, no_password, nullptr));
}

bool set_serial(X509* certificate, Random& random) {
  Bytes serial = random.bytes(kSerialBytes);
  serial[0] = static_cast<std::uint8_t>((serial[0] & 0x7f) | 0x40);  // positive, and of the full length
  BIGNUM* number = BN_bin2bn(serial.data(), static_cast<int>(serial.size()), nullptr);
  const bool set = number != nullptr && BN_to_ASN1_INTEGER(number, X509_get_serialNumber(certificate)) != nullptr;
  BN_free(number);
  return set;
}

bool set_name(X509* certificate, const std::string& common_name) {
  X509_NAME* name = X509_get_subject_name(certificate);
  const auto* text = reinterpret_cast<const unsigned char*>(common_name.data());
  return X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, text, static_cast<int>(common_name.size()), -1, 0) ==
             1 &&
         X509_set_issuer_name(certificate, name) == 1;
}

bool add_extension(X509* certificate, int which, const char* value) {
  const Extension extension(X509V3_EXT_conf_nid(nullptr, nullptr, which, value));
  return extension != nullptr && X509_add_ext(certificate, extension.get(), -1) == 1;
}

/// The certificates behind the first one.
void add_chain(SSL_CTX* context, const std::string& pem) {
  const Bio in(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  for (bool first = true;; first = false) {
    X509* certificate = PEM_read_bio_X509(in.get(), nullptr, no_password, nullptr);
    if (certificate == nullptr) break;
    if (first || SSL_CTX_add0_chain_cert(context, certificate) != 1) X509_free(certificate);
  }
  ERR_clear_error();
}

/// Common to both sides.
bool configure(SSL_CTX* context) {
  SSL_CTX_set_mode(context,
                   SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_CTX_set_options(context, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_read_ahead(context, 1);
  SSL_CTX_set_default_read_buffer_len(context, kReadBufferBytes);
  return SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) == 1 &&
         SSL_CTX_set_ciphersuites(context, kSuites) == 1 && SSL_CTX_set_cipher_list(context, kSuites12) == 1;
}

}  // namespace

Result<std::string> make_self_signed_pem(Random& random, const std::string& common_name) {
  // P-256: a handshake costs a fraction of RSA's, and Tahoe's client accepts it. The key itself comes from
  // OpenSSL's generator, which cannot be handed a source.
  const Key key(EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "P-256"));
  const Certificate certificate(X509_new());
  if (!key || !certificate) return tls_failure(Errc::io, "cannot make a key");
  X509* x = certificate.get();
  const bool ok = X509_set_version(x, X509_VERSION_3) == 1 && set_serial(x, random) &&
                  X509_gmtime_adj(X509_getm_notBefore(x), -24 * 3600) != nullptr &&
                  X509_time_adj_ex(X509_getm_notAfter(x), kValidDays, 0, nullptr) != nullptr &&
                  set_name(x, common_name) && X509_set_pubkey(x, key.get()) == 1 &&
                  add_extension(x, NID_basic_constraints, "critical,CA:TRUE") &&
                  X509_sign(x, key.get(), EVP_sha256()) > 0;
  if (!ok) return tls_failure(Errc::io, "cannot make a certificate");
  const Bio out(BIO_new(BIO_s_mem()));
  if (PEM_write_bio_X509(out.get(), x) != 1 ||
      PEM_write_bio_PrivateKey(out.get(), key.get(), nullptr, nullptr, 0, no_password, nullptr) != 1) {
    return tls_failure(Errc::io, "cannot write a certificate");
  }
  char* text = nullptr;
  const long size = BIO_get_mem_data(out.get(), &text);
  return std::string(text, static_cast<std::size_t>(size));
}

Result<CertificateIdentity> identity_of_pem(const std::string& pem) {
  const Certificate certificate = certificate_in(pem);
  if (!certificate) return tls_failure(Errc::malformed, "no certificate in the PEM text");
  return identity_of(certificate.get());
}

Result<TlsServerContext> TlsServerContext::create(const std::string& pem) {
  const Certificate certificate = certificate_in(pem);
  if (!certificate) return tls_failure(Errc::malformed, "no certificate in the PEM text");
  const Key key = key_in(pem);
  if (!key) return tls_failure(Errc::malformed, "no usable private key in the PEM text");
  Context context(SSL_CTX_new(TLS_server_method()));
  if (!context || !configure(context.get())) return tls_failure(Errc::io, "cannot set up TLS");
  SSL_CTX_set_options(context.get(), SSL_OP_NO_TICKET | SSL_OP_CIPHER_SERVER_PREFERENCE);
  SSL_CTX_set_num_tickets(context.get(), 0);
  if (SSL_CTX_use_certificate(context.get(), certificate.get()) != 1 ||
      SSL_CTX_use_PrivateKey(context.get(), key.get()) != 1 || SSL_CTX_check_private_key(context.get()) != 1) {
    return tls_failure(Errc::malformed, "the certificate and the private key do not fit");
  }
  add_chain(context.get(), pem);
  return TlsServerContext(context.release());
}

TlsServerContext::TlsServerContext(TlsServerContext&& other) noexcept
    : context_(std::exchange(other.context_, nullptr)) {}
TlsServerContext::~TlsServerContext() {
  SSL_CTX_free(context_);
}

Result<TlsClientContext> TlsClientContext::create() {
  Context context(SSL_CTX_new(TLS_client_method()));
  if (!context || !configure(context.get())) return tls_failure(Errc::io, "cannot set up TLS");
  install_pin_check(context.get());
  return TlsClientContext(context.release());
}

TlsClientContext::TlsClientContext(TlsClientContext&& other) noexcept
    : context_(std::exchange(other.context_, nullptr)) {}
TlsClientContext::~TlsClientContext() {
  SSL_CTX_free(context_);
}

}  // namespace holdfast::http
