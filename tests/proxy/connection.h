// One client's connection to one server, with the faults of its target.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <deque>
#include <memory>
#include <vector>

#include "faults.h"

namespace faults {

namespace asio = boost::asio;
using asio::ip::tcp;

/// A closed port, without a farewell: RST.
void reset_socket(tcp::socket& socket);

class Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(asio::io_context& loop, Target& target, SharedLine& line, tcp::socket near);

  void start();
  /// The target's faults have changed: what waited may go on.
  void kick();
  void reset();
  /// The named side, or both, is gone without notice: the other one hears nothing any more (or, when only one
  /// is gone, this one is reset and the gone one keeps its socket open).
  void half_open(bool client_gone, bool server_gone);

 private:
  enum class Ending { none, fin, rst };
  struct Parcel {
    Clock::time_point due;
    std::vector<char> bytes;
    Ending ending = Ending::none;
  };
  struct Flow {
    Flow(asio::io_context& loop, Direction way, tcp::socket& source, tcp::socket& sink)
        : direction(way), from(source), to(sink), next_read(loop), next_write(loop) {}
    Direction direction;
    tcp::socket& from;
    tcp::socket& to;
    asio::steady_timer next_read, next_write;
    std::vector<char> buffer, sending;
    std::deque<Parcel> queue;
    std::size_t queued = 0;
    bool reading = false, writing = false, waiting = false, ended = false;
    std::uint64_t passed = 0;
  };

  bool held() const { return silenced_ || target_.silent; }
  std::size_t chunk_bytes(const Flow& flow) const;
  std::size_t queue_bytes_max() const;
  void read(Flow& flow);
  void on_read(Flow& flow, const boost::system::error_code& error, std::size_t count);
  void write(Flow& flow);
  void write_data(Flow& flow, Parcel& parcel);
  void on_written(Flow& flow, std::size_t count);
  void end(Flow& flow, Ending ending);
  void cut(CutBy by);
  void lose(std::size_t count);
  void reset_when_quiet();
  void close();

  asio::io_context& loop_;
  Target& target_;
  SharedLine& line_;
  tcp::socket near_, far_;
  Flow up_, down_;
  std::optional<std::uint64_t> cut_at_, lose_at_;
  Direction cut_direction_ = Direction::up;
  CutBy cut_by_ = CutBy::rst;
  bool losing_ = false, lost_some_ = false, draining_ = false, silenced_ = false, closed_ = false;
  asio::steady_timer quiet_;
};

}  // namespace faults
