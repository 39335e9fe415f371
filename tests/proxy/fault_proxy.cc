// fault_proxy: stands in front of servers on this machine and breaks links as it is told to.
//
//   fault_proxy SEED        the same seed draws the same byte counts
//
// One command a line on standard input, one line of JSON on standard output for each; it ends with its input.
//
// clang-format off
//   add PORT                         a listener in front of that port: {"target": 0, "port": 40123}
//   WHICH target PORT                new connections go there from now on
//   WHICH cut rst|fin|silence up|down LEAST MOST [TIMES]
//                                    each connection, after so many bytes towards the server (up) or the client
//   WHICH lose LEAST MOST [TIMES]    after so many bytes up, nothing comes down; RST when the server has answered
//   WHICH cut none, WHICH lose none
//   WHICH delay MILLISECONDS         one way
//   WHICH rate BYTES_PER_SECOND      in each direction, of all connections of the target together; 0: no limit
//   line rate BYTES_PER_SECOND       of all targets together
//   WHICH stall CHANCE MILLISECONDS  of each chunk: its connection stands still for so long
//   WHICH silent on|off              connections stay open, and nothing passes
//   WHICH half-open client|server|both
//                                    those that are open now: that side is gone without notice
//   WHICH link up|down               down: RST to all, now and whenever one comes
//   WHICH reset                      RST to all that are open
//   stats                            the counters of every target
// clang-format on
//
// WHICH is the number of a target, or * for all (of those there are).
#include <unistd.h>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/streambuf.hpp>
#include <cstdio>
#include <cstdlib>
#include <istream>
#include <sstream>
#include <stdexcept>
#include <string>

#include "connection.h"

namespace faults {
namespace {

using ErrorCode = boost::system::error_code;

/// Reads the words of one command; what is missing or wrong is an exception with the reason.
class Words {
 public:
  explicit Words(const std::string& line) : stream_(line) {}
  std::string text(const char* what) {
    std::string out;
    if (!(stream_ >> out)) throw std::runtime_error(std::string("missing: ") + what);
    return out;
  }
  template <class T>
  T number(const char* what) {
    T out{};
    if (!(stream_ >> out)) throw std::runtime_error(std::string("not a number: ") + what);
    return out;
  }
  template <class T>
  T number_or(T otherwise) {
    T out{};
    return stream_ >> out ? out : otherwise;
  }
  bool flag(const char* on, const char* off) {
    const std::string word = text(on);
    if (word != on && word != off) throw std::runtime_error("neither " + std::string(on) + " nor " + off + ": " + word);
    return word == on;
  }

 private:
  std::istringstream stream_;
};

AtCount read_count(const std::string& least, Words& words) {
  AtCount out;
  out.least = std::stoull(least);
  out.most = words.number<std::uint64_t>("most");
  out.times = words.number_or<std::uint64_t>(0);
  if (out.least == 0 || out.most < out.least) throw std::runtime_error("0 < least <= most is needed");
  return out;
}

/// "none", or by whom, in which direction, and when.
std::optional<Cut> read_cut(Words& words) {
  const std::string by = words.text("rst, fin, silence or none");
  if (by == "none") return std::nullopt;
  Cut out;
  if (by == "fin")
    out.by = CutBy::fin;
  else if (by == "silence")
    out.by = CutBy::silence;
  else if (by != "rst")
    throw std::runtime_error("cut by what? " + by);
  out.direction = words.flag("up", "down") ? up : down;
  out.when = read_count(words.text("least"), words);
  return out;
}

class Proxy {
 public:
  Proxy(asio::io_context& loop, std::uint64_t seed) : loop_(loop), seed_(seed), input_(loop, ::dup(STDIN_FILENO)) {}

  void listen_to_commands() {
    asio::async_read_until(input_, lines_, '\n', [this](const ErrorCode& error, std::size_t) {
      if (error) return loop_.stop();
      std::istream stream(&lines_);
      std::string line;
      std::getline(stream, line);
      std::string answer;
      try {
        answer = obey(line);
      } catch (const std::exception& problem) {
        answer = std::string("{\"error\": \"") + problem.what() + "\"}";
      }
      std::printf("%s\n", answer.c_str());
      std::fflush(stdout);
      listen_to_commands();
    });
  }

 private:
  struct Listener {
    Listener(asio::io_context& loop, std::uint64_t seed)
        : acceptor(loop, tcp::endpoint(asio::ip::address_v4::loopback(), 0)), target(seed) {}
    tcp::acceptor acceptor;
    Target target;
  };

  std::string obey(const std::string& line) {
    Words words(line);
    const std::string which = words.text("command");
    if (which == "add") return add(words.number<std::uint16_t>("port"));
    if (which == "stats") return stats();
    if (which == "line") return set_line(words);
    if (which == "*") {
      for (auto& listener : listeners_) {
        Words again(line);
        again.text("*");
        change(listener->target, again);
      }
      return "{}";
    }
    const std::size_t number = std::stoul(which);
    if (number >= listeners_.size()) throw std::runtime_error("no such target: " + which);
    change(listeners_[number]->target, words);
    return "{}";
  }

  std::string add(std::uint16_t port) {
    const std::size_t number = listeners_.size();
    listeners_.push_back(std::make_unique<Listener>(loop_, seed_ * 1'000'003 + number));
    Listener& listener = *listeners_.back();
    listener.target.port = port;
    accept(listener);
    return "{\"target\": " + std::to_string(number) +
           ", \"port\": " + std::to_string(listener.acceptor.local_endpoint().port()) + "}";
  }

  void accept(Listener& listener) {
    listener.acceptor.async_accept([this, &listener](const ErrorCode& error, tcp::socket socket) {
      if (!error && !listener.target.link) {
        ++listener.target.counters.refused;
        reset_socket(socket);
      } else if (!error) {
        ++listener.target.counters.connections;
        auto connection = std::make_shared<Connection>(loop_, listener.target, line_, std::move(socket));
        listener.target.connections.insert(connection);
        connection->start();
      }
      accept(listener);
    });
  }

  std::string set_line(Words& words) {
    if (words.text("rate") != "rate") throw std::runtime_error("the line has a rate only");
    const auto rate = words.number<std::uint64_t>("bytes per second");
    for (Pace& pace : line_.pace) pace.set(rate);
    return "{}";
  }

  static void change(Target& target, Words& words) {
    const std::string verb = words.text("verb");
    // Connections leave the set when they close, so we walk over a copy.
    const auto connections = target.connections;
    if (verb == "target") {
      target.port = words.number<std::uint16_t>("port");
    } else if (verb == "cut") {
      target.cut = read_cut(words);
    } else if (verb == "lose") {
      const std::string least = words.text("least or none");
      target.lose = least == "none" ? std::nullopt : std::optional(read_count(least, words));
    } else if (verb == "delay") {
      target.delay = std::chrono::milliseconds(words.number<long>("milliseconds"));
    } else if (verb == "rate") {
      const auto rate = words.number<std::uint64_t>("bytes per second");
      for (Pace& pace : target.pace) pace.set(rate);
    } else if (verb == "stall") {
      target.stall_chance = words.number<double>("chance");
      target.stall = std::chrono::milliseconds(words.number<long>("milliseconds"));
    } else if (verb == "silent") {
      target.silent = words.flag("on", "off");
      for (const auto& connection : connections) connection->kick();
    } else if (verb == "half-open") {
      const std::string gone = words.text("client, server or both");
      for (const auto& connection : connections) connection->half_open(gone != "server", gone != "client");
    } else if (verb == "link") {
      target.link = words.flag("up", "down");
      if (!target.link) reset_all(connections);
    } else if (verb == "reset") {
      reset_all(connections);
    } else {
      throw std::runtime_error("no such verb: " + verb);
    }
  }

  static void reset_all(const std::set<std::shared_ptr<Connection>>& connections) {
    for (const auto& connection : connections) connection->reset();
  }

  std::string stats() const {
    std::string out = "{\"targets\": [";
    for (const auto& listener : listeners_) {
      const Counters& counters = listener->target.counters;
      const auto field = [&](const char* name, std::uint64_t value) {
        if (out.back() != '{') out += ", ";
        out += std::string("\"") + name + "\": " + std::to_string(value);
      };
      if (listener != listeners_.front()) out += ", ";
      out += "{";
      field("connections", counters.connections);
      field("open", listener->target.connections.size());
      field("refused", counters.refused);
      field("cuts", counters.cuts);
      field("losses", counters.losses);
      field("bytes_up", counters.bytes[up]);
      field("bytes_down", counters.bytes[down]);
      field("bytes_lost", counters.bytes_lost);
      out += "}";
    }
    return out + "]}";
  }

  asio::io_context& loop_;
  const std::uint64_t seed_;
  asio::posix::stream_descriptor input_;
  asio::streambuf lines_;
  SharedLine line_;
  std::vector<std::unique_ptr<Listener>> listeners_;
};

}  // namespace
}  // namespace faults

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: fault_proxy SEED\n");
    return 2;
  }
  boost::asio::io_context loop(1);
  faults::Proxy proxy(loop, std::strtoull(argv[1], nullptr, 10));
  proxy.listen_to_commands();
  loop.run();
  return 0;
}
