#include "holdfast/node/transfer/helper_rules.h"

#include <gtest/gtest.h>

#include "holdfast/core/immutable/share_test_kit.h"

namespace holdfast::transfer {
namespace {

using Kind = protocol::HelperState::Kind;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

std::string netstring(std::string_view key, std::string_view value) {
  return std::string(key) + ":" + std::to_string(value.size()) + ":" + std::string(value) + ",";
}

class ExtensionBlocks : public testing::Test {
 protected:
  UebMatch match(const Bytes& theirs) { return compare_ueb(own_, theirs, 2); }
  Bytes with(std::string_view more) const {
    Bytes out = own_;
    append(out, more);
    return out;
  }

  immutable::test_kit::EncodedFile file_{immutable::test_kit::plaintext_of(1000),
                                         immutable::make_params(2, 4, 1000, 300).value(), cap::Key::from(Bytes(16, 9))};
  const Bytes own_ = to_bytes(file_.encoder().uri_extension());
};

TEST_F(ExtensionBlocks, are_the_same_byte_for_byte) {
  EXPECT_EQ(match(own_), UebMatch::same);
}

TEST_F(ExtensionBlocks, of_old_uploaders_have_hashes_of_the_plaintext_too) {
  const std::string hash(32, 'p');
  EXPECT_EQ(match(with(netstring("plaintext_hash", hash))), UebMatch::old_uploader);
  EXPECT_EQ(match(with(netstring("plaintext_root_hash", hash))), UebMatch::old_uploader);
  EXPECT_EQ(match(with(netstring("plaintext_hash", hash) + netstring("plaintext_root_hash", hash))),
            UebMatch::old_uploader);
}

TEST_F(ExtensionBlocks, with_any_other_field_are_foreign) {
  EXPECT_EQ(match(with(netstring("comment", "x"))), UebMatch::foreign);
  EXPECT_EQ(match(with(netstring("plaintext_hash", "x") + netstring("comment", "x"))), UebMatch::foreign);
}

TEST_F(ExtensionBlocks, with_any_bit_changed_are_foreign) {
  for (std::size_t bit = 0; bit < own_.size() * 8; ++bit) {
    Bytes theirs = own_;
    theirs[bit / 8] ^= static_cast<std::uint8_t>(1u << (bit % 8));
    ASSERT_EQ(match(theirs), UebMatch::foreign) << bit;
  }
}

TEST_F(ExtensionBlocks, cut_short_or_of_nothing_are_foreign) {
  for (std::size_t length = 0; length < own_.size(); ++length)
    ASSERT_EQ(match(to_bytes(ByteView(own_).first(length))), UebMatch::foreign);
}

// Another form of the same fields would be another cap of the same file.
TEST_F(ExtensionBlocks, with_their_fields_in_another_order_are_foreign) {
  const std::string text(text_of(own_));
  const std::size_t first_end = text.find("crypttext_hash");
  ASSERT_NE(first_end, std::string::npos);
  EXPECT_EQ(match(to_bytes(text.substr(first_end) + text.substr(0, first_end))), UebMatch::foreign);
}

protocol::HelperState state(Kind kind, std::uint64_t offset = 0) {
  protocol::HelperState out;
  out.kind = kind;
  out.offset = offset;
  return out;
}

TEST(PreferredOrder, begins_with_who_needs_the_least) {
  const std::vector<std::optional<protocol::HelperState>> states{
      std::nullopt,           state(Kind::receiving, 5), state(Kind::failed),      state(Kind::pushing),
      state(Kind::receiving), state(Kind::done),         state(Kind::receiving, 7)};
  EXPECT_EQ(preferred_order(states), (std::vector<std::size_t>{5, 3, 6, 1, 4, 2, 0}));
}

TEST(PreferredOrder, is_the_configured_one_among_equals) {
  const std::vector<std::optional<protocol::HelperState>> states(4);
  EXPECT_EQ(preferred_order(states), (std::vector<std::size_t>{0, 1, 2, 3}));
}

TEST(WrongPieces, are_named_by_their_number_in_the_file) {
  const std::vector<Hash> own{Hash::from(Bytes(32, 1)), Hash::from(Bytes(32, 2)), Hash::from(Bytes(32, 3))};
  std::vector<Hash> theirs = own;
  EXPECT_TRUE(wrong_pieces(7, theirs, own).empty());
  theirs[0].bytes[31] ^= 1;
  theirs[2].bytes[0] ^= 1;
  EXPECT_EQ(wrong_pieces(7, theirs, own), (std::vector<std::uint64_t>{7, 9}));
}

TEST(Movement, is_what_gets_further_than_it_ever_was) {
  const auto at = [](Kind kind, std::uint64_t done) {
    protocol::HelperState out = state(kind, kind == Kind::receiving ? done : 0);
    out.done_bytes = kind == Kind::receiving ? 0 : done;
    out.total_bytes = 10;
    return out;
  };
  using Step = HelperMovement::Step;
  HelperMovement movement;
  EXPECT_EQ(movement.note(at(Kind::receiving, 5)), Step::new_phase);
  EXPECT_EQ(movement.note(at(Kind::receiving, 5)), Step::none);
  EXPECT_EQ(movement.note(at(Kind::receiving, 6)), Step::further);
  EXPECT_EQ(movement.note(at(Kind::encoding, 0)), Step::new_phase);
  EXPECT_EQ(movement.note(at(Kind::pushing, 0)), Step::new_phase);
  EXPECT_EQ(movement.note(at(Kind::pushing, 3)), Step::further);
  EXPECT_EQ(movement.note(at(Kind::encoding, 0)), Step::none) << "it tries again";
  EXPECT_EQ(movement.note(at(Kind::pushing, 0)), Step::none);
  EXPECT_EQ(movement.note(at(Kind::pushing, 3)), Step::none);
  EXPECT_EQ(movement.note(at(Kind::pushing, 4)), Step::further);
  EXPECT_EQ(movement.note(at(Kind::pushing, 10)), Step::further);
  EXPECT_EQ(movement.note(at(Kind::pushing, 11)), Step::none) << "more than there is to do";
  EXPECT_EQ(movement.note(at(Kind::receiving, 0)), Step::new_phase) << "it lost what it held";
  EXPECT_EQ(movement.note(at(Kind::pushing, 1)), Step::new_phase);
  unsigned new_phases = 0;
  for (int i = 0; i < 100; ++i) {
    for (const Kind kind : {Kind::receiving, Kind::encoding})
      if (movement.note(at(kind, 0)) != Step::none) ++new_phases;
  }
  EXPECT_LE(new_phases, 5u) << "it does not lose it for ever";
}

HelperTrouble refused(unsigned failures, io::Duration lasts, std::uint64_t held = 0, double rate = 0) {
  return {failures, false, lasts, held, rate};
}

TEST(WaitingForAHelper, is_worth_a_quarter_of_what_it_would_cost_to_send_again_what_it_holds) {
  constexpr std::uint64_t megabyte = 1'000'000;
  EXPECT_EQ(worth_waiting(refused(1, {}, 40 * megabyte, 1e6)), seconds(10));
  EXPECT_EQ(worth_waiting(refused(1, {}, 400 * megabyte, 1e6)), seconds(100));
  EXPECT_EQ(worth_waiting(refused(1, {}, 400 * megabyte, 1e7)), seconds(10)) << "a faster line";
  EXPECT_EQ(worth_waiting(refused(1, {}, 40 * 1'048'576)), seconds(10)) << "a line that was not measured";
}

TEST(WaitingForAHelper, is_long_enough_for_a_restart_and_not_without_end) {
  EXPECT_EQ(worth_waiting(refused(1, {})), seconds(3));
  EXPECT_EQ(worth_waiting(refused(1, {}, 1, 1e9)), seconds(3));
  EXPECT_EQ(worth_waiting(refused(1, {}, std::uint64_t{1} << 40, 1e3)), minutes(2));
  EXPECT_EQ(worth_waiting(refused(1, {}, ~std::uint64_t{0}, 1e-300)), minutes(2));
}

TEST(WaitingForAHelper, takes_some_refusals_or_one_silence) {
  EXPECT_FALSE(waited_enough(refused(3, milliseconds(2'999))));
  EXPECT_TRUE(waited_enough(refused(3, seconds(3))));
  EXPECT_FALSE(waited_enough(refused(2, seconds(15)))) << "one may have been slow to come";
  HelperTrouble silent = refused(1, seconds(15));
  silent.silent = true;
  EXPECT_TRUE(waited_enough(silent));
  silent.held = 100'000'000;
  silent.bytes_per_second = 1e6;
  EXPECT_FALSE(waited_enough(silent)) << "100 s of sending, 25 of them at stake";
  silent.lasts = seconds(25);
  EXPECT_TRUE(waited_enough(silent));
}

}  // namespace
}  // namespace holdfast::transfer
