// A storage server over real TLS that takes requests and does not answer them, or answers a byte at a time.
#include "holdfast/core/protocol/announcement.h"
#include "holdfast/edge/http/http_test_kit.h"
#include "holdfast/node/grid/server_list.h"

namespace holdfast::grid {
namespace {

using http::testing::World;
using std::chrono::milliseconds;
using std::chrono::seconds;

const StorageIndex kSi = StorageIndex::from(Bytes(StorageIndex::kSize, 7));
constexpr milliseconds kSilence(300);

class ZeroBytes final : public ByteSource {
 public:
  explicit ZeroBytes(std::size_t count) : bytes_(count) {}
  std::uint64_t length() const override { return bytes_.size(); }
  io::Task<Result<ByteView>> next() override { co_return bytes_; }

 private:
  const Bytes bytes_;
};

/// How long `work` takes with a server that serves so; it waits for little longer than `silence`, and at most for `completing`.
io::Duration time_with(http::Handler serves, std::function<io::Task<void>(StorageServer&)> work) {
  World world;
  io::Duration out{};
  world.run(std::move(serves), [&](World& w) -> io::Task<void> {
    protocol::Nurl nurl;
    nurl.host = "127.0.0.1";
    nurl.port = w.server->port();
    nurl.spki = http::identity_of_pem(w.pem).value().spki;
    nurl.swissnum = "swissnum";
    HttpServerOptions options;
    options.silence = kSilence;
    options.completing = seconds(20);
    auto server = make_http_server(w.loop, *w.client_tls, protocol::announcement_of(nurl), options);
    const io::Time begun = w.loop.now();
    co_await work(*server);
    out = w.loop.now() - begun;
  });
  return out;
}

/// Good CBOR, and each byte of it in time.
io::Task<void> drip(http::Exchange& exchange, unsigned status, const Bytes& answer) {
  http::ResponseHead head;
  head.status = status;
  const Result<void> begun = co_await exchange.begin(std::move(head), answer.size());
  for (std::size_t at = 0; begun && at < answer.size(); ++at) {
    const bool slept = co_await io::sleep_for(kSilence / 5);
    if (!slept || exchange.client_finished()) break;
    const Result<void> written = co_await exchange.write(ByteView(answer).subspan(at, 1));
    if (!written) break;
  }
  exchange.abandon();
}

io::Task<void> wait_for_the_end(http::Exchange& exchange) {
  for (bool on = true; on && !exchange.client_finished();) on = co_await io::sleep_for(milliseconds(10));
  exchange.abandon();
}

TEST(HttpStorageServer, does_not_wait_long_for_a_small_write_that_was_swallowed) {
  bool swallowed = false;
  const auto swallows = [&](http::Exchange& exchange) -> io::Task<void> {
    const Result<Bytes> body = co_await http::read_all(exchange.body(), 1'000'000);
    swallowed = swallowed || (body && body->size() == 100'000);
    co_await wait_for_the_end(exchange);
  };
  const io::Duration took = time_with(swallows, [](StorageServer& server) -> io::Task<void> {
    ZeroBytes bytes(100'000);
    const Secret secret(to_bytes("secret"));
    const auto answer = co_await server.write(kSi, 0, 0, bytes, secret);
    EXPECT_TRUE(!answer && answer.error().code == Errc::timeout);
  });
  EXPECT_TRUE(swallowed);
  EXPECT_GE(took, kSilence);
  EXPECT_LT(took, seconds(10)) << "a large one may take as long as `completing`";
}

TEST(HttpStorageServer, waits_for_the_audit_of_a_large_share) {
  const auto thinks = [](http::Exchange& exchange) -> io::Task<void> {
    static_cast<void>(co_await http::read_all(exchange.body(), 1'000));
    static_cast<void>(co_await io::sleep_for(3 * kSilence));
    http::ResponseHead head;
    head.status = 201;
    const Bytes body = protocol::encode(protocol::WriteReply{});
    static_cast<void>(co_await exchange.respond(std::move(head), body));
  };
  time_with(thinks, [](StorageServer& server) -> io::Task<void> {
    ZeroBytes tail(100);
    const Secret secret(to_bytes("secret"));
    const auto answer = co_await server.write(kSi, 0, 40'000'000, tail, secret);
    EXPECT_TRUE(answer && answer->complete);
  });
}

/// As behind something that takes all at once and passes it on slowly: ever more is there, and the answer comes at the end.
TEST(HttpStorageServer, waits_while_the_server_says_that_more_of_it_arrives) {
  unsigned asked = 0;
  const auto slowly = [&](http::Exchange& exchange) -> io::Task<void> {
    static_cast<void>(co_await http::read_all(exchange.body(), 1'000'000));
    http::ResponseHead head;
    Bytes body = protocol::encode(protocol::WriteReply{});
    if (exchange.request().method == "PATCH") {
      static_cast<void>(co_await io::sleep_for(12 * kSilence));
      head.status = 201;
    } else {
      protocol::UploadStatus status;
      protocol::UploadStatus::Partial& partial = status.incomplete[0];
      partial.allocated_size = 100'000;
      partial.required = RangeSet{{1'000 * std::uint64_t{++asked}, 100'000}};
      body = protocol::encode(status);
    }
    static_cast<void>(co_await exchange.respond(std::move(head), body));
  };
  time_with(slowly, [](StorageServer& server) -> io::Task<void> {
    ZeroBytes bytes(100'000);
    const Secret secret(to_bytes("secret"));
    const auto answer = co_await server.write(kSi, 0, 0, bytes, secret);
    EXPECT_TRUE(answer && answer->complete);
  });
  EXPECT_GT(asked, 3U);
}

TEST(HttpStorageServer, takes_an_answer_that_drips_for_silence) {
  protocol::AllocateReply reply;
  for (ShareNumber share = 0; share < 200; ++share) reply.allocated.insert(share);
  const Bytes answer = protocol::encode(reply);
  const auto drips = [&](http::Exchange& exchange) { return drip(exchange, 201, answer); };
  const io::Duration took = time_with(drips, [](StorageServer& server) -> io::Task<void> {
    protocol::AllocateRequest request;
    request.share_numbers = {0};
    request.allocated_size = 100;
    const AllocateSecrets secrets{Secret(Bytes(32, 1)), Secret(Bytes(32, 2)), Secret(Bytes(32, 3))};
    const auto reply_of = co_await server.allocate(kSi, request, secrets);
    EXPECT_TRUE(!reply_of && reply_of.error().code == Errc::timeout);
  });
  EXPECT_LT(took, seconds(8)) << "all of it would take longer";
}

TEST(HttpStorageServer, takes_a_refusal_that_drips_for_one) {
  const Bytes words(200, 'x');
  const auto drips = [&](http::Exchange& exchange) { return drip(exchange, 507, words); };
  const io::Duration took = time_with(drips, [](StorageServer& server) -> io::Task<void> {
    const auto version = co_await server.version();
    EXPECT_TRUE(!version && version.error().code == Errc::no_space);
  });
  EXPECT_LT(took, seconds(8));
}

}  // namespace
}  // namespace holdfast::grid
