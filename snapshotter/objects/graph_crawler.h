// Records the objects that can be reached from a set of roots, breadth first.
//
//   GraphCrawler crawler(runtime, memory, options, &sink);
//   frame.set_function(crawler.RefEssential(function));
//   local.set_value(crawler.RefNamed("x", value));
//   frame.set_globals(crawler.RefNamespace(globals, NamespaceKind::kGlobals, code));
//   RETURN_IF_ERROR(crawler.Run());
//
// A capture runs twice over the same roots in the same order: while the target is stopped with `touch_only`, so that
// the page cache underneath keeps what will be needed, and after its release over the kept pages, decoding. Both runs
// visit the same objects in the same order and hand out the same ids.
#ifndef PYSNAP_OBJECTS_GRAPH_CRAWLER_H_
#define PYSNAP_OBJECTS_GRAPH_CRAWLER_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "proto/snapshot.pb.h"
#include "snapshotter/base/address.h"
#include "snapshotter/cpython/runtime.h"
#include "snapshotter/cpython/threads.h"
#include "snapshotter/memory/memory.h"
#include "snapshotter/objects/redaction.h"

namespace pysnap {

class Crawl;
class DeclaredLayouts;
class GraphCrawler;
class OpenFiles;
class StructSource;

// Reads what the walkers of cpython/ know how to read, for objects that the crawler comes across. They refer to further
// objects through the crawler. An error makes that one object absent.
using CodeFiller = std::function<absl::Status(Address code, GraphCrawler& crawler, proto::Code& out)>;
// `frame` is a _PyInterpreterFrame from 3.11 on, a PyFrameObject before.
using FrameFiller = std::function<absl::Status(Address frame, GraphCrawler& crawler, proto::Frame& out)>;

struct CrawlOptions {
  // Budgets; 0: no limit. Bytes count the values' own contents (text, digits, items). Roots have depth 1.
  uint64_t max_objects = 0;
  uint64_t max_bytes = 0;
  uint32_t max_depth = 0;
  // Of one container.
  uint64_t max_items = 0;
  // Visit, but decode nothing and call no sink.
  bool touch_only = false;
  // Null: nothing is redacted. Outlives the crawler.
  const RedactionRules* redaction = nullptr;
  // What an equal run has found to be secret: text that stands under a secret name somewhere is then given away under
  // no other name either, wherever it comes first. Null: each run knows only what it has come across. Outlives the
  // crawler.
  const Secrets* secrets = nullptr;
  // The target's, as it sees it; empty where it is not known.
  std::string working_folder;
  // What the objects of C extensions are made of, as somebody has declared. May be null; outlives the crawler.
  const DeclaredLayouts* layouts = nullptr;
  // What they are made of where nobody has. May be null; outlives the crawler.
  StructSource* structs = nullptr;
  // Where the descriptors that are come by are noted, with touch_only, and looked up otherwise. Null: nothing is told
  // of them. Outlives the crawler.
  OpenFiles* open_files = nullptr;
  // Asked now and then during Run: true ends it. Null: nothing does.
  std::function<bool()> abandoned;
  // Told now and then during Run how many objects were visited. Null: nobody is.
  std::function<void(uint64_t)> progress;
  // When null, code objects and frames are absent as unsupported.
  CodeFiller fill_code;
  FrameFiller fill_frame;
};

// Receives what was decoded. Ids are dense, from 1; each call brings the next one.
class ObjectSink {
 public:
  virtual ~ObjectSink() = default;
  // `object` is reused afterwards: the sink may swap or serialize it.
  virtual void OnObject(uint32_t id, proto::Object& object) = 0;
  virtual void OnString(uint32_t id, absl::string_view text) = 0;
};

// How much of a namespace is recorded; see namespaces.h for the rule.
enum class NamespaceKind {
  kGlobals,   // a frame's or function's globals: what captured code names
  kBuiltins,  // likewise
  kWhole,     // everything: what a module's or a class body's frame has as its locals
};

// Never fails as a whole: what cannot be read becomes an absent object with its reason. Not thread-safe.
class GraphCrawler {
 public:
  // `sink` may be null if `options.touch_only`. All arguments outlive the crawler.
  GraphCrawler(const Runtime& runtime, Memory& memory, CrawlOptions options, ObjectSink* sink);
  ~GraphCrawler();
  GraphCrawler(const GraphCrawler&) = delete;
  GraphCrawler& operator=(const GraphCrawler&) = delete;

  // The id of the object at `object`; 0 for null. Ids are given in the order of first mention. When the budget of
  // objects is spent, new ones all get the id of one stand-in that says so.
  uint32_t Ref(Address object);
  // The same for what must be there whatever the budgets are: code, types, functions of frames.
  uint32_t RefEssential(Address object);
  // The same for a generator or coroutine whose frame and name must be there, too.
  uint32_t RefSuspended(Address generator);
  // The same for a value that has a name (a local, an attribute, a str key, a keyword). When the name looks secret the
  // id is that of a stand-in without the value.
  uint32_t RefNamed(absl::string_view name, Address object);
  // The same for a dict that serves as a namespace. `code` is the code object that looks names up in it (a frame's);
  // null when none does. All of a capture's frames are referred to before Run.
  uint32_t RefNamespace(Address dict, NamespaceKind kind, Address code = Address());
  // The sys.modules of an interpreter; null is none. Those of all are given before Run.
  void AddModules(Address modules);
  // What a thread is raising. Before 3.12 it may not be an exception object yet: one is recorded in its place that has
  // the arguments which normalizing it would pass (_PyErr_CreateException, Python/errors.c), and no address.
  uint32_t RefRaised(const RaisedException& raised);
  // A constant of a code object; as RefEssential. A tuple among them is as likely the keywords of a call as a value.
  uint32_t RefConstant(Address constant);
  // A stand-in for a value that the target was stopped in the middle of changing.
  uint32_t RefTorn();
  // A stand-in for a value of which it is not known which object it is, and why.
  uint32_t RefUnknown(const absl::Status& why);
  // An int that is in the target a number and not an object; it has no address.
  uint32_t RefInt(int64_t value);

  // The id of an interned string. Always 0 with `touch_only`.
  uint32_t String(absl::string_view text);
  // Whether a text that is no object's holds a secret, which is known by this wherever else it stands.
  bool IsSecretText(absl::string_view text);

  // Visits everything that was referred to and all that is reachable from it. Once. Cancelled when it was abandoned, or
  // Internal.
  absl::Status Run();

  // Of the locks that were visited the id of the one that is waited for at this address; 0: none.
  uint32_t RefLockAt(Address word);

  uint64_t object_count() const;
  uint64_t string_count() const;
  // What stands under a secret name; for CrawlOptions::secrets of another run.
  const Secrets& secrets() const;
  // Whether a budget cut anything.
  bool limited() const;
  bool touch_only() const;
  const Runtime& runtime() const;
  Memory& memory();

 private:
  std::unique_ptr<Crawl> crawl_;
};

}  // namespace pysnap

#endif  // PYSNAP_OBJECTS_GRAPH_CRAWLER_H_
