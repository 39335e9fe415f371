#include "connection.h"

#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/write.hpp>

namespace faults {
namespace {

using ErrorCode = boost::system::error_code;

constexpr std::size_t kChunkBytes = 16 * 1024, kChunkBytesLeast = 1448;
constexpr std::size_t kFastChunkBytes = 64 * 1024;  // where that is half a millisecond at most: as network cards do it
constexpr std::size_t kQueueBytesMax = 64 * 1024;
constexpr std::size_t kLongQueueBytesMax = 4 * 1024 * 1024;  // on a long way much is on its way
constexpr int kSocketBufferBytes = 64 * 1024;                // so that "passed" is nearly "arrived"
constexpr auto kQuiet = std::chrono::milliseconds(100);      // after a lost answer, before the RST

void keep_buffers_small(tcp::socket& socket) {
  ErrorCode ignored;
  socket.set_option(asio::socket_base::send_buffer_size(kSocketBufferBytes), ignored);
  socket.set_option(asio::socket_base::receive_buffer_size(kSocketBufferBytes), ignored);
  socket.set_option(tcp::no_delay(true), ignored);
}

}  // namespace

void reset_socket(tcp::socket& socket) {
  ErrorCode ignored;
  socket.set_option(asio::socket_base::linger(true, 0), ignored);
  socket.close(ignored);
}

Connection::Connection(asio::io_context& loop, Target& target, SharedLine& line, tcp::socket near)
    : loop_(loop),
      target_(target),
      line_(line),
      near_(std::move(near)),
      far_(loop),
      up_(loop, Direction::up, near_, far_),
      down_(loop, Direction::down, far_, near_),
      quiet_(loop) {
  if (target.cut) {
    cut_at_ = target.draw(target.cut->when);
    cut_direction_ = target.cut->direction;
    cut_by_ = target.cut->by;
  }
  if (target.lose) lose_at_ = target.draw(*target.lose);
  keep_buffers_small(near_);
}

void Connection::start() {
  ErrorCode ignored;
  far_.open(tcp::v4(), ignored);
  keep_buffers_small(far_);
  far_.async_connect({asio::ip::address_v4::loopback(), target_.port},
                     [self = shared_from_this()](const ErrorCode& error) {
                       if (self->closed_) return;
                       if (error) return self->reset();
                       self->read(self->up_);
                       self->read(self->down_);
                     });
}

void Connection::kick() {
  if (closed_) return;
  for (Flow* flow : {&up_, &down_}) {
    write(*flow);
    if (far_.is_open()) read(*flow);
  }
}

void Connection::close() {
  if (closed_) return;
  closed_ = true;
  for (Flow* flow : {&up_, &down_}) {
    flow->next_read.cancel();
    flow->next_write.cancel();
  }
  quiet_.cancel();
  ErrorCode ignored;
  near_.close(ignored);
  far_.close(ignored);
  target_.connections.erase(shared_from_this());
}

void Connection::reset() {
  if (closed_) return;
  reset_socket(near_);
  reset_socket(far_);
  close();
}

void Connection::half_open(bool client_gone, bool server_gone) {
  if (closed_ || silenced_) return;
  silenced_ = true;
  if (client_gone && !server_gone) reset_socket(near_);
  if (server_gone && !client_gone) reset_socket(far_);
}

std::size_t Connection::chunk_bytes(const Flow& flow) const {
  const std::uint64_t own = target_.pace[flow.direction].bytes_per_second();
  const std::uint64_t shared = line_.pace[flow.direction].bytes_per_second();
  const std::uint64_t rate = own == 0 || shared == 0 ? own + shared : std::min(own, shared);
  if (rate == 0) return kChunkBytes;
  const std::size_t most = std::clamp<std::size_t>(rate / 2000, kChunkBytes, kFastChunkBytes);
  return std::clamp<std::size_t>(rate / 50, kChunkBytesLeast, most);
}

std::size_t Connection::queue_bytes_max() const {
  return target_.delay.count() == 0 ? kQueueBytesMax : kLongQueueBytesMax;
}

void Connection::read(Flow& flow) {
  if (closed_ || flow.reading || flow.waiting || flow.ended || held() || flow.queued >= queue_bytes_max()) return;
  if (!flow.from.is_open()) return;
  flow.reading = true;
  flow.buffer.resize(chunk_bytes(flow));
  flow.from.async_read_some(asio::buffer(flow.buffer),
                            [self = shared_from_this(), &flow](const ErrorCode& error, std::size_t count) {
                              flow.reading = false;
                              if (!self->closed_ && !self->silenced_) self->on_read(flow, error, count);
                            });
}

void Connection::on_read(Flow& flow, const ErrorCode& error, std::size_t count) {
  target_.counters.bytes[flow.direction] += count;
  if (error) {
    flow.ended = true;
    flow.queue.push_back({Clock::now() + target_.delay, {}, error == asio::error::eof ? Ending::fin : Ending::rst});
    return write(flow);
  }
  if (draining_) {
    target_.counters.bytes_lost += count;
    return read(flow);
  }
  if (losing_ && flow.direction == Direction::down) {
    lose(count);
    return read(flow);
  }
  Clock::time_point left =
      std::max(target_.pace[flow.direction].reserve(count), line_.pace[flow.direction].reserve(count));
  if (target_.draw_stall()) left += target_.stall;
  flow.queue.push_back({left + target_.delay,
                        {flow.buffer.begin(), flow.buffer.begin() + static_cast<std::ptrdiff_t>(count)},
                        Ending::none});
  flow.queued += count;
  write(flow);
  if (closed_) return;
  if (left <= Clock::now()) return read(flow);
  flow.waiting = true;  // the line is busy with these bytes until then
  flow.next_read.expires_at(left);
  flow.next_read.async_wait([self = shared_from_this(), &flow](const ErrorCode&) {
    flow.waiting = false;
    self->read(flow);
  });
}

void Connection::write(Flow& flow) {
  if (closed_ || flow.writing || flow.queue.empty() || held()) return;
  Parcel& parcel = flow.queue.front();
  if (parcel.due > Clock::now()) {
    flow.writing = true;
    flow.next_write.expires_at(parcel.due);
    flow.next_write.async_wait([self = shared_from_this(), &flow](const ErrorCode&) {
      flow.writing = false;
      self->write(flow);
    });
    return;
  }
  if (parcel.ending != Ending::none) return end(flow, parcel.ending);
  write_data(flow, parcel);
}

void Connection::write_data(Flow& flow, Parcel& parcel) {
  std::size_t count = parcel.bytes.size();
  if (cut_at_ && flow.direction == cut_direction_) {
    count = std::min<std::size_t>(count, *cut_at_ - flow.passed);
  }
  const auto middle = parcel.bytes.begin() + static_cast<std::ptrdiff_t>(count);
  flow.sending.assign(parcel.bytes.begin(), middle);
  parcel.bytes.erase(parcel.bytes.begin(), middle);
  if (parcel.bytes.empty()) flow.queue.pop_front();
  flow.queued -= count;
  flow.writing = true;
  asio::async_write(flow.to, asio::buffer(flow.sending),
                    [self = shared_from_this(), &flow](const ErrorCode& error, std::size_t written) {
                      flow.writing = false;
                      if (self->closed_ || self->silenced_ || self->draining_) return;
                      if (error) return self->reset();
                      self->on_written(flow, written);
                    });
}

void Connection::on_written(Flow& flow, std::size_t count) {
  flow.passed += count;
  if (cut_at_ && flow.direction == cut_direction_ && flow.passed >= *cut_at_) {
    cut_at_.reset();
    // Unless others have used up the cuts meanwhile: then this connection lives.
    if (target_.cut && target_.cut->when.spend()) {
      ++target_.counters.cuts;
      return cut(cut_by_);
    }
  }
  if (lose_at_ && flow.direction == Direction::up && flow.passed >= *lose_at_) {
    lose_at_.reset();
    losing_ = target_.lose && target_.lose->spend();
  }
  if (lost_some_) reset_when_quiet();
  write(flow);
  read(flow);
}

void Connection::cut(CutBy by) {
  switch (by) {
    case CutBy::rst:
      return reset();
    case CutBy::silence:
      silenced_ = true;
      return;
    case CutBy::fin:
      break;
  }
  // Both sides see an orderly end; what they still send goes nowhere.
  draining_ = true;
  ErrorCode ignored;
  near_.shutdown(tcp::socket::shutdown_send, ignored);
  far_.shutdown(tcp::socket::shutdown_send, ignored);
  for (Flow* flow : {&up_, &down_}) {
    target_.counters.bytes_lost += flow->queued;
    flow->queue.clear();
    flow->queued = 0;
    read(*flow);
  }
}

void Connection::end(Flow& flow, Ending ending) {
  if (ending == Ending::rst) return reset();
  flow.queue.clear();
  ErrorCode ignored;
  if (!draining_) flow.to.shutdown(tcp::socket::shutdown_send, ignored);
  if (up_.ended && down_.ended && up_.queue.empty() && down_.queue.empty()) close();
}

/// The work is done, and nobody hears of it.
void Connection::lose(std::size_t count) {
  target_.counters.bytes_lost += count;
  lost_some_ = true;
  reset_when_quiet();
}

void Connection::reset_when_quiet() {
  quiet_.expires_after(kQuiet);
  quiet_.async_wait([self = shared_from_this()](const ErrorCode& error) {
    if (error || self->closed_) return;
    ++self->target_.counters.losses;
    self->reset();
  });
}

}  // namespace faults
