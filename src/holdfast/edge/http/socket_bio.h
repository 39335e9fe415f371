// OpenSSL's view of a non-blocking socket.
#pragma once

struct bio_st;

namespace holdfast::http {

/// As BIO_new_socket, but writing to a broken connection raises no SIGPIPE, and records are gathered: what was written
/// goes out when several records are there, or with flush_socket_bio. Does not own the descriptor. Null when out of memory.
bio_st* make_socket_bio(int descriptor);

enum class Flushed { all, some, broken };
/// Hands over what is gathered, as far as the socket takes it. `some`: again when it is writable. `broken`: errno.
Flushed flush_socket_bio(bio_st* bio);

}  // namespace holdfast::http
