#include "holdfast/edge/http/socket_bio.h"

#include <openssl/bio.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstdint>

namespace holdfast::http {
namespace {

constexpr int kAtEnd = 0x800;  // a flag of ours in the BIO: the peer has sent FIN

int descriptor_of(BIO* bio) {
  return static_cast<int>(reinterpret_cast<std::intptr_t>(BIO_get_data(bio)));
}

bool is_temporary(int error) {
  return error == EAGAIN || error == EWOULDBLOCK || error == EINTR;
}

int write_to(BIO* bio, const char* data, int size) {
  BIO_clear_retry_flags(bio);
  errno = 0;
  const ssize_t put = ::send(descriptor_of(bio), data, static_cast<std::size_t>(size), MSG_NOSIGNAL);
  if (put < 0 && is_temporary(errno)) BIO_set_retry_write(bio);
  return static_cast<int>(put);
}

int read_from(BIO* bio, char* out, int size) {
  BIO_clear_retry_flags(bio);
  errno = 0;
  const ssize_t got = ::recv(descriptor_of(bio), out, static_cast<std::size_t>(size), 0);
  if (got < 0 && is_temporary(errno)) BIO_set_retry_read(bio);
  if (got == 0) BIO_set_flags(bio, kAtEnd);
  return static_cast<int>(got);
}

long control(BIO* bio, int command, long, void*) {
  if (command == BIO_CTRL_FLUSH) return 1;
  if (command == BIO_CTRL_EOF) return BIO_test_flags(bio, kAtEnd) != 0 ? 1 : 0;
  return 0;
}

BIO_METHOD* make_method() {
  BIO_METHOD* method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "holdfast socket");
  BIO_meth_set_write(method, write_to);
  BIO_meth_set_read(method, read_from);
  BIO_meth_set_ctrl(method, control);
  return method;
}

}  // namespace

bio_st* make_socket_bio(int descriptor) {
  // A table of functions, the same for all: made once, never changed.
  static BIO_METHOD* const method = make_method();
  BIO* bio = BIO_new(method);
  if (bio == nullptr) return nullptr;
  BIO_set_data(bio, reinterpret_cast<void*>(static_cast<std::intptr_t>(descriptor)));
  BIO_set_init(bio, 1);
  return bio;
}

}  // namespace holdfast::http
