// Which entries of modules' and classes' namespaces are recorded.
//
// A process holds hundreds of modules, and everything in them is reachable from any function. What is followed is what
// the captured code can name:
//
//  1. Captured code is the code of the frames (with the code nested in it), generation 0, and that of the functions it
//     names, generation 1, and so on up to kMaxGeneration.
//  2. The globals of frames are recorded whole, and so is the namespace of a frame that runs a class's body.
//  3. Of other modules' namespaces (also reached as some function's globals) the entries are recorded that captured
//     code names: looked up in its own globals or builtins, or as an attribute of a module that it names (`import x;
//     x.y`). So are what tells which module it is: __name__, __file__ and the like.
//  4. Of a class that a frame's module or another one of the program's own (program_modules.h) defines, the whole
//     namespace is recorded; when captured code names the class, its functions belong to the next generation. Of other
//     classes, what captured code names anywhere, kAlwaysRecorded (what tells how an instance is to be shown, and the
//     special methods that syntax calls without naming them), and what is neither function nor class, which their
//     methods name; of static types (those of C), nothing.
//
// Everything else that is reachable is recorded. Mapping.omitted counts what was left out.
//
// What is neither function nor class, and how instances are made, was measured on CPython 3.12: the application below
// 27,200 objects without and 33,300 with it, IPython 9 14,300 and 17,500, their files 17 % and 19 % larger. Without, a
// class of a library cannot be called in replay, nor can its methods that are found there.
//
// kMaxGeneration was measured on CPython 3.12. A Flask 3.1 application with 8 requests under way (18 threads): 660 kB
// with generation 1, 686 kB with 2; a script of 40 lines that imports six modules of the standard library: 18 kB and
// 41 kB. One more generation is little, and lets replay call what captured functions call.
#ifndef PYSNAP_OBJECTS_NAMESPACES_H_
#define PYSNAP_OBJECTS_NAMESPACES_H_

#include <array>
#include <cstdint>
#include <deque>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/container/node_hash_map.h"
#include "snapshotter/base/address.h"
#include "snapshotter/objects/graph_crawler.h"
#include "snapshotter/objects/program_modules.h"

namespace pysnap {

class Crawl;

// Names are compared by address: identifiers in code and the keys that code stores are interned.
class Namespaces {
 public:
  static constexpr int kMaxGeneration = 2;

  // As for ProgramModules.
  Namespaces(const Runtime& runtime, Memory& memory, std::string working_folder)
      : modules_(runtime, memory, std::move(working_folder)) {}

  // What is recorded of one namespace.
  struct Plan {
    bool whole = false;
    bool is_class = false;
    absl::flat_hash_set<Address> wanted;
  };

  void Add(Address dict, NamespaceKind kind, Address code);
  void AddClass(Crawl& crawl, Address dict);
  void AddModules(Address modules) { modules_.Add(modules); }

  // Works out the plans from what was added, before anything is decoded. Only reads.
  void Resolve(Crawl& crawl);

  // The plan for a dict, or null when it is not known to be a namespace.
  const Plan* Find(Address dict) const;
  // The plan for a module's namespace that only its contents tell.
  const Plan& unnamed() const { return unnamed_; }
  // Whether an entry is recorded. `position` is the entry's place in the dict.
  bool Wants(Crawl& crawl, const Plan& plan, Address key, Address value, uint64_t position) const;

 private:
  using Names = std::vector<Address>;
  struct Entries {
    std::vector<std::pair<Address, Address>> in_order;
    absl::flat_hash_map<Address, Address> by_key;
  };
  // The code whose names are looked up in a namespace.
  struct Lookup {
    Address code;
    Address dict;
    int generation = 0;
  };

  bool IsOwnClass(Crawl& crawl, Address dict);
  // Whether it is among kAlwaysRecorded.
  bool IsData(Crawl& crawl, Address key, Address value) const;
  bool IsAlwaysRecorded(Crawl& crawl, Address key) const;
  const Names& NamesOf(Crawl& crawl, Address code);
  const Entries& EntriesOf(Crawl& crawl, Address dict);
  void Follow(Crawl& crawl, const Lookup& lookup, Address value);
  void FollowClass(Crawl& crawl, const Lookup& lookup, Address type);
  void Enqueue(const Lookup& lookup);
  std::string ModuleNameOf(Crawl& crawl, Address dict, absl::string_view key);

  absl::node_hash_map<Address, Plan> plans_;
  Plan unnamed_;
  std::array<std::deque<Lookup>, kMaxGeneration + 1> queues_;  // by generation
  absl::flat_hash_set<std::pair<Address, Address>> seen_;
  absl::node_hash_map<Address, Names> names_;
  absl::node_hash_map<Address, Entries> entries_;
  absl::flat_hash_set<Address> classes_;
  // Names that captured code uses, and the modules whose frames were captured.
  absl::flat_hash_set<Address> mentioned_;
  absl::flat_hash_set<Address> root_dicts_;
  absl::flat_hash_set<std::string> root_modules_;
  ProgramModules modules_;
};

}  // namespace pysnap

#endif  // PYSNAP_OBJECTS_NAMESPACES_H_
