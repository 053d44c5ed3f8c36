#include "snapshotter/native/named_structs.h"

#include <dlfcn.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "snapshotter/process/live_target.h"
#include "tests/unit/process/child.h"

namespace pysnap {
namespace {

using testing::Child;

// A child with the library `name` (tests/support/native).
class Loaded {
 public:
  explicit Loaded(const std::string& name)
      : child_([name] {
          if (dlopen((std::string(PYSNAP_NATIVE_FIXTURES) + "/" + name).c_str(), RTLD_NOW) == nullptr) _exit(9);
          Child::Ready();
          while (true) pause();
        }) {
    auto target = LiveTarget::Open(child_.pid());
    EXPECT_TRUE(target.ok()) << target.status();
    target_ = *std::move(target);
    modules_ = ModuleMap::Read(*target_);
    const auto& all = modules_->modules();
    const auto module =
        std::find_if(all.begin(), all.end(), [&](const Module& each) { return absl::EndsWith(each.path, "/" + name); });
    EXPECT_NE(module, all.end());
    if (module != all.end()) address_ = module->range.begin;
    structs_ = std::make_unique<NamedStructs>(*modules_, *target_);
  }

  NamedStructs& structs() { return *structs_; }
  Address address() const { return address_; }

 private:
  Child child_;
  std::unique_ptr<LiveTarget> target_;
  std::unique_ptr<ModuleMap> modules_;
  Address address_;
  std::unique_ptr<NamedStructs> structs_;
};

void ExpectPlaces(Loaded& loaded) {
  EXPECT_TRUE(loaded.structs().HasInformation(loaded.address()));
  const auto found = loaded.structs().Find(loaded.address(), {{"fixture::Derived", ""},
                                                              {"fixture::Derived", "number"},
                                                              {"fixture::Derived", "letter"},
                                                              {"fixture::Derived", "hidden"},
                                                              {"fixture::Derived", "inside.large"},
                                                              {"fixture::Second", "hidden"}});
  const std::vector<std::optional<FieldPlace>> expected = {FieldPlace{0, 64}, FieldPlace{8, 4},  FieldPlace{16, 1},
                                                           FieldPlace{48, 8}, FieldPlace{40, 8}, FieldPlace{8, 8}};
  EXPECT_EQ(found, expected);
}

TEST(NamedStructsTest, InTheLibrary) {
  Loaded loaded("libnative_fixture.so");
  ExpectPlaces(loaded);
}

TEST(NamedStructsTest, InAFileOfItsOwn) {
  Loaded loaded("libnative_fixture_linked.so");
  ExpectPlaces(loaded);
}

TEST(NamedStructsTest, Nowhere) {
  Loaded loaded("libnative_fixture_stripped.so");
  EXPECT_FALSE(loaded.structs().HasInformation(loaded.address()));
  EXPECT_EQ(loaded.structs().Find(loaded.address(), {{"fixture::Derived", "number"}}),
            std::vector<std::optional<FieldPlace>>(1));
}

TEST(NamedStructsTest, WhatThereIsNot) {
  Loaded loaded("libnative_fixture.so");
  const auto found = loaded.structs().Find(loaded.address(), {{"Derived", "number"},
                                                              {"fixture", "number"},
                                                              {"fixture::Derived", "inside.none"},
                                                              {"fixture::Derived", "number.none"},
                                                              {"fixture::Derived", "shared"},
                                                              {"fixture::Derived", "bits"}});
  EXPECT_EQ(found, std::vector<std::optional<FieldPlace>>(6));
  EXPECT_FALSE(loaded.structs().HasInformation(Address(16)));
}

}  // namespace
}  // namespace pysnap
