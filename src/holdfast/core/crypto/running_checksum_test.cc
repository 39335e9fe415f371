#include "holdfast/core/crypto/running_checksum.h"

#include <gtest/gtest.h>

namespace holdfast::crypto {
namespace {

std::string of(std::string_view algorithm, std::string_view text) {
  const auto sum = make_running_checksum(algorithm);
  for (const char c : text) sum->update(view_of(std::string_view(&c, 1)));
  return to_hex(sum->finish());
}

TEST(RunningChecksum, GivesThePublishedCheckValues) {
  EXPECT_EQ(of("crc32", "123456789"), "cbf43926");
  EXPECT_EQ(of("crc32c", "123456789"), "e3069283");
  EXPECT_EQ(of("md5", "abc"), "900150983cd24fb0d6963f7d28e17f72");
  EXPECT_EQ(of("sha1", "abc"), "a9993e364706816aba3e25717850c26c9cd0d89d");
  EXPECT_EQ(of("sha256", "abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(of("sha512", "").substr(0, 16), "cf83e1357eefb8bd");
}

TEST(RunningChecksum, KnowsNoOthers) {
  EXPECT_EQ(make_running_checksum("sha3"), nullptr);
  EXPECT_EQ(make_running_checksum("SHA1"), nullptr);
}

}  // namespace
}  // namespace holdfast::crypto
