#pragma once

/// A server's insides for tests: a database in memory, two organizations with one member for each
/// role, a live release, and a way to ask without sockets.

#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "api/api.h"
#include "api/route.h"
#include "base/temp_folder.h"
#include "store/deliveries.h"
#include "store/organizations.h"
#include "testing/fake_clock.h"
#include "testing/tenant.h"

namespace cupola::api {

/// A reply, read.
struct Answer {
  int status = 0;
  std::string text;
  json::value body;  ///< null where the reply is no JSON
  std::vector<std::pair<std::string, std::string>> headers;
  std::function<http::StreamStep()> stream;
  std::function<std::optional<http::Reply>()> later;  ///< where the reply comes late

  std::string detail() const { return text_at(body.as_object(), "detail"); }
  const json::object& object() const { return body.as_object(); }
};

/// An organization with something of each kind.
struct Side {
  testing::Tenant tenant;
  std::map<store::Role, std::string> tokens;  ///< Authorization headers
  std::string spare_token;                    ///< id of one more token of the viewer
  std::string invitation;                     ///< id of an open one
  std::string link;                           ///< token of another open one
  store::Release release;
  RunId run;
  store::NotificationId notification;
  store::DeliveryId delivery;
};

class ApiTest : public ::testing::Test {
 protected:
  /// On that database, which is empty.
  explicit ApiTest(const std::string& database = "sqlite::memory:");
  ~ApiTest() override;

  /// As the member of acme with that role; targets as they are typed, without escapes.
  Answer ask(const std::string& method, const std::string& target, store::Role role,
             const std::string& body = "",
             std::vector<std::pair<std::string, std::string>> headers = {});
  /// As the owner of acme.
  Answer ask(const std::string& method, const std::string& target, const std::string& body = "",
             std::vector<std::pair<std::string, std::string>> headers = {});
  /// With that Authorization header, or none.
  Answer ask_as(const std::string& authorization, const std::string& method,
                const std::string& target, const std::string& body = "",
                std::vector<std::pair<std::string, std::string>> headers = {});
  /// The route's path with the names of the side's things, and a body that it takes. Whoever adds a
  /// route with another {name}, or another body, says here what to put there.
  static std::string path_of(const Route& route, const Side& side);
  std::string body_of(const Route& route) const;
  /// What the cloud CLI does with an answer: it sends on what was prepared for it.
  Answer follow(const Answer& first);
  /// The Authorization header of a new token of acme's owner that is limited so.
  std::string limited_token(const store::Reach& reach, std::optional<store::Role> role = {});
  /// Another release of the side's deployment, live; the one before is retired.
  void make_another_release_live(const Side& side);
  /// Another project in acme, with a deployment of the same name as acme's, a run and a state.
  testing::Tenant add_neighbour();
  /// All steps of a stream together.
  static std::string drain(const Answer& answer);

  const TempFolder folder_{"cupola-api"};
  testing::FakeClock clock_;
  Home home_;
  std::unique_ptr<db::Database> db_;
  store::Vault vault_;
  auth::Authenticator authenticator_;
  Context context_;
  std::unique_ptr<Api> api_;
  Side acme_;
  Side other_;
  int runner_woken_ = 0;
  int deployer_woken_ = 0;
  int scheduler_woken_ = 0;
  int notifier_woken_ = 0;

 private:
  std::string cloud_body_of(const Route& route) const;
  Side make_side(const std::string& name);
};

std::string method_name(http::Method method);

inline constexpr const char* deployment_path = "/api/v1/projects/acme/deployments/acme";

}  // namespace cupola::api
