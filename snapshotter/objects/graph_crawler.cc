#include "snapshotter/objects/graph_crawler.h"

#include <utility>

#include "snapshotter/objects/crawl.h"

namespace pysnap {

GraphCrawler::GraphCrawler(const Runtime& runtime, Memory& memory, CrawlOptions options, ObjectSink* sink)
    : crawl_(std::make_unique<Crawl>(runtime, memory, std::move(options), sink, *this)) {}

GraphCrawler::~GraphCrawler() = default;

uint32_t GraphCrawler::Ref(Address object) { return crawl_->Ref(object); }
uint32_t GraphCrawler::RefEssential(Address object) { return crawl_->RefEssential(object); }
uint32_t GraphCrawler::RefSuspended(Address generator) { return crawl_->RefSuspended(generator); }
uint32_t GraphCrawler::RefConstant(Address constant) { return crawl_->RefConstant(constant); }
uint32_t GraphCrawler::RefNamed(absl::string_view name, Address object) { return crawl_->RefNamed(name, object); }
uint32_t GraphCrawler::RefNamespace(Address dict, NamespaceKind kind, Address code) {
  return crawl_->RefNamespace(dict, kind, code);
}
void GraphCrawler::AddModules(Address modules) { crawl_->AddModules(modules); }
uint32_t GraphCrawler::RefRaised(const RaisedException& raised) { return crawl_->RefRaised(raised); }
uint32_t GraphCrawler::RefTorn() { return crawl_->RefTorn(); }
uint32_t GraphCrawler::RefUnknown(const absl::Status& why) { return crawl_->RefUnknown(why); }
uint32_t GraphCrawler::RefInt(int64_t value) { return crawl_->RefInt(value); }
uint32_t GraphCrawler::String(absl::string_view text) { return crawl_->String(text); }
bool GraphCrawler::IsSecretText(absl::string_view text) { return crawl_->IsSecretText(text); }
absl::Status GraphCrawler::Run() { return crawl_->Run(); }

uint32_t GraphCrawler::RefLockAt(Address word) {
  const Address lock = crawl_->LockAt(word);
  return lock.is_null() ? 0 : crawl_->Ref(lock);
}

uint64_t GraphCrawler::object_count() const { return crawl_->object_count(); }
uint64_t GraphCrawler::string_count() const { return crawl_->string_count(); }
const Secrets& GraphCrawler::secrets() const { return crawl_->secrets(); }
bool GraphCrawler::limited() const { return crawl_->limited(); }
bool GraphCrawler::touch_only() const { return crawl_->touch_only(); }
const Runtime& GraphCrawler::runtime() const { return crawl_->runtime(); }
Memory& GraphCrawler::memory() { return crawl_->memory(); }

}  // namespace pysnap
