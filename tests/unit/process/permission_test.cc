#include "snapshotter/process/permission.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace pysnap {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

AccessFacts Facts() {
  AccessFacts facts;
  facts.pid = 42;
  facts.our_uid = facts.target_uid = 1000;
  facts.target_uid_known = true;
  return facts;
}

TEST(PermissionTest, NamesTheRemedy) {
  AccessFacts facts = Facts();
  EXPECT_THAT(ExplainRefusal(facts), StartsWith("the kernel refuses access to process 42; it has changed its user"));
  facts.yama_scope = 1;
  EXPECT_THAT(ExplainRefusal(facts), HasSubstr("sysctl kernel.yama.ptrace_scope=0"));
  facts.yama_scope = 2;
  EXPECT_THAT(ExplainRefusal(facts), HasSubstr("as root"));
  facts.target_uid = 0;
  EXPECT_THAT(ExplainRefusal(facts), HasSubstr("belongs to root: run pysnap as that user or as root"));
  facts.our_uid = 0;
  EXPECT_THAT(ExplainRefusal(facts), HasSubstr("--cap-add=SYS_PTRACE"));
  facts.cap_sys_ptrace = true;
  EXPECT_THAT(ExplainRefusal(facts), HasSubstr("security module"));
  facts.our_seccomp = 2;
  EXPECT_THAT(ExplainRefusal(facts), HasSubstr("seccomp=unconfined"));
  facts.same_user_namespace = false;
  EXPECT_THAT(ExplainRefusal(facts), HasSubstr("outside of the container"));
  facts.yama_scope = 3;
  EXPECT_THAT(ExplainRefusal(facts), HasSubstr("until the next boot"));
}

}  // namespace
}  // namespace pysnap
