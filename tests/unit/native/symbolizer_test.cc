#include "snapshotter/native/symbolizer.h"

#include <dlfcn.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "tests/unit/native/taken_stacks.h"
#include "tests/unit/process/child.h"

namespace pysnap {
namespace {

using testing::Child;
using ::testing::Contains;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using testing::TakenStacks;

// The functions of a whole stack, innermost first.
std::vector<NativeFunction> FunctionsOf(TakenStacks& taken) {
  Symbolizer symbolizer(taken.modules(), taken.target());
  std::vector<NativeFunction> all;
  const NativeStack stack = taken.Unwind();
  EXPECT_TRUE(stack.end.ok()) << stack.end;
  for (const NativeFrame& frame : stack.frames) {
    const auto functions =
        symbolizer.Symbolize(frame.instruction(), taken.unwinder().FunctionAround(frame.instruction()));
    EXPECT_FALSE(functions.empty());
    all.insert(all.end(), functions.begin(), functions.end());
  }
  return all;
}

std::vector<std::string> NamesOf(const std::vector<NativeFunction>& functions) {
  std::vector<std::string> names;
  for (const NativeFunction& function : functions) names.push_back(function.name);
  return names;
}

void ParkInCallback(void*) {
  Child::Ready();
  while (true) pause();
}

// A child that calls through the library `name` (tests/support/native), which calls back.
void RunLibrary(const std::string& name) {
  void* library = dlopen((std::string(PYSNAP_NATIVE_FIXTURES) + "/" + name).c_str(), RTLD_NOW);
  if (library == nullptr) _exit(9);
  auto* enter = reinterpret_cast<int (*)(void (*)(void*), void*)>(dlsym(library, "native_fixture_enter"));
  if (enter == nullptr) _exit(9);
  enter(ParkInCallback, nullptr);
}

const NativeFunction* Find(const std::vector<NativeFunction>& functions, const std::string& part) {
  const auto it = std::find_if(functions.begin(), functions.end(),
                               [&](const NativeFunction& f) { return f.name.find(part) != std::string::npos; });
  return it == functions.end() ? nullptr : &*it;
}

void ExpectDebugInformation(const std::vector<NativeFunction>& functions) {
  const std::vector<std::string> names = NamesOf(functions);
  // In the order of the calls, innermost first: two inlined into one.
  const auto at = [&](const std::string& part) {
    return std::find_if(names.begin(), names.end(), [&](const auto& name) { return name.find(part) != name.npos; }) -
           names.begin();
  };
  EXPECT_LT(at("InlinedInner"), at("InlinedOuter"));
  EXPECT_LT(at("InlinedOuter"), at("fixture::Shape<int>::Visit"));
  EXPECT_LT(at("fixture::Shape<int>::Visit"), at("native_fixture_enter"));
  EXPECT_LT(at("native_fixture_enter"), static_cast<std::ptrdiff_t>(names.size()));
  for (const char* part : {"InlinedInner", "InlinedOuter", "fixture::Shape<int>::Visit", "native_fixture_enter"}) {
    const NativeFunction* function = Find(functions, part);
    ASSERT_NE(function, nullptr) << part;
    EXPECT_THAT(function->file, EndsWith("tests/support/native/fixture.cc")) << part;
    EXPECT_EQ(function->file[0], '/') << part;
    EXPECT_GT(function->line, 0u) << part;
  }
  // The lines of the calls, as they stand in the source.
  EXPECT_LT(Find(functions, "InlinedInner")->line, Find(functions, "InlinedOuter")->line);
  EXPECT_LT(Find(functions, "InlinedOuter")->line, Find(functions, "fixture::Shape<int>::Visit")->line);
  EXPECT_LT(Find(functions, "fixture::Shape<int>::Visit")->line, Find(functions, "native_fixture_enter")->line);
}

TEST(SymbolizerTest, NamesFunctionsAndWhatIsInlinedIntoThem) {
  Child child([] { RunLibrary("libnative_fixture.so"); });
  TakenStacks taken(child.pid());
  ExpectDebugInformation(FunctionsOf(taken));
}

TEST(SymbolizerTest, FindsADebugFileByItsLink) {
  Child child([] { RunLibrary("libnative_fixture_linked.so"); });
  TakenStacks taken(child.pid());
  ExpectDebugInformation(FunctionsOf(taken));
}

TEST(SymbolizerTest, DoesNotTakeAnotherBuildsDebugFile) {
  Child child([] { RunLibrary("libnative_fixture_mislinked.so"); });
  TakenStacks taken(child.pid());
  const auto functions = FunctionsOf(taken);
  EXPECT_EQ(Find(functions, "InlinedInner"), nullptr);
  EXPECT_NE(Find(functions, "native_fixture_enter"), nullptr);
}

TEST(SymbolizerTest, AStrippedLibraryHasItsExportedFunctions) {
  Child child([] { RunLibrary("libnative_fixture_stripped.so"); });
  TakenStacks taken(child.pid());
  const auto functions = FunctionsOf(taken);
  const NativeFunction* enter = Find(functions, "native_fixture_enter");
  ASSERT_NE(enter, nullptr);
  EXPECT_TRUE(enter->from_table);
  EXPECT_GT(enter->offset, 0u);
  EXPECT_TRUE(enter->file.empty());
  EXPECT_EQ(enter->line, 0u);
  // What is not exported has no name, rather than a neighbour's.
  EXPECT_EQ(Find(functions, "Visit"), nullptr);
  EXPECT_THAT(NamesOf(functions), Contains(""));
}

TEST(SymbolizerTest, NothingIsKnownOfNothing) {
  Child child([] { RunLibrary("libnative_fixture.so"); });
  TakenStacks taken(child.pid());
  Symbolizer symbolizer(taken.modules(), taken.target());
  for (const uint64_t address : {uint64_t{0}, uint64_t{1}, ~uint64_t{0}, taken.registers()[0].sp.value()}) {
    const auto functions = symbolizer.Symbolize(Address(address), {});
    ASSERT_EQ(functions.size(), 1u);
    EXPECT_TRUE(functions[0].name.empty());
  }
}

}  // namespace
}  // namespace pysnap
