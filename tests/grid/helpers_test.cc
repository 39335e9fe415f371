// put through helpers in memory: what they save, and what they may do without harm.
#include "grid/helpers_test_kit.h"
#include "holdfast/core/crypto/aes_ctr.h"
#include "holdfast/core/immutable/uri_extension.h"
#include "holdfast/node/transfer/ciphertext_front.h"

namespace holdfast::test::helpers {
namespace {

TEST_F(HelpersTest, each_byte_is_sent_once_and_the_cap_is_that_of_a_direct_upload) {
  MemoryHelper& helper = grid_.add_helper();
  const transfer::UploadReport report = expect_through(helper);
  EXPECT_EQ(helper.received, kFileBytes);
  EXPECT_EQ(report.via->bytes_sent, kFileBytes);
  EXPECT_EQ(report.bytes_sent, kFileBytes);
  EXPECT_EQ(report.shares_placed, kN);
  EXPECT_TRUE(report.warnings.empty());
  EXPECT_EQ(helper.calls[Call::append], 1u) << "no round trip a chunk";
  EXPECT_EQ(helper.calls[Call::begin], 1u);
  EXPECT_EQ(helper.calls[Call::digests], 0u);
  for (const auto& server : grid_.servers) EXPECT_GE(server->leases, 1u) << "the client's own lease";
}

TEST_F(HelpersTest, a_random_key_goes_through_one_too) {
  key_mode_ = transfer::KeyMode::random;
  MemoryHelper& helper = grid_.add_helper();
  const auto report = put();
  ASSERT_TRUE(report) << report.error().what;
  EXPECT_EQ(report->via->name, helper.name());
  EXPECT_NE(report->cap, cap::to_string(cap::Cap(file_.cap())));
}

TEST_F(HelpersTest, cuts_cost_what_was_not_durable_and_no_more) {
  for (std::uint64_t seed = 0; seed < 8; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    SeededRandom random(seed);
    for (const auto& server : grid_.servers) server->shares.clear();
    grid_.helpers.clear();
    MemoryHelper& helper = grid_.add_helper();
    helper.lost_at_a_cut = random.below(100'000);
    const auto count = 1 + random.below(6);
    for (std::uint64_t i = 0; i < count; ++i) helper.cuts.push_back(1 + random.below(kFileBytes / 3));
    const transfer::UploadReport report = expect_through(helper);
    // A chunk that was being written when the connection broke counts as sent.
    EXPECT_LE(report.via->bytes_sent, kFileBytes + count * (helper.lost_at_a_cut + 262'144));
    EXPECT_EQ(report.via->bytes_sent - report.via->bytes_resent, kFileBytes);
    EXPECT_EQ(report.via->bytes_skipped, 0u);
    EXPECT_EQ(report.cuts, helper.broken);
    if (HasFailure()) return;
  }
}

TEST_F(HelpersTest, what_an_earlier_run_sent_is_compared_and_skipped) {
  for (const std::uint64_t held : {std::uint64_t{1}, kPiece - 1, kPiece, 2 * kPiece + 7, kFileBytes - 1, kFileBytes}) {
    SCOPED_TRACE(std::to_string(held) + " bytes held");
    for (const auto& server : grid_.servers) server->shares.clear();
    grid_.helpers.clear();
    MemoryHelper& helper = grid_.add_helper();
    hold(helper, held);
    const transfer::UploadReport report = expect_through(helper);
    EXPECT_EQ(report.via->bytes_sent, kFileBytes - held);
    EXPECT_EQ(report.via->bytes_skipped, held);
    EXPECT_EQ(helper.drops, 0u);
  }
}

// The link does not wait for what is hashed.
TEST_F(HelpersTest, the_rest_of_a_file_is_there_to_be_sent_before_its_beginning_was_looked_at) {
  grid_.during([this](const transfer::Context& context) -> io::Task<void> {
    transfer::UploadOptions options;
    options.k = kK;
    options.happy = kHappy;
    options.n = 25;  // so that the window is short: 13 of 35 segments
    options.segment_bytes_max = 100'000;
    transfer::Progress progress;
    transfer::SourceIdentity source = transfer::identify(context.files, kPath).value();
    auto prepared = co_await transfer::prepare(context, std::move(source), options, transfer::Purpose::plan, progress);
    transfer::CiphertextFront front(context, *prepared, transfer::Proof::full, std::nullopt);  // and does not run
    transfer::CiphertextBytes body(front, Range{kFileBytes - 25'000, kFileBytes}, true);
    Bytes came;
    while (came.size() < body.length()) {
      const auto chunk = co_await body.next();
      if (!chunk) break;
      append(came, *chunk);
    }
    crypto::AesCtr cipher(prepared->journal.key.view(), kFileBytes - 25'000);
    Bytes expected = to_bytes(ByteView(plaintext_).last(25'000));
    cipher.apply(expected, expected);
    EXPECT_EQ(came, expected);
  });
}

TEST_F(HelpersTest, poisoned_pieces_cost_themselves) {
  MemoryHelper& helper = grid_.add_helper();
  hold(helper, 3 * kPiece + 1000);
  helper.spool[0] ^= 1;
  helper.spool[3 * kPiece - 1] ^= 1;
  helper.spool[3 * kPiece + 5] ^= 1;  // in the tail, which only the digest over all shows
  const transfer::UploadReport report = expect_through(helper);
  EXPECT_EQ(helper.replaced, (std::vector<std::uint64_t>{0, 2, 3}));
  EXPECT_EQ(report.via->pieces_wrong, 3u);
  EXPECT_EQ(report.via->bytes_sent, kFileBytes - (3 * kPiece + 1000) + 2 * kPiece + (kFileBytes - 3 * kPiece));
  EXPECT_EQ(helper.drops, 0u);
}

TEST_F(HelpersTest, a_whole_file_of_noise_costs_the_file_and_no_more) {
  MemoryHelper& helper = grid_.add_helper();
  hold(helper, kFileBytes);
  helper.spool = SeededRandom(9).bytes(kFileBytes);
  const transfer::UploadReport report = expect_through(helper);
  EXPECT_EQ(report.via->bytes_sent, kFileBytes);
  EXPECT_EQ(report.via->bytes_skipped, 0u);
}

TEST_F(HelpersTest, what_is_in_the_grid_already_is_not_sent) {
  MemoryHelper& helper = grid_.add_helper();
  for (unsigned i = 0; i < kN; ++i)
    grid_.servers[i]->shares[static_cast<ShareNumber>(i)] = file_.share(static_cast<ShareNumber>(i));
  helper.tamper = [this](Call, State& state) { state = present(); };
  const transfer::UploadReport report = expect_through(helper);
  EXPECT_EQ(report.bytes_sent, 0u);
  EXPECT_EQ(helper.calls[Call::append], 0u);
}

TEST_F(HelpersTest, present_of_what_is_nowhere_is_found_out) {
  MemoryHelper& helper = grid_.add_helper();
  helper.tamper = [this](Call, State& state) { state = present(); };
  const transfer::UploadReport report = expect_direct();
  EXPECT_TRUE(says(report, "helper0 says that the file is in the grid"));
  EXPECT_EQ(report.via->bytes_sent, 0u);
}

// Lies about what it made of the file. Each is found out twice, and then gone around.
TEST_F(HelpersTest, a_flipped_bit_is_found_out) {
  MemoryHelper& helper = grid_.add_helper();
  helper.places = false;  // else its shares would be in the way
  helper.before_push = [](Bytes& bytes) { bytes[bytes.size() / 2] ^= 0x10; };
  const transfer::UploadReport report = expect_direct();
  EXPECT_TRUE(says(report, "helper0 lies"));
  EXPECT_EQ(helper.drops, 2u);
  EXPECT_EQ(report.via->bytes_sent, 2 * kFileBytes);
}

TEST_F(HelpersTest, a_bit_flipped_once_is_sent_again_to_the_same_helper) {
  MemoryHelper& helper = grid_.add_helper();
  helper.places = false;
  helper.before_push = [&](Bytes& bytes) {
    if (!helper.places) bytes[7] ^= 1;
  };
  const auto second = [&](Call call, State&) {
    helper.places = helper.places || (call == Call::begin && helper.drops > 0);
  };
  helper.tamper = second;
  const transfer::UploadReport report = expect_through(helper);
  EXPECT_TRUE(says(report, "helper0 lies"));
  EXPECT_EQ(helper.drops, 1u);
}

TEST_F(HelpersTest, a_server_that_drips_what_it_is_asked_to_show_is_not_waited_for) {
  MemoryHelper& helper = grid_.add_helper();
  grid_.servers[2]->a_byte_takes = seconds(5);
  const io::Time begun = grid_.loop.now();
  const Result<transfer::UploadReport> report = put();
  ASSERT_TRUE(report.has_value()) << report.error().what;
  EXPECT_TRUE(report->via && report->via->name == helper.name() && report->via->proven);
  EXPECT_EQ(report->happiness, kN - 1) << "what it did not show is not counted";
  EXPECT_LT(grid_.loop.now() - begun, seconds(60));
}

TEST_F(HelpersTest, an_invented_placement_is_found_out) {
  MemoryHelper& helper = grid_.add_helper();
  helper.places = false;
  const transfer::UploadReport report = expect_direct();
  EXPECT_TRUE(says(report, "the servers prove a happiness of 0 only"));
  EXPECT_EQ(report.via->bytes_sent, kFileBytes) << "once is enough";
}

TEST_F(HelpersTest, garbage_in_the_place_of_the_file_is_gone_around_by_other_shares) {
  grid_.add_helper().before_push = [](Bytes& bytes) { std::ranges::fill(bytes, std::uint8_t{0}); };
  const transfer::UploadReport report = expect_direct();
  EXPECT_TRUE(says(report, "helper0 lies"));
}

TEST_F(HelpersTest, shares_of_something_else_on_every_server_are_got_out_of_by_a_random_key) {
  grid_.add_helper();
  kit::EncodedFile stranger(Bytes(kFileBytes, 's'), params_, cap::Key::from(Bytes(16, 3)));
  const StorageIndex planted = cap::storage_index_of(file_.key());
  for (const auto& server : grid_.servers) {
    for (ShareNumber share = 0; share < kN; ++share) server->shares[share] = stranger.share(share);
    server->asked = [&, server = server.get(), there = true](const StorageIndex& si) mutable {
      if (si == planted || !std::exchange(there, false)) return;
      server->shares.clear();
      server->uploads.clear();
    };
  }
  const auto report = put();
  ASSERT_TRUE(report) << report.error().what;
  EXPECT_TRUE(says(*report, "under a random key"));
  EXPECT_NE(report->cap, cap::to_string(cap::Cap(file_.cap())));
  const auto back = grid_.download(cap::parse_cap(report->cap));
  EXPECT_TRUE(back && *back == plaintext_);
  EXPECT_TRUE(grid_.files.list("/node/transfers").value().empty()) << "neither journal is left";
}

TEST_F(HelpersTest, a_server_that_takes_no_lease_of_ours_is_named) {
  const MemoryHelper& helper = grid_.add_helper();
  grid_.servers[2]->takes_leases = false;
  const transfer::UploadReport report = expect_through(helper);
  EXPECT_TRUE(says(report, "server2 did not take a lease"));
  EXPECT_FALSE(says(report, "server1 did not take a lease"));
}

TEST_F(HelpersTest, without_servers_the_placement_is_the_helpers_word_and_said_so) {
  grid_.add_helper();
  grid_.knows_servers = false;
  const auto report = put();
  ASSERT_TRUE(report) << report.error().what;
  EXPECT_FALSE(report->via->proven);
  EXPECT_TRUE(says(*report, "the word of helper0"));
  EXPECT_EQ(report->shares_placed, kN);
}

TEST_F(HelpersTest, foreign_shares_are_named_to_the_helper) {
  kit::EncodedFile stranger(Bytes(kFileBytes, 's'), params_, cap::Key::from(Bytes(16, 3)));
  State foreign = present();
  foreign.ueb = to_bytes(stranger.encoder().uri_extension());
  for (const State::Kind kind : {State::Kind::present, State::Kind::done}) {  // done: it has repaired them
    for (const auto& server : grid_.servers) server->shares.clear();
    grid_.helpers.clear();
    MemoryHelper& helper = grid_.add_helper();
    foreign.kind = kind;
    helper.tamper = [&](Call call, State& state) {
      if (call == Call::begin && helper.requests.back().reject.empty()) state = foreign;
    };
    const transfer::UploadReport report = expect_through(helper);
    ASSERT_EQ(helper.requests.size(), 2u);
    EXPECT_EQ(helper.requests[1].reject, std::vector<Hash>{immutable::uri_extension_hash(foreign.ueb)});
    EXPECT_FALSE(says(report, "lies"));
  }
}

TEST_F(HelpersTest, ever_new_foreign_shares_end_somewhere) {
  MemoryHelper& helper = grid_.add_helper();
  helper.tamper = [&](Call call, State& state) {
    if (call != Call::begin) return;
    state = present();
    state.ueb = to_bytes("noise " + std::to_string(helper.requests.size()));
  };
  expect_direct();
  EXPECT_LE(helper.requests.size(), 20u);
}

TEST_F(HelpersTest, an_offset_that_it_does_not_have_is_found_out) {
  MemoryHelper& helper = grid_.add_helper();
  helper.tamper = [](Call call, State& state) {
    if (call == Call::begin && state.kind == State::Kind::receiving) state.offset = 3 * kPiece;
  };
  const transfer::UploadReport report = expect_direct();
  EXPECT_TRUE(says(report, "does not take bytes at the offset that it names"));
}

TEST_F(HelpersTest, an_offset_beyond_the_file_is_found_out) {
  MemoryHelper& helper = grid_.add_helper();
  helper.tamper_offset = [](std::uint64_t& offset) { offset = kFileBytes + 1; };
  EXPECT_TRUE(says(expect_direct(), "claims to hold more"));
}

TEST_F(HelpersTest, more_than_was_sent_is_found_out_while_it_is_being_sent) {
  MemoryHelper& helper = grid_.add_helper();
  helper.tamper_told = [](std::uint64_t& durable) { durable += kPiece; };
  EXPECT_TRUE(says(expect_direct(), "claims to hold more than was sent"));
}

TEST_F(HelpersTest, going_back_behind_what_it_told_while_it_received_is_found_out) {
  MemoryHelper& helper = grid_.add_helper();
  helper.cuts = {2 * kPiece + 100'000};
  helper.tamper_offset = [&](std::uint64_t& offset) {
    if (helper.drops == 0) offset = kPiece;
  };
  const transfer::UploadReport report = expect_through(helper);
  EXPECT_TRUE(says(report, "it held 2097152 bytes by its word, and now 1048576"));
  EXPECT_EQ(helper.drops, 1u);
}

TEST_F(HelpersTest, going_back_behind_what_it_acknowledged_is_found_out) {
  MemoryHelper& helper = grid_.add_helper();
  hold(helper, 2 * kPiece);
  helper.cuts = {kPiece};
  helper.tamper_offset = [&](std::uint64_t& offset) {
    if (helper.drops == 0) offset = kPiece;
  };
  const transfer::UploadReport report = expect_through(helper);
  EXPECT_TRUE(says(report, "by its word, and now"));
  EXPECT_EQ(helper.drops, 1u);
}

TEST_F(HelpersTest, one_that_takes_everything_and_holds_a_byte_more_each_time_is_found_out) {
  MemoryHelper& helper = grid_.add_helper();
  std::uint64_t appends = 0;
  helper.lost_at_a_cut = 1;  // it tells nothing while it receives
  helper.tamper_offset = [&](std::uint64_t& durable) {
    durable = ++appends;
    helper.spool.resize(durable);
  };
  const transfer::UploadReport report = expect_direct();
  EXPECT_TRUE(says(report, "it takes much, and holds little of it"));
  EXPECT_LE(report.via->bytes_sent, 10 * kFileBytes);
}

TEST_F(HelpersTest, wrong_digests_cost_pieces_but_no_loop) {
  MemoryHelper& helper = grid_.add_helper();
  hold(helper, 3 * kPiece);
  helper.spool[5] ^= 1;
  helper.tamper_digests = [](protocol::HelperDigests& digests) {
    for (Hash& each : digests.digests) each.bytes[0] ^= 1;
  };
  const transfer::UploadReport report = expect_through(helper);
  EXPECT_EQ(report.via->bytes_sent, 2 * kFileBytes - 3 * kPiece);
  EXPECT_EQ(helper.replaced.size(), 4u);
}

TEST_F(HelpersTest, a_helper_that_never_gets_to_the_end_of_comparing_is_found_out) {
  MemoryHelper& helper = grid_.add_helper();
  hold(helper, 3 * kPiece);
  helper.tamper_digests = [](protocol::HelperDigests& digests) {
    for (Hash& each : digests.digests) each.bytes[0] ^= 1;
  };
  helper.refuse = [&](Call call) -> std::optional<Error> {
    if (call == Call::complete) return Error{Errc::corrupt, "other pieces"};
    if (call == Call::replace && helper.calls[call] % 2 == 0) return Error{Errc::unavailable, "the connection broke"};
    return std::nullopt;
  };
  EXPECT_TRUE(says(expect_direct(), "ever more wrong pieces"));
}

TEST_F(HelpersTest, a_cut_while_pieces_are_replaced_is_no_lie) {
  MemoryHelper& helper = grid_.add_helper();
  hold(helper, 3 * kPiece);
  for (std::size_t piece = 0; piece < 3; ++piece) helper.spool[piece * kPiece + 9] ^= 1;
  helper.refuse = [&](Call call) {
    const bool cut = call == Call::replace && helper.calls[call] % 2 == 0;
    return cut ? std::optional(Error{Errc::unavailable, "the connection broke"}) : std::nullopt;
  };
  const transfer::UploadReport report = expect_through(helper);
  EXPECT_EQ(helper.replaced, (std::vector<std::uint64_t>{0, 1, 2}));
  EXPECT_FALSE(says(report, "lies"));
}

TEST_F(HelpersTest, a_digest_over_all_that_is_never_right_is_found_out) {
  MemoryHelper& helper = grid_.add_helper();
  helper.refuse = [](Call call) {
    return call == Call::complete ? std::optional(Error{Errc::corrupt, "other pieces"}) : std::nullopt;
  };
  const transfer::UploadReport report = expect_direct();
  EXPECT_TRUE(says(report, "shows the right digests and says that they are wrong"));
}

TEST_F(HelpersTest, somebody_else_who_sends_the_same_is_waited_for_and_compared) {
  MemoryHelper& helper = grid_.add_helper();
  hold(helper, kPiece);
  helper.somebody_else_sends = true;
  helper.tamper = [&](Call call, State& state) {
    if (call != Call::state) return;
    hold(helper, 3 * kPiece);  // it came on, and stopped
    helper.somebody_else_sends = false;
    state.offset = 3 * kPiece;
    state.busy = false;
  };
  const transfer::UploadReport report = expect_through(helper);
  EXPECT_EQ(report.via->bytes_sent, kFileBytes - 3 * kPiece);
}

TEST_F(HelpersTest, a_helper_that_loses_the_upload_gets_it_again_a_few_times) {
  MemoryHelper& helper = grid_.add_helper();
  unsigned losses = 2;
  helper.cuts = {kPiece, kPiece};
  helper.refuse = [&](Call call) -> std::optional<Error> {
    if (call != Call::offset || losses == 0) return std::nullopt;
    --losses;
    helper.upload.clear();
    helper.spool.clear();
    return Error{Errc::not_found, "no such upload"};
  };
  const transfer::UploadReport report = expect_through(helper);
  EXPECT_GE(report.via->bytes_sent, kFileBytes + 2 * kPiece);
  EXPECT_LE(report.via->bytes_sent, kFileBytes + 2 * (kPiece + 262'144));
}

}  // namespace
}  // namespace holdfast::test::helpers
