// For tests: put through helpers in memory, and what it must come to whatever they do.
#pragma once

#include <gtest/gtest.h>

#include "grid/memory_grid.h"
#include "holdfast/core/immutable/share_test_kit.h"

namespace holdfast::test::helpers {

namespace kit = immutable::test_kit;
using std::chrono::minutes;
using std::chrono::seconds;
using Call = MemoryHelper::Call;
using State = protocol::HelperState;

inline constexpr unsigned kK = 2, kHappy = 4, kN = 5;
inline constexpr std::uint64_t kPiece = protocol::kHelperPieceBytes;
inline constexpr std::uint64_t kFileBytes = 3 * kPiece + 300'001;
inline const std::string kPath = "/home/file";

class HelpersTest : public testing::Test {
 protected:
  HelpersTest() { grid_.put_file(kPath, plaintext_); }

  Result<transfer::UploadReport> put() {
    transfer::UploadOptions options;
    options.k = kK;
    options.happy = kHappy;
    options.n = kN;
    options.segment_bytes_max = 300'000;
    options.key_mode = key_mode_;
    proven_.clear();
    options.on_proven = [this](const std::string& cap) { proven_.push_back(cap); };
    return grid_.upload(kPath, options);
  }

  /// What a put must come to, whatever helpers do: the cap of a direct one, told once, and shares that give the file back.
  transfer::UploadReport expect_stored() {
    Result<transfer::UploadReport> report = put();
    EXPECT_FALSE(grid_.went_in_circles());
    if (!report) {
      ADD_FAILURE() << report.error().what;
      return {};
    }
    EXPECT_EQ(report->cap, cap::to_string(cap::Cap(file_.cap())));
    EXPECT_EQ(proven_, std::vector<std::string>{report->cap});
    EXPECT_GE(report->happiness, kHappy);
    const auto back = grid_.download(cap::Cap(file_.cap()));
    EXPECT_TRUE(back && *back == plaintext_);
    return *report;
  }
  transfer::UploadReport expect_through(const MemoryHelper& helper) {
    transfer::UploadReport report = expect_stored();
    EXPECT_TRUE(report.via && report.via->name == helper.name() && report.via->proven);
    return report;
  }
  transfer::UploadReport expect_direct() {
    transfer::UploadReport report = expect_stored();
    EXPECT_TRUE(report.via && report.via->name.empty());
    return report;
  }
  static bool says(const transfer::UploadReport& report, std::string_view what) {
    return std::ranges::any_of(report.warnings,
                               [&](const std::string& each) { return each.find(what) != std::string::npos; });
  }

  Bytes ciphertext() const {
    Bytes out;
    for (const auto& segment : file_.segments()) append(out, segment.ciphertext());
    return out;
  }
  protocol::HelperRequest request() const { return {kFileBytes, kK, kN, kHappy, file_.geometry().segment_size(), {}}; }
  /// As if so many bytes had come in an earlier run.
  void hold(MemoryHelper& helper, std::uint64_t bytes) {
    helper.request = request();
    helper.upload = "/helper/v1/uploads/before";
    helper.spool = ciphertext();
    helper.spool.resize(bytes);
  }
  State present() {
    State out;
    out.kind = State::Kind::present;
    out.ueb = to_bytes(file_.encoder().uri_extension());
    for (ShareNumber share = 0; share < kN; ++share) out.shares[share] = {"v0-server0"};
    return out;
  }

  MemoryGrid grid_{kN};
  // Made once for all tests.
  static inline const Bytes plaintext_ = SeededRandom(5).bytes(kFileBytes);
  static inline const immutable::Params params_ = immutable::make_params(kK, kN, kFileBytes, 300'000).value();
  static inline kit::EncodedFile file_{plaintext_, params_,
                                       kit::convergent_key(plaintext_, params_, Secret(Bytes(32, 7)))};
  transfer::KeyMode key_mode_ = transfer::KeyMode::convergent;
  std::vector<std::string> proven_;
};

}  // namespace holdfast::test::helpers
