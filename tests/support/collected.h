// What a crawl over a TargetHeap found, for tests to look at.
#ifndef PYSNAP_TESTS_SUPPORT_COLLECTED_H_
#define PYSNAP_TESTS_SUPPORT_COLLECTED_H_

#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "snapshotter/objects/graph_crawler.h"
#include "tests/support/target_heap.h"

namespace pysnap::testing {

class Collected : public ObjectSink {
 public:
  void OnObject(uint32_t id, proto::Object& object) override {
    EXPECT_EQ(id, objects_.size() + 1);
    objects_.push_back(object);
  }
  void OnString(uint32_t id, absl::string_view text) override {
    EXPECT_EQ(id, strings_.size() + 1);
    strings_.emplace_back(text.data(), text.size());
  }

  size_t size() const { return objects_.size(); }
  const proto::Object& At(uint32_t id) const {
    static const proto::Object kNone;
    EXPECT_GE(id, 1u);
    EXPECT_LE(id, objects_.size());
    return id >= 1 && id <= objects_.size() ? objects_[id - 1] : kNone;
  }
  std::string Text(uint32_t string_id) const {
    EXPECT_LE(string_id, strings_.size());
    return string_id >= 1 && string_id <= strings_.size() ? strings_[string_id - 1] : "";
  }
  std::string TypeName(const proto::Object& object) const { return Text(At(object.type()).type_value().name()); }
  // Names and values of attributes outside a dict.
  std::map<std::string, uint32_t> Attributes(const proto::Object& object) const {
    std::map<std::string, uint32_t> result;
    for (const proto::Attribute& attribute : object.attribute()) result[Text(attribute.name())] = attribute.value();
    return result;
  }
  // The str keys and the values of a mapping.
  std::map<std::string, uint32_t> Entries(uint32_t id) const {
    std::map<std::string, uint32_t> result;
    const proto::Mapping& mapping = At(id).mapping();
    for (int i = 0; i < mapping.key_size(); ++i) result[At(mapping.key(i)).str()] = mapping.value(i);
    return result;
  }
  // Whether any object's contents hold this text.
  bool Mentions(const std::string& text) const {
    for (const proto::Object& object : objects_) {
      if (object.str() == text || object.bytes_value() == text) return true;
    }
    return false;
  }

 private:
  std::vector<proto::Object> objects_;
  std::vector<std::string> strings_;
};

// Crawls twice, as a capture does, and checks that both runs agree. `refer` makes the references.
inline Collected CrawlFrom(TargetHeap& heap,
                           const std::function<void(GraphCrawler&)>& refer,
                           CrawlOptions options = {}) {
  options.touch_only = true;
  GraphCrawler first(heap.runtime(), heap.memory(), options, nullptr);
  refer(first);
  EXPECT_TRUE(first.Run().ok());

  Collected collected;
  options.touch_only = false;
  options.secrets = &first.secrets();
  GraphCrawler second(heap.runtime(), heap.memory(), options, &collected);
  refer(second);
  EXPECT_TRUE(second.Run().ok());
  EXPECT_EQ(first.object_count(), second.object_count());
  EXPECT_EQ(second.object_count(), collected.size());
  EXPECT_EQ(first.limited(), second.limited());
  return collected;
}

// The root gets the id 1.
inline Collected CrawlRoot(TargetHeap& heap, Address root, CrawlOptions options = {}) {
  return CrawlFrom(
      heap, [root](GraphCrawler& crawler) { EXPECT_EQ(crawler.Ref(root), 1u); }, std::move(options));
}

// A test that runs on every layout.
struct Build {
  const VersionSupport* version;
  bool debug;
};

inline std::vector<Build> AllBuilds() {
  std::vector<Build> builds;
  for (const VersionSupport* version : AllVersionSupports()) {
    builds.push_back({version, false});
    if (version->debug != nullptr) builds.push_back({version, true});
  }
  return builds;
}

inline std::string BuildName(const ::testing::TestParamInfo<Build>& info) {
  return "v3_" + std::to_string(info.param.version->minor) + (info.param.debug ? "d" : "");
}

class EveryBuild : public ::testing::TestWithParam<Build> {
 protected:
  EveryBuild() : heap(*GetParam().version, GetParam().debug) {}
  TargetHeap heap;
};

}  // namespace pysnap::testing

#endif  // PYSNAP_TESTS_SUPPORT_COLLECTED_H_
