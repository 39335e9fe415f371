// The requests that a helper gets over real TLS, and what is made of its answers.
#include <map>

#include "holdfast/core/base/base32.h"
#include "holdfast/edge/http/http_test_kit.h"
#include "holdfast/node/grid/helper_list.h"

namespace holdfast::grid {
namespace {

using http::testing::World;
using std::chrono::seconds;

const StorageIndex kSi = StorageIndex::from(Bytes(StorageIndex::kSize, 7));
const std::string kUpload = "/helper/v1/uploads/token";

class BytesBody final : public ByteSource {
 public:
  explicit BytesBody(std::string_view text) : bytes_(to_bytes(text)) {}
  std::uint64_t length() const override { return bytes_.size(); }
  io::Task<Result<ByteView>> next() override { co_return std::exchange(left_, false) ? ByteView(bytes_) : ByteView(); }

 private:
  const Bytes bytes_;
  bool left_ = true;
};

/// A helper that answers one thing and remembers what it was asked.
struct Canned {
  unsigned status = 200;
  http::Headers headers;
  Bytes body;
  std::vector<http::ResponseHead> interims;  // before it
  http::RequestHead asked;
  std::string asked_body;

  void run(std::function<io::Task<void>(UploadHelper&)> work) {
    World world;
    const auto handler = [this](http::Exchange& exchange) -> io::Task<void> {
      asked = exchange.request();
      const Result<Bytes> came = co_await http::read_all(exchange.body(), 1'000'000);
      asked_body = came ? std::string(text_of(*came)) : "broken";
      for (const http::ResponseHead& interim : interims) {
        const Result<void> informed = co_await exchange.inform(interim);
        EXPECT_TRUE(informed.has_value());
      }
      http::ResponseHead head;
      head.status = status;
      head.headers = headers;
      static_cast<void>(co_await exchange.respond(std::move(head), body));
    };
    world.run(handler, [&](World& w) -> io::Task<void> {
      protocol::Nurl nurl;
      nurl.host = "127.0.0.1";
      nurl.port = w.server->port();
      nurl.spki = http::identity_of_pem(w.pem).value().spki;
      nurl.swissnum = "swissnum";
      const auto helper = make_http_helper(w.loop, *w.client_tls, nurl, HttpServerOptions{});
      EXPECT_EQ(helper->spki(), nurl.spki);
      co_await work(*helper);
    });
  }
  std::string field(std::string_view name) const { return std::string(asked.headers.find(name).value_or("(none)")); }
};

HelperIdentity who() {
  return {Secret(to_bytes("secret")), std::string(26, 'a')};
}

Bytes receiving_at(const std::string& upload) {
  protocol::HelperState state;
  state.upload = upload;
  state.offset = 5;
  return protocol::encode(state);
}

TEST(HttpUploadHelper, begins_an_upload_with_one_small_request) {
  Canned canned;
  canned.status = 201;
  canned.body = receiving_at(kUpload);
  canned.run([](UploadHelper& helper) -> io::Task<void> {
    protocol::HelperRequest request{1000, 3, 10, 7, 999, {}};
    const HelperIdentity me = who();
    const auto state = co_await helper.begin(kSi, std::move(request), me);
    EXPECT_TRUE(state && state->upload == kUpload && state->offset == 5);
  });
  EXPECT_EQ(canned.asked.method + " " + canned.asked.target, "POST /helper/v1/chk/" + base32_encode(kSi.view()));
  EXPECT_EQ(canned.field("Authorization"), "Tahoe-LAFS c3dpc3NudW0=");
  EXPECT_EQ(canned.field("X-Tahoe-Authorization"), "upload-secret c2VjcmV0");
  EXPECT_EQ(canned.field("Holdfast-Client"), std::string(26, 'a'));
  EXPECT_EQ(canned.field("Content-Type"), "application/cbor");
  EXPECT_EQ(protocol::decode_helper_request(to_bytes(canned.asked_body)).value().segment_size, 999u);
  EXPECT_LT(canned.asked_body.size(), 1000u);
}

TEST(HttpUploadHelper, appends_as_a_resumable_upload) {
  Canned canned;
  canned.status = 204;
  canned.headers.add("Upload-Offset", "12");
  canned.run([](UploadHelper& helper) -> io::Task<void> {
    BytesBody body("content");
    const HelperIdentity me = who();
    const OffsetTold nobody = [](std::uint64_t) {};
    const auto offset = co_await helper.append(kUpload, 5, body, me, nobody);
    EXPECT_TRUE(offset && *offset == 12);
  });
  EXPECT_EQ(canned.asked.method + " " + canned.asked.target, "PATCH " + kUpload);
  EXPECT_EQ(canned.field("Upload-Draft-Interop-Version"), "10");
  EXPECT_EQ(canned.field("Content-Type"), "application/partial-upload");
  EXPECT_EQ(canned.field("Upload-Offset"), "5");
  EXPECT_EQ(canned.field("Upload-Complete"), "?0");
  EXPECT_EQ(canned.asked_body, "content");
}

TEST(HttpUploadHelper, passes_on_what_is_durable_meanwhile) {
  const auto interim = [](unsigned status, const std::string& version, const std::string& offset) {
    http::ResponseHead out;
    out.status = status;
    if (!version.empty()) out.headers.add("Upload-Draft-Interop-Version", version);
    out.headers.add("Upload-Offset", offset);
    return out;
  };
  Canned canned;
  canned.status = 204;
  canned.headers.add("Upload-Offset", "12");
  canned.interims = {interim(104, "10", "6"), interim(104, "", "7"),     interim(104, "9", "8"),
                     interim(103, "10", "9"), interim(104, "10", "-10"), interim(104, "10", "11")};
  std::vector<std::uint64_t> told;
  canned.run([&told](UploadHelper& helper) -> io::Task<void> {
    BytesBody body("content");
    const HelperIdentity me = who();
    const OffsetTold tell = [&told](std::uint64_t offset) { told.push_back(offset); };
    const auto offset = co_await helper.append(kUpload, 5, body, me, tell);
    EXPECT_TRUE(offset && *offset == 12);
  });
  EXPECT_EQ(told, (std::vector<std::uint64_t>{6, 11})) << "those of this version of the draft";
}

TEST(HttpUploadHelper, completes_with_the_digest_over_all_pieces_and_no_body) {
  Canned canned;
  canned.status = 202;
  protocol::HelperState encoding;
  encoding.kind = protocol::HelperState::Kind::encoding;
  canned.body = protocol::encode(encoding);
  canned.run([](UploadHelper& helper) -> io::Task<void> {
    const HelperIdentity me = who();
    const auto state = co_await helper.complete(kUpload, 77, Hash{}, me);
    EXPECT_TRUE(state && state->kind == protocol::HelperState::Kind::encoding);
  });
  EXPECT_EQ(canned.field("Upload-Offset"), "77");
  EXPECT_EQ(canned.field("Upload-Complete"), "?1");
  EXPECT_EQ(canned.field("Holdfast-Pieces"), protocol::format_pieces_field(Hash{}));
  EXPECT_EQ(canned.asked_body, "");
}

TEST(HttpUploadHelper, asks_for_digests_and_pieces_by_number) {
  Canned canned;
  canned.body = protocol::encode(protocol::HelperDigests{3, 99, {Hash{}, Hash{}}});
  canned.run([](UploadHelper& helper) -> io::Task<void> {
    const HelperIdentity me = who();
    const auto right = co_await helper.digests(kUpload, 3, 2, me);
    EXPECT_TRUE(right && right->digests.size() == 2);
    const auto others = co_await helper.digests(kUpload, 4, 2, me);
    EXPECT_TRUE(!others && others.error().code == Errc::malformed);
    const auto too_many = co_await helper.digests(kUpload, 3, 1, me);
    EXPECT_TRUE(!too_many && too_many.error().code == Errc::malformed);
  });
  EXPECT_EQ(canned.asked.target, kUpload + "?digests&first=3&count=1");
  canned.run([](UploadHelper& helper) -> io::Task<void> {
    BytesBody piece("piece");
    const HelperIdentity me = who();
    const auto replaced = co_await helper.replace_piece(kUpload, 9, piece, me);
    EXPECT_TRUE(replaced.has_value());
  });
  EXPECT_EQ(canned.asked.method + " " + canned.asked.target, "PUT " + kUpload + "?piece=9");
  EXPECT_EQ(canned.asked_body, "piece");
}

TEST(HttpUploadHelper, waits_on_request) {
  Canned canned;
  canned.body = receiving_at(kUpload);
  canned.run([](UploadHelper& helper) -> io::Task<void> {
    const HelperIdentity me = who();
    const auto state = co_await helper.state(kSi, me, seconds(30));
    EXPECT_TRUE(state.has_value());
  });
  EXPECT_EQ(canned.asked.target, "/helper/v1/chk/" + base32_encode(kSi.view()) + "?wait=30");
}

TEST(HttpUploadHelper, tells_refusals_apart) {
  const std::map<unsigned, Errc> codes{{400, Errc::malformed},   {401, Errc::unauthorized}, {404, Errc::not_found},
                                       {409, Errc::conflict},    {410, Errc::not_found},    {413, Errc::unsupported},
                                       {422, Errc::corrupt},     {423, Errc::conflict},     {429, Errc::no_space},
                                       {500, Errc::unavailable}, {503, Errc::unavailable},  {507, Errc::no_space}};
  for (const auto& [status, code] : codes) {
    Canned canned;
    canned.status = status;
    const Errc expected = code;
    canned.run([expected](UploadHelper& helper) -> io::Task<void> {
      const HelperIdentity me = who();
      const auto state = co_await helper.complete(kUpload, 1, Hash{}, me);
      EXPECT_TRUE(!state && state.error().code == expected) << (state ? "" : state.error().what);
    });
  }
}

TEST(HttpUploadHelper, a_page_is_no_answer) {
  Canned canned;
  canned.headers.add("Content-Type", "text/html");
  canned.body = receiving_at(kUpload);
  canned.run([](UploadHelper& helper) -> io::Task<void> {
    const HelperIdentity me = who();
    const auto state = co_await helper.state(kSi, me, seconds(0));
    EXPECT_TRUE(!state && state.error().what.find("captive portal") != std::string::npos);
  });
}

TEST(HttpUploadHelper, sends_nothing_to_a_path_that_is_none_of_an_upload) {
  for (const char* path : {"/", "/helper/v1/uploads/", "/helper/v1/uploads/a b", "/helper/v1/uploads/a\r\nX: y",
                           "/helper/v1/uploads/..", "/helper/v1/uploads/a/b", "/helper/v1/uploads/a?piece=1",
                           "/helper/v1/status", "http://elsewhere/helper/v1/uploads/a", "/helper/v1/uploads/%2e"}) {
    Canned canned;
    canned.body = receiving_at(path);
    canned.run([](UploadHelper& helper) -> io::Task<void> {
      const HelperIdentity me = who();
      const auto state = co_await helper.state(kSi, me, seconds(0));
      EXPECT_TRUE(!state && state.error().code == Errc::malformed);
    });
  }
}

TEST(HttpUploadHelper, an_offset_must_be_told) {
  for (const char* offset : {"", "-1", "5x", "99999999999999999999"}) {
    Canned canned;
    canned.status = 204;
    if (*offset != '\0') canned.headers.add("Upload-Offset", offset);
    canned.run([](UploadHelper& helper) -> io::Task<void> {
      const HelperIdentity me = who();
      const auto told = co_await helper.offset(kUpload, me);
      EXPECT_TRUE(!told && told.error().code == Errc::malformed);
    });
  }
}

}  // namespace
}  // namespace holdfast::grid
