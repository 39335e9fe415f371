#include "holdfast/edge/http/socket_bio.h"

#include <openssl/bio.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

#include "holdfast/core/base/bytes.h"

namespace holdfast::http {
namespace {

constexpr int kAtEnd = 0x800;  // a flag of ours in the BIO: the peer has sent FIN

// Four records and their framing: a system call each costs more than copying them.
constexpr std::size_t kGatheredBytesMax = 72 * 1024;

struct State {
  int descriptor = -1;
  Bytes gathered;  // takes no memory while nothing is under way
  std::size_t sent = 0;
};

State& state_of(BIO* bio) {
  return *static_cast<State*>(BIO_get_data(bio));
}

bool is_temporary(int error) {
  return error == EAGAIN || error == EWOULDBLOCK || error == EINTR;
}

Flushed flush(State& state) {
  while (state.sent < state.gathered.size()) {
    errno = 0;
    const ssize_t put =
        ::send(state.descriptor, state.gathered.data() + state.sent, state.gathered.size() - state.sent, MSG_NOSIGNAL);
    if (put < 0) return is_temporary(errno) ? Flushed::some : Flushed::broken;
    state.sent += static_cast<std::size_t>(put);
  }
  Bytes().swap(state.gathered);
  state.sent = 0;
  return Flushed::all;
}

int write_to(BIO* bio, const char* data, int size) {
  BIO_clear_retry_flags(bio);
  State& state = state_of(bio);
  const ByteView record = view_of({data, static_cast<std::size_t>(size)});
  if (state.gathered.size() + record.size() > kGatheredBytesMax) {
    const Flushed flushed = flush(state);
    if (flushed == Flushed::some) BIO_set_retry_write(bio);
    if (flushed != Flushed::all) return -1;
  }
  if (state.gathered.empty()) state.gathered.reserve(std::max(kGatheredBytesMax, record.size()));
  append(state.gathered, record);
  return size;
}

int read_from(BIO* bio, char* out, int size) {
  BIO_clear_retry_flags(bio);
  errno = 0;
  const ssize_t got = ::recv(state_of(bio).descriptor, out, static_cast<std::size_t>(size), 0);
  if (got < 0 && is_temporary(errno)) BIO_set_retry_read(bio);
  if (got == 0) BIO_set_flags(bio, kAtEnd);
  return static_cast<int>(got);
}

long control(BIO* bio, int command, long, void*) {
  if (command == BIO_CTRL_FLUSH) {
    BIO_clear_retry_flags(bio);
    const Flushed flushed = flush(state_of(bio));
    if (flushed == Flushed::some) BIO_set_retry_write(bio);
    return flushed == Flushed::all ? 1 : -1;
  }
  if (command == BIO_CTRL_EOF) return BIO_test_flags(bio, kAtEnd) != 0 ? 1 : 0;
  return 0;
}

int destroy(BIO* bio) {
  delete static_cast<State*>(BIO_get_data(bio));
  BIO_set_data(bio, nullptr);
  return 1;
}

BIO_METHOD* make_method() {
  BIO_METHOD* method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "holdfast socket");
  BIO_meth_set_write(method, write_to);
  BIO_meth_set_read(method, read_from);
  BIO_meth_set_ctrl(method, control);
  BIO_meth_set_destroy(method, destroy);
  return method;
}

}  // namespace

bio_st* make_socket_bio(int descriptor) {
  // A table of functions, the same for all: made once, never changed.
  static BIO_METHOD* const method = make_method();
  BIO* bio = BIO_new(method);
  if (bio == nullptr) return nullptr;
  BIO_set_data(bio, new State{descriptor, {}, 0});
  BIO_set_init(bio, 1);
  return bio;
}

Flushed flush_socket_bio(bio_st* bio) {
  return flush(state_of(bio));
}

}  // namespace holdfast::http
