#pragma once

/// Awaits a function that runs on a pool's thread. Private to the files of the io thread.

#include <functional>
#include <memory>

#include <boost/asio/associated_executor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "http/pool.h"

namespace cupola::http {

/// Runs `todo` on the pool and gives its result to `done` on done's own executor.
template <typename T, typename Done>
class PoolJob : public Job {
 public:
  PoolJob(std::function<T()> todo, Done done) : todo_(std::move(todo)), done_(std::move(done)) {}

  void run() override {
    T result = todo_();
    todo_ = nullptr;
    const auto executor = boost::asio::get_associated_executor(done_);
    auto resume = [done = std::move(done_), result = std::move(result)]() mutable {
      std::move(done)(std::move(result));
    };
    boost::asio::post(executor, std::move(resume));
  }

 private:
  std::function<T()> todo_;
  Done done_;
};

/// The result of `todo`, which must not throw, from a thread of `pool`.
template <typename T>
boost::asio::awaitable<T> on_pool(Pool& pool, std::function<T()> todo) {
  auto start = [&pool](auto done, std::function<T()> work) {
    using Done = decltype(done);
    pool.submit(std::make_unique<PoolJob<T, Done>>(std::move(work), std::move(done)));
  };
  return boost::asio::async_initiate<const boost::asio::use_awaitable_t<>, void(T)>(
      std::move(start), boost::asio::use_awaitable, std::move(todo));
}

}  // namespace cupola::http
