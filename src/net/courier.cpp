#include "net/courier.h"

#include <algorithm>
#include <map>

#include <fmt/format.h>

#include "net/handle.h"

namespace cupola::net {
namespace {

constexpr std::size_t longest_header = 64u << 10;
constexpr long kept_connections = 100;

struct MultiCloser {
  void operator()(CURLM* multi) const { curl_multi_cleanup(multi); }
};

/// One message under way, with all that libcurl points to.
struct Exchange {
  Courier::Done done;
  Request request;
  Mail mail;
  HeaderList list;
  Dialling dialling;
  Outcome outcome;
  std::size_t header_size = 0;
  std::size_t body_size = 0;
  std::size_t sent = 0;
  bool has_enough = false;
  char words[CURL_ERROR_SIZE] = "";
  Handle handle = new_handle();  // goes first
};

std::size_t on_header(char* data, std::size_t, std::size_t size, void* user) {
  auto& exchange = *static_cast<Exchange*>(user);
  exchange.header_size += size;
  if (exchange.header_size > longest_header) return 0;
  take_header(exchange.outcome.headers, {data, size});
  return size;
}

std::size_t on_body(char*, std::size_t, std::size_t size, void* user) {
  auto& exchange = *static_cast<Exchange*>(user);
  exchange.body_size += size;
  exchange.has_enough = exchange.body_size > exchange.request.most;
  return exchange.has_enough ? 0 : size;
}

std::size_t on_data(char* buffer, std::size_t, std::size_t room, void* user) {
  auto& exchange = *static_cast<Exchange*>(user);
  const std::size_t size = std::min(room, exchange.mail.data.size() - exchange.sent);
  exchange.mail.data.copy(buffer, size, exchange.sent);
  exchange.sent += size;
  return size;
}

std::size_t ignore(char*, std::size_t, std::size_t size, void*) {
  return size;
}

void set_mail(Exchange& exchange) {
  CURL* handle = exchange.handle.get();
  const Mail& mail = exchange.mail;
  curl_easy_setopt(handle, CURLOPT_URL, mail.server.c_str());
  curl_easy_setopt(handle, CURLOPT_PROTOCOLS_STR, "smtp,smtps");
  curl_easy_setopt(handle, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(handle, CURLOPT_CONNECTTIMEOUT_MS, mail.timeouts.connect.count());
  trust_certificates(handle);
  curl_easy_setopt(handle, CURLOPT_USE_SSL,
                   static_cast<long>(mail.starttls ? CURLUSESSL_ALL : CURLUSESSL_NONE));
  if (!mail.user.empty()) {
    curl_easy_setopt(handle, CURLOPT_USERNAME, mail.user.c_str());
    curl_easy_setopt(handle, CURLOPT_PASSWORD, std::string(mail.password.reveal()).c_str());
  }
  curl_easy_setopt(handle, CURLOPT_MAIL_FROM, fmt::format("<{}>", mail.from).c_str());
  exchange.list.reset(curl_slist_append(nullptr, fmt::format("<{}>", mail.to).c_str()));
  curl_easy_setopt(handle, CURLOPT_MAIL_RCPT, exchange.list.get());
  curl_easy_setopt(handle, CURLOPT_UPLOAD, 1L);
  curl_easy_setopt(handle, CURLOPT_READFUNCTION, on_data);
  curl_easy_setopt(handle, CURLOPT_READDATA, &exchange);
  curl_easy_setopt(handle, CURLOPT_WRITEFUNCTION, ignore);
  curl_easy_setopt(handle, CURLOPT_TIMEOUT_MS, mail.timeouts.total.count());
}

void set_http(Exchange& exchange) {
  CURL* handle = exchange.handle.get();
  set_request(handle, exchange.request, exchange.dialling);
  exchange.list = to_list(exchange.request.headers);
  curl_easy_setopt(handle, CURLOPT_HTTPHEADER, exchange.list.get());
  curl_easy_setopt(handle, CURLOPT_HEADERFUNCTION, on_header);
  curl_easy_setopt(handle, CURLOPT_HEADERDATA, &exchange);
  curl_easy_setopt(handle, CURLOPT_WRITEFUNCTION, on_body);
  curl_easy_setopt(handle, CURLOPT_WRITEDATA, &exchange);
  curl_easy_setopt(handle, CURLOPT_TIMEOUT_MS, exchange.request.timeouts.total.count());
  // A connection that nobody judged must not be there for one who is judged.
  if (exchange.request.guard == nullptr) {
    curl_easy_setopt(handle, CURLOPT_FORBID_REUSE, 1L);
    curl_easy_setopt(handle, CURLOPT_FRESH_CONNECT, 1L);
  }
}

Outcome outcome_of(Exchange& exchange, CURLcode code) {
  Outcome outcome = std::move(exchange.outcome);
  long status = 0;
  curl_off_t took = 0;
  curl_easy_getinfo(exchange.handle.get(), CURLINFO_RESPONSE_CODE, &status);
  curl_easy_getinfo(exchange.handle.get(), CURLINFO_TOTAL_TIME_T, &took);
  outcome.status = static_cast<int>(status);
  outcome.took = std::chrono::milliseconds(took / 1000);
  if (code == CURLE_OK || exchange.has_enough) return outcome;
  const auto& objection = exchange.dialling.objection;
  outcome.refused = !objection.empty();
  outcome.error = outcome.refused           ? "not allowed: " + objection
                  : *exchange.words != '\0' ? exchange.words
                                            : curl_easy_strerror(code);
  if (exchange.header_size > longest_header) outcome.error = "the header of the answer has no end";
  return outcome;
}

}  // namespace

struct Courier::State {
  std::unique_ptr<CURLM, MultiCloser> multi;
  std::map<CURL*, std::unique_ptr<Exchange>> exchanges;

  void begin(std::unique_ptr<Exchange> exchange) {
    CURL* handle = exchange->handle.get();
    curl_easy_setopt(handle, CURLOPT_ERRORBUFFER, exchange->words);
    // A name server that does not answer holds up a thread of its own; without this, all would wait
    // for that thread when the message's time is over.
    curl_easy_setopt(handle, CURLOPT_QUICK_EXIT, 1L);
    if (curl_multi_add_handle(multi.get(), handle) != CURLM_OK) {
      throw Failure("libcurl could not begin an exchange: no memory");
    }
    exchanges.emplace(handle, std::move(exchange));
  }

  std::size_t take_ended() {
    std::size_t ended = 0;
    int rest = 0;
    while (const CURLMsg* message = curl_multi_info_read(multi.get(), &rest)) {
      if (message->msg != CURLMSG_DONE) continue;
      const CURLcode code = message->data.result;  // the message goes with the handle
      auto node = exchanges.extract(message->easy_handle);
      curl_multi_remove_handle(multi.get(), node.key());
      ++ended;
      node.mapped()->done(outcome_of(*node.mapped(), code));
    }
    return ended;
  }
};

Courier::Courier() : state_(std::make_unique<State>()) {
  start_curl();
  state_->multi.reset(curl_multi_init());
  if (!state_->multi) throw Failure("libcurl could not be started: no memory");
  curl_multi_setopt(state_->multi.get(), CURLMOPT_MAXCONNECTS, kept_connections);
}

Courier::~Courier() {
  for (const auto& [handle, exchange] : state_->exchanges) {
    curl_multi_remove_handle(state_->multi.get(), handle);
  }
}

void Courier::send(Request request, Done done) {
  auto exchange = std::make_unique<Exchange>();
  exchange->request = std::move(request);
  exchange->done = std::move(done);
  set_http(*exchange);
  state_->begin(std::move(exchange));
}

void Courier::send(Mail mail, Done done) {
  auto exchange = std::make_unique<Exchange>();
  exchange->mail = std::move(mail);
  exchange->done = std::move(done);
  set_mail(*exchange);
  state_->begin(std::move(exchange));
}

void Courier::wait(std::chrono::milliseconds longest) {
  const auto until = std::chrono::steady_clock::now() + longest;
  while (true) {
    int running = 0;
    curl_multi_perform(state_->multi.get(), &running);
    if (state_->take_ended() > 0) return;
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(until - std::chrono::steady_clock::now());
    if (left.count() <= 0) return;
    int ready = 0;
    curl_multi_poll(state_->multi.get(), nullptr, 0, static_cast<int>(left.count()), &ready);
    if (ready == 0) {  // woken, or a timer of libcurl's, or the time is over
      curl_multi_perform(state_->multi.get(), &running);
      state_->take_ended();
      return;
    }
  }
}

void Courier::wake() {
  curl_multi_wakeup(state_->multi.get());
}

std::size_t Courier::under_way() const {
  return state_->exchanges.size();
}

}  // namespace cupola::net
