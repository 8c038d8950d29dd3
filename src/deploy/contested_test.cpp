#include "deploy/contested.h"

#include <gmock/gmock.h>

namespace cupola::deploy {
namespace {

using ::testing::HasSubstr;

meltano::Project project_with(const char* annotations, const char* uri = nullptr) {
  meltano::Project project;
  project.annotations = parse_json(annotations)->get_object();
  if (uri != nullptr) {
    project.state_backend_uri = uri;
    project.settings_written["state_backend.uri"] = uri;
  }
  return project;
}

TEST(ContestedTest, ASecretThatTheRootEnvBeatsIsAWarning) {
  meltano::Project project;
  project.env = {{"TOKEN", "x"}, {"REGION", "y"}, {"OTHER", "z"}};
  Source source;
  source.secrets.emplace("TOKEN", Secret("hush"));
  source.variables.emplace("REGION", "eu");
  Judged judged;

  add_overruled(judged, project, source);

  ASSERT_EQ(judged.findings.size(), 2u);
  EXPECT_TRUE(judged.is_fit()) << "a deploy goes on";
  EXPECT_THAT(judged.findings[0].fault.message, HasSubstr("beats the variable"));
  EXPECT_THAT(judged.findings[1].fault.message, HasSubstr("sets TOKEN, which beats the secret"));
}

TEST(ContestedTest, CupolaKeepsTheStateUnlessTheProjectSaysOtherwise) {
  Judged plain;
  decide_state(plain, project_with("{}"));
  EXPECT_TRUE(plain.findings.empty());
  EXPECT_EQ(plain.content.own_state, "");

  Judged named;
  decide_state(named, project_with("{}", "s3://bucket/x"));
  ASSERT_EQ(named.findings.size(), 1u);
  EXPECT_TRUE(named.is_fit());
  EXPECT_THAT(named.findings[0].fault.message, HasSubstr("not used"));
  EXPECT_EQ(named.content.own_state, "");

  Judged own;
  decide_state(own, project_with(R"({"cupola":{"state":"project"}})", "s3://bucket/x"));
  EXPECT_TRUE(own.findings.empty());
  EXPECT_EQ(own.content.own_state, "s3://bucket/x");
}

TEST(ContestedTest, AStateThatWouldGoWithTheRunOrAWordThatIsNoneKeepsTheReleaseBack) {
  for (const auto& [annotations, uri] : std::vector<std::pair<const char*, const char*>>{
           {R"({"cupola":{"state":"project"}})", nullptr},
           {R"({"cupola":{"state":"project"}})", "systemdb"},
           {R"({"cupola":{"state":"mine"}})", "s3://bucket/x"},
           {R"({"cupola":{"state":1}})", nullptr}}) {
    Judged judged;
    decide_state(judged, project_with(annotations, uri));
    EXPECT_FALSE(judged.is_fit()) << annotations;
  }
}

}  // namespace
}  // namespace cupola::deploy
