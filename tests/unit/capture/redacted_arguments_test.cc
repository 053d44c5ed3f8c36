#include "snapshotter/capture/redacted_arguments.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace pysnap {
namespace {

std::vector<std::string> Redacted(const std::vector<std::string>& arguments, SecretContents& secrets) {
  const RedactionRules rules = *RedactionRules::Create(true, {});
  proto::Process process;
  for (const std::string& argument : arguments) process.add_argv(argument);
  RedactArguments(rules, secrets, process);
  return {process.argv().begin(), process.argv().end()};
}

TEST(RedactedArgumentsTest, ValuesOfOptionsAndWhatTellsASecret) {
  SecretContents secrets;
  EXPECT_THAT(Redacted({"python", "app.py", "--token", "t0k-1", "--password=pw-2", "next", "--api-key", "--verbose",
                        "plain", "postgres://u:p-3@h", "token", "word"},
                       secrets),
              ::testing::ElementsAre("python", "app.py", "--token", "<redacted>", "<redacted>", "next", "--api-key",
                                     "--verbose", "plain", "<redacted>", "token", "word"));
  // The program has them as texts.
  for (const char* secret : {"t0k-1", "pw-2", "p-3"}) EXPECT_TRUE(secrets.Within(secret)) << secret;
  EXPECT_FALSE(secrets.Within("next"));
}

TEST(RedactedArgumentsTest, WhatIsKnownToBeSecret) {
  SecretContents secrets;
  secrets.Add("s3cret");
  EXPECT_THAT(Redacted({"python", "-c", "print('s3cret')"}, secrets),
              ::testing::ElementsAre("python", "-c", "<redacted>"));
}

}  // namespace
}  // namespace pysnap
