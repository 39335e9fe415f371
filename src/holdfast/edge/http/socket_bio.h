// OpenSSL's view of a non-blocking socket.
#pragma once

struct bio_st;

namespace holdfast::http {

/// As BIO_new_socket, but writing to a broken connection raises no SIGPIPE. Does not own the descriptor.
/// Null when out of memory.
bio_st* make_socket_bio(int descriptor);

}  // namespace holdfast::http
