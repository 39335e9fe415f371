// A journal has one form: what is understood is written again to the byte. Inputs are tried as they are and with the
// checksum they should have, else nothing made up would get past it.
#include "holdfast/core/base/check.h"
#include "holdfast/core/base/endian.h"
#include "holdfast/core/crypto/crc32c.h"
#include "holdfast/node/transfer/put_journal.h"

namespace {

using namespace holdfast;
using namespace holdfast::transfer;

void check(ByteView bytes) {
  const auto journal = decode_put_journal(bytes);
  if (!journal) {
    HF_CHECK(journal.error().code == Errc::malformed);
    return;
  }
  HF_CHECK(encode(*journal) == to_bytes(bytes));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  check({data, size});
  Bytes sealed = to_bytes(ByteView{data, size});
  append_be(sealed, 4, crypto::crc32c(sealed));
  check(sealed);
  return 0;
}
