#include "holdfast/core/resume/upload_log.h"

#include <gtest/gtest.h>

#include "holdfast/core/resume/record_log.h"
#include "support/heap_watch.h"

namespace holdfast::resume {
namespace {

constexpr std::uint64_t kLength = 3 * kPieceBytes + 5;

Hash hash_of(std::uint8_t byte) {
  return Hash::from(Bytes(32, byte));
}

UploadCreation sample_creation(std::optional<std::uint64_t> length) {
  return {UploadId::from(Bytes(16, 7)), hash_of(1), length, 1'700'000'000, to_bytes("parameters")};
}

/// A journal made record by record, and what it says after each of them.
struct Growing {
  Bytes bytes;
  std::vector<std::size_t> ends;
  std::vector<UploadLog> states;

  explicit Growing(std::optional<std::uint64_t> length) { add(encode_creation(sample_creation(length))); }
  void add(const Bytes& record) {
    append(bytes, record);
    const auto replayed = replay_upload(bytes);
    ASSERT_TRUE(replayed.has_value());
    ASSERT_EQ(replayed->good_bytes, bytes.size()) << "record " << states.size() << " was not taken";
    ends.push_back(bytes.size());
    states.push_back(replayed->log);
  }
};

Growing whole_life() {
  Growing out(std::nullopt);
  out.add(encode_durable(kPieceBytes + 1, 1'700'000'010));
  out.add(encode_length(kLength));
  out.add(encode_durable(kLength, 1'700'000'020));
  out.add(encode_withdrawn(1));
  out.add(encode_held(1));
  out.add(encode_sealed(hash_of(9), 1'700'000'030));
  out.add(encode_step(to_bytes("half way")));
  out.add(encode_result(to_bytes("cap"), 1'700'000'040));
  out.add(encode_ended(UploadEnd::expired, "seven days", 1'700'000'050));
  return out;
}

void expect_same(const UploadLog& a, const UploadLog& b) {
  EXPECT_EQ(a.phase, b.phase);
  EXPECT_EQ(a.length, b.length);
  EXPECT_EQ(a.durable, b.durable);
  EXPECT_EQ(a.withdrawn, b.withdrawn);
  EXPECT_EQ(a.seal, b.seal);
  EXPECT_EQ(a.step, b.step);
  EXPECT_EQ(a.result, b.result);
  EXPECT_EQ(a.reason, b.reason);
  EXPECT_EQ(a.active_wall, b.active_wall);
}

TEST(UploadLog, a_whole_life_is_told_record_by_record) {
  const Growing life = whole_life();
  EXPECT_EQ(life.states[1].durable, kPieceBytes + 1);
  EXPECT_FALSE(life.states[1].length.has_value());
  EXPECT_EQ(life.states[2].length, kLength);
  EXPECT_EQ(life.states[4].withdrawn, std::set<std::uint64_t>{1});
  EXPECT_TRUE(life.states[5].withdrawn.empty());
  EXPECT_EQ(life.states[6].phase, UploadPhase::sealed);
  EXPECT_EQ(life.states[7].step, to_bytes("half way"));
  EXPECT_EQ(life.states[8].phase, UploadPhase::committed);
  EXPECT_EQ(life.states[8].result, to_bytes("cap"));
  EXPECT_EQ(life.states[9].phase, UploadPhase::ended);
  EXPECT_EQ(life.states[9].reason, "seven days");
  EXPECT_EQ(life.states[9].creation.about, to_bytes("parameters"));
  EXPECT_EQ(life.states[9].active_wall, 1'700'000'050);
}

TEST(UploadLog, cut_at_every_byte_it_says_what_the_last_whole_record_said) {
  const Growing life = whole_life();
  for (std::size_t cut = 0; cut <= life.bytes.size(); ++cut) {
    const auto replayed = replay_upload(ByteView(life.bytes).first(cut));
    std::size_t whole = 0;
    while (whole < life.ends.size() && life.ends[whole] <= cut) ++whole;
    ASSERT_EQ(replayed.has_value(), whole > 0) << cut;
    if (whole == 0) continue;
    ASSERT_EQ(replayed->good_bytes, life.ends[whole - 1]) << cut;
    expect_same(replayed->log, life.states[whole - 1]);
  }
}

TEST(UploadLog, a_flipped_bit_anywhere_ends_it_before_that_record) {
  const Growing life = whole_life();
  for (std::size_t at = 0; at < life.bytes.size(); ++at) {
    Bytes damaged = life.bytes;
    damaged[at] ^= 0x10;
    const auto replayed = replay_upload(damaged);
    std::size_t whole = 0;
    while (life.ends[whole] <= at) ++whole;  // the damaged record
    ASSERT_EQ(replayed.has_value(), whole > 0) << at;
    if (whole == 0) continue;
    ASSERT_EQ(replayed->good_bytes, life.ends[whole - 1]) << at;
  }
}

TEST(UploadLog, compacted_it_says_the_same) {
  for (const UploadLog& state : whole_life().states) {
    const Bytes compact = compact_upload(state);
    const auto again = replay_upload(compact);
    ASSERT_TRUE(again.has_value());
    EXPECT_EQ(again->good_bytes, compact.size());
    expect_same(again->log, state);
  }
}

/// What must not be believed where it stands.
struct Misplaced {
  const char* name;
  std::vector<Bytes> before;
  Bytes record;
};

TEST(UploadLog, records_that_cannot_follow_end_the_journal) {
  const std::vector<Bytes> to_seal = {encode_durable(kLength, 1), encode_sealed(hash_of(9), 2)};
  std::vector<Bytes> to_commit = to_seal;
  to_commit.push_back(encode_result(to_bytes("cap"), 3));
  const std::vector<Misplaced> cases = {
      {"an offset that goes back", {encode_durable(100, 1)}, encode_durable(99, 1)},
      {"an offset behind the length", {}, encode_durable(kLength + 1, 1)},
      {"a second length", {}, encode_length(kLength)},
      {"a seal before the end", {encode_durable(kLength - 1, 1)}, encode_sealed(hash_of(9), 2)},
      {"a seal over a withdrawn piece",
       {encode_durable(kLength, 1), encode_withdrawn(0)},
       encode_sealed(hash_of(9), 2)},
      {"a withdrawn piece behind the offset", {encode_durable(kPieceBytes, 1)}, encode_withdrawn(1)},
      {"a piece held that was not withdrawn", {encode_durable(kPieceBytes, 1)}, encode_held(0)},
      {"bytes after the seal", to_seal, encode_durable(kLength, 3)},
      {"a result before the seal", {}, encode_result(to_bytes("cap"), 3)},
      {"a second result", to_commit, encode_result(to_bytes("other"), 3)},
      {"a step after the result", to_commit, encode_step(to_bytes("x"))},
      {"a second end", {encode_ended(UploadEnd::failed, "", 1)}, encode_ended(UploadEnd::failed, "", 1)},
      {"an unknown type", {}, encode_record(200, to_bytes("x"))},
      {"a second creation", {}, encode_record(1, Bytes(64))},
  };
  for (const Misplaced& each : cases) {
    Bytes journal = encode_creation(sample_creation(kLength));
    for (const Bytes& record : each.before) append(journal, record);
    const std::size_t good = journal.size();
    append(journal, each.record);
    const auto replayed = replay_upload(journal);
    ASSERT_TRUE(replayed.has_value()) << each.name;
    EXPECT_EQ(replayed->good_bytes, good) << each.name;
  }
}

TEST(UploadLog, a_length_that_is_told_later_covers_what_is_there) {
  Bytes journal = encode_creation(sample_creation(std::nullopt));
  append(journal, encode_durable(100, 1));
  const std::size_t good = journal.size();
  append(journal, encode_length(99));
  EXPECT_EQ(replay_upload(journal)->good_bytes, good);
}

TEST(UploadLog, a_claimed_length_of_a_record_costs_nothing) {
  Bytes journal = encode_creation(sample_creation(kLength));
  append(journal, Bytes{3, 0xff, 0xff, 0xff});
  journal.resize(journal.size() + 64);
  test::HeapWatch watch;
  const auto replayed = replay_upload(journal);
  watch.look();
  EXPECT_TRUE(replayed.has_value());
  EXPECT_LT(watch.grown(), 100'000u);
}

TEST(UploadLog, other_files_are_not_journals) {
  EXPECT_EQ(replay_upload({}).error().code, Errc::malformed);
  EXPECT_EQ(replay_upload(to_bytes("HFUPLOD1")).error().code, Errc::malformed);
  EXPECT_EQ(replay_upload(to_bytes("GBSPART1 and more bytes than a header has")).error().code, Errc::malformed);
}

}  // namespace
}  // namespace holdfast::resume
