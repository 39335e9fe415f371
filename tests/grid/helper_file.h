// A file as a helper sees it, and the helper that tests ask about it.
#pragma once

#include "holdfast/core/immutable/share_test_kit.h"
#include "holdfast/node/helper/helper_service.h"
#include "support/seeded_random.h"

namespace holdfast::test {

inline const std::string kIncoming = "/spool/CHK_incoming", kEncoding = "/spool/CHK_encoding";

struct HelperFile {
  static constexpr unsigned kK = 2, kN = 3;
  static constexpr std::uint64_t kBytes = 300'001, kSegmentBytes = 60'000;

  const Bytes plaintext = SeededRandom(18).bytes(kBytes);
  const immutable::Params params = immutable::make_params(kK, kN, kBytes, kSegmentBytes).value();
  immutable::test_kit::EncodedFile encoded{plaintext, params, cap::Key::from(Bytes(16, 5))};
  const StorageIndex si = StorageIndex::from(Bytes(StorageIndex::kSize, 6));
  Bytes ciphertext;
  std::vector<Bytes> shares;
  Hash pieces;

  HelperFile() {
    for (const auto& segment : encoded.segments()) append(ciphertext, segment.ciphertext());
    for (ShareNumber share = 0; share < kN; ++share) shares.push_back(encoded.share(share));
    resume::PieceDigests digests;
    digests.update(ciphertext);
    std::vector<Hash> all;
    for (std::uint64_t piece = 0; piece < digests.count(); ++piece) all.push_back(*digests.at(piece));
    pieces = resume::digest_of_pieces(all);
  }
  protocol::HelperRequest request() const { return {kBytes, kK, kN, kN, encoded.geometry().segment_size(), {}}; }
};

inline helper::ServiceOptions helper_options() {
  helper::ServiceOptions out;
  out.store.receiving_directory = kIncoming;
  out.store.sealed_directory = kEncoding;
  out.store.token_key_path = "/spool/token.key";
  out.store.free_bytes_min = 0;
  out.given_up_path = "/spool/given-up.json";
  return out;
}

inline helper::Asker the_asker() {
  return {Secret(Bytes(32, 4)), "the client"};
}

}  // namespace holdfast::test
