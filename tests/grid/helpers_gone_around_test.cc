// put when a helper refuses, dies, hangs or does not get done: whom it waits for, and when it goes another way.
#include "grid/helpers_test_kit.h"

namespace holdfast::test::helpers {
namespace {

class HelpersGoneAroundTest : public HelpersTest {};

TEST_F(HelpersGoneAroundTest, each_refusal_is_gone_around_at_once) {
  for (const Errc code : {Errc::no_space, Errc::unsupported, Errc::unauthorized}) {
    SCOPED_TRACE(std::string(to_string(code)));
    for (const auto& server : grid_.servers) server->shares.clear();
    grid_.helpers.clear();
    grid_.add_helper().refuse = [code](Call) { return std::optional(Error{code, "no"}); };
    const io::Time begin = grid_.loop.now();
    const transfer::UploadReport report = expect_direct();
    EXPECT_TRUE(says(report, "going around helper0: no"));
    EXPECT_LT(grid_.loop.now() - begin, seconds(5));
  }
}

TEST_F(HelpersGoneAroundTest, one_that_is_down_or_breaks_every_answer_is_gone_around_in_a_moment) {
  for (const Errc code : {Errc::unavailable, Errc::malformed, Errc::conflict}) {
    SCOPED_TRACE(std::string(to_string(code)));
    for (const auto& server : grid_.servers) server->shares.clear();
    grid_.helpers.clear();
    grid_.add_helper().refuse = [code](Call) { return std::optional(Error{code, "no"}); };
    const io::Time begin = grid_.loop.now();
    expect_direct();
    EXPECT_LT(grid_.loop.now() - begin, seconds(15));
  }
}

TEST_F(HelpersGoneAroundTest, one_that_hangs_is_gone_around_after_one_silence) {
  MemoryHelper& helper = grid_.add_helper();
  helper.refuse = [](Call) { return std::optional(Error{Errc::timeout, "silence"}); };
  const io::Time begin = grid_.loop.now();
  expect_direct();
  EXPECT_LT(grid_.loop.now() - begin, seconds(20));
  EXPECT_EQ(helper.calls[Call::begin], 1u);
}

TEST_F(HelpersGoneAroundTest, one_that_vanishes_in_the_middle_is_gone_around_after_some_seconds) {
  MemoryHelper& helper = grid_.add_helper();
  helper.cuts = {2 * kPiece};
  helper.refuse = [&](Call) {
    return helper.cuts.empty() ? std::optional(Error{Errc::unavailable, "nobody there"}) : std::nullopt;
  };
  const io::Time begin = grid_.loop.now();
  const transfer::UploadReport report = expect_direct();
  EXPECT_GE(grid_.loop.now() - begin, seconds(3)) << "it may come back";
  EXPECT_LT(grid_.loop.now() - begin, seconds(10));
  EXPECT_TRUE(says(report, "going around helper0: nobody there"));
}

TEST_F(HelpersGoneAroundTest, one_that_vanishes_while_it_works_on_the_file_is_gone_around_too) {
  MemoryHelper& helper = grid_.add_helper();
  bool whole = false;
  helper.tamper = [&](Call call, State&) { whole |= call == Call::complete; };
  helper.refuse = [&](Call) { return whole ? std::optional(Error{Errc::unavailable, "nobody there"}) : std::nullopt; };
  const io::Time begin = grid_.loop.now();
  expect_direct();
  EXPECT_LT(grid_.loop.now() - begin, seconds(10));
}

TEST_F(HelpersGoneAroundTest, one_that_says_nothing_more_is_asked_whether_it_lives) {
  MemoryHelper& helper = grid_.add_helper();
  helper.hangs_at = Call::complete;
  bool silent = false;
  helper.refuse = [&](Call call) -> std::optional<Error> {
    if (silent) return Error{Errc::timeout, "silence"};
    silent = call == Call::complete;
    return std::nullopt;
  };
  const io::Time begin = grid_.loop.now();
  expect_direct();
  EXPECT_TRUE(silent);
  EXPECT_LT(grid_.loop.now() - begin, minutes(1)) << "an answer may take ten, when it is there";
}

TEST_F(HelpersGoneAroundTest, one_that_answers_and_gets_nothing_done_is_gone_around_soon) {
  grid_.add_helper().refuse = [](Call call) {
    return call == Call::version ? std::nullopt : std::optional(Error{Errc::unavailable, "no"});
  };
  const io::Time begin = grid_.loop.now();
  expect_direct();
  EXPECT_LT(grid_.loop.now() - begin, seconds(15));
}

TEST_F(HelpersGoneAroundTest, when_the_first_one_dies_the_next_one_is_taken) {
  MemoryHelper& first = grid_.add_helper();
  MemoryHelper& second = grid_.add_helper();
  first.cuts = {2 * kPiece};
  first.refuse = [&](Call) {
    return first.cuts.empty() ? std::optional(Error{Errc::unavailable, "nobody there"}) : std::nullopt;
  };
  const io::Time begin = grid_.loop.now();
  expect_through(second);
  EXPECT_LT(grid_.loop.now() - begin, seconds(10));
  EXPECT_EQ(second.received, kFileBytes);
}

TEST_F(HelpersGoneAroundTest, one_is_waited_for_when_there_is_no_other_way) {
  MemoryHelper& helper = grid_.add_helper();
  grid_.knows_servers = false;
  helper.cuts = {2 * kPiece};
  const io::Time back = grid_.loop.now() + seconds(100);
  helper.refuse = [&](Call) {
    const bool down = helper.cuts.empty() && grid_.loop.now() < back;
    return down ? std::optional(Error{Errc::unavailable, "nobody there"}) : std::nullopt;
  };
  const auto report = put();
  ASSERT_TRUE(report) << report.error().what;
  EXPECT_EQ(report->via->name, helper.name());
  EXPECT_LE(report->via->bytes_resent, 262'144u);
}

// Ten seconds a piece: what is there took twenty, and more than three are at stake.
TEST_F(HelpersGoneAroundTest, one_that_holds_much_of_a_slow_line_is_waited_for_longer) {
  for (const bool comes_back : {true, false}) {
    SCOPED_TRACE(comes_back);
    for (const auto& server : grid_.servers) server->shares.clear();
    grid_.helpers.clear();
    MemoryHelper& helper = grid_.add_helper();
    helper.piece_takes = seconds(10);
    helper.cuts = {2 * kPiece};
    std::optional<io::Time> down_since;
    helper.refuse = [&](Call) -> std::optional<Error> {
      if (!helper.cuts.empty()) return std::nullopt;
      if (!down_since) down_since = grid_.loop.now();
      if (comes_back && grid_.loop.now() > *down_since + seconds(4)) return std::nullopt;
      return Error{Errc::unavailable, "nobody there"};
    };
    if (comes_back) {
      EXPECT_LE(expect_through(helper).via->bytes_resent, 262'144u);
    } else {
      expect_direct();
      EXPECT_GE(grid_.loop.now() - *down_since, seconds(5));
      EXPECT_LT(grid_.loop.now() - *down_since, seconds(15));
    }
  }
}

TEST_F(HelpersGoneAroundTest, one_that_comes_back_is_gone_on_with) {
  MemoryHelper& helper = grid_.add_helper();
  helper.cuts = {2 * kPiece};
  const io::Time back = grid_.loop.now() + seconds(2);
  helper.refuse = [&](Call) {
    const bool down = helper.cuts.empty() && grid_.loop.now() < back;
    return down ? std::optional(Error{Errc::unavailable, "nobody there"}) : std::nullopt;
  };
  const transfer::UploadReport report = expect_through(helper);
  EXPECT_LE(report.via->bytes_resent, 262'144u);
}

TEST_F(HelpersGoneAroundTest, one_that_never_gets_done_is_gone_around) {
  MemoryHelper& helper = grid_.add_helper();
  helper.refuse = [](Call) { return std::optional<Error>(); };
  helper.tamper = [](Call call, State& state) {
    if (call == Call::begin) return;
    state = State{};
    state.kind = State::Kind::encoding;
  };
  helper.places = false;
  const transfer::UploadReport report = expect_direct();
  EXPECT_TRUE(says(report, "nothing has moved"));
}

TEST_F(HelpersGoneAroundTest, one_that_invents_progress_is_asked_calmly_and_gone_around) {
  using Invention = std::function<State(unsigned, const MemoryHelper&)>;
  const Invention beyond_the_end = [](unsigned n, const MemoryHelper&) {
    State out;
    out.kind = State::Kind::pushing;
    out.done_bytes = n;
    out.total_bytes = 3;
    return out;
  };
  const Invention to_and_fro = [](unsigned n, const MemoryHelper& helper) {
    State out;
    out.kind = n % 2 == 1 ? State::Kind::receiving : State::Kind::encoding;
    out.upload = helper.upload;
    out.busy = true;
    return out;
  };
  for (const Invention& invent : {beyond_the_end, to_and_fro}) {
    for (const auto& server : grid_.servers) server->shares.clear();
    grid_.helpers.clear();
    MemoryHelper& helper = grid_.add_helper();
    unsigned asked = 0;
    helper.tamper = [&](Call call, State& state) {
      if (call == Call::state) state = invent(++asked, helper);
    };
    const io::Time begin = grid_.loop.now();
    EXPECT_TRUE(says(expect_direct(), "nothing has moved at helper0 for ten minutes"));
    const auto lasted = std::chrono::duration_cast<seconds>(grid_.loop.now() - begin).count();
    EXPECT_LE(lasted, 30 * 60);
    EXPECT_LE(asked, static_cast<unsigned>(lasted) + 10) << "once a second";
  }
}

TEST_F(HelpersGoneAroundTest, one_that_has_given_up_is_gone_around) {
  MemoryHelper& helper = grid_.add_helper();
  helper.places = false;
  helper.tamper = [](Call call, State& state) {
    if (call != Call::state) return;
    state = State{};
    state.kind = State::Kind::failed;
    state.reason = "no server takes shares";
  };
  EXPECT_TRUE(says(expect_direct(), "no server takes shares"));
}

TEST_F(HelpersGoneAroundTest, of_several_the_one_that_holds_most_is_taken) {
  grid_.add_helper();
  MemoryHelper& second = grid_.add_helper();
  hold(second, 2 * kPiece);
  grid_.add_helper().refuse = [](Call) { return std::optional(Error{Errc::timeout, "silence"}); };
  expect_through(second);
  EXPECT_EQ(grid_.helpers[0]->calls[Call::begin], 0u) << "asking creates nothing";
}

TEST_F(HelpersGoneAroundTest, one_of_several_that_hangs_holds_nobody_up) {
  MemoryHelper& hangs = grid_.add_helper();
  hangs.hangs_at = Call::state;
  MemoryHelper& second = grid_.add_helper();
  hold(second, 2 * kPiece);
  const io::Time begin = grid_.loop.now();
  expect_through(second);
  EXPECT_LT(grid_.loop.now() - begin, seconds(5));
}

TEST_F(HelpersGoneAroundTest, after_two_lies_the_next_one_is_taken) {
  MemoryHelper& liar = grid_.add_helper();
  liar.places = false;
  liar.before_push = [](Bytes& bytes) { bytes[0] ^= 1; };
  MemoryHelper& honest = grid_.add_helper();
  const transfer::UploadReport report = expect_through(honest);
  EXPECT_TRUE(says(report, "going around helper0: it lied again"));
  EXPECT_EQ(liar.drops, 2u);
}

TEST_F(HelpersGoneAroundTest, after_one_whose_shares_are_nowhere_the_next_one_is_taken) {
  grid_.add_helper().places = false;
  MemoryHelper& honest = grid_.add_helper();
  const transfer::UploadReport report = expect_through(honest);
  EXPECT_TRUE(says(report, "going around helper0: helper0 says that the file is in the grid"));
}

}  // namespace
}  // namespace holdfast::test::helpers
