// Turns the objects and frames of a snapshot file into real Python objects, without running any code of the snapshot.
//
// An object that is referred to before it can be complete exists first as a shell: an empty list, a tuple without its
// items, an instance without attributes. The phases of Load():
//   1. shells of everything, what an object cannot be made without (its type, a function's code) before it; frames and
//      tracebacks too, while the dicts that are their globals are still empty;
//   2. what needs no hash: items of tuples and lists, attributes, cells, the fields of functions and exceptions;
//   3. frozensets, then sets and dicts: by now everything that can be hashed is complete;
//   4. the namespaces of rebuilt classes, last, so that nothing of them is in force before.
// All walks are iterative; whatever a file says, the result is well-formed for the interpreter.
#ifndef PYSNAP_REPLAY_LOADER_H_
#define PYSNAP_REPLAY_LOADER_H_

#include <cstdint>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "replay_ext/core/frame_ops/frame_ops.h"
#include "replay_ext/core/hash_guard.h"
#include "replay_ext/core/line_table.h"
#include "replay_ext/core/py_ref.h"
#include "replay_ext/core/snapshot_file.h"

namespace pysnap::replay {

// What the Python side gives to a load. All borrowed for its duration.
struct LoadOptions {
  PyObject* absent = nullptr;            // class: Absent(reason, detail, type)
  PyObject* refused = nullptr;           // exception class that captured code raises when called
  PyObject* foreign = nullptr;           // the same for code of another version
  PyObject* suspended = nullptr;         // class: stand-in of generators
  PyObject* closed = nullptr;            // callable(Generator.Kind) -> a generator … that has ended
  PyObject* not_iterator = nullptr;      // class: NotIterator(object), for what was an iterator in the program
  PyObject* builtin_function = nullptr;  // class: stand-in of functions written in C
  PyObject* known_types = nullptr;       // dict: (module, qualname) -> type
  PyObject* plain_types = nullptr;       // set: those of them that are made of nothing but attributes
  PyObject* repr_of = nullptr;           // callable(type, captured __repr__, minor) -> what is to stand for it
  PyObject* version_types = nullptr;     // set: those of them whose attributes are other ones in another version
  PyObject* known_functions = nullptr;   // dict: (module, name) -> builtin function
  PyObject* part_builders = nullptr;     // dict: (module, qualname) -> callable(type, parts dict) -> object
  PyObject* keeping_types = nullptr;     // set: types whose builders do not look into the parts
  PyObject* stand_ins = nullptr;  // dict: (module, qualname) -> callable(parts dict), for types without instances
  // dict: (module, qualname) -> callable(dict) -> object, of a library that is imported; for just the type
  PyObject* imported = nullptr;
  bool run_code = false;
};

// The namespace of a type, also of the interpreter's own since 3.12. A new reference, or null.
Ref TypeDict(PyTypeObject* type);

class Loader {
 public:
  Loader(const SnapshotFile& file, const LoadOptions& options);
  ~Loader();
  Loader(const Loader&) = delete;
  Loader& operator=(const Loader&) = delete;

  // A dict for the Python side (see _load.py); null with a Python exception set only when memory ran out.
  Ref Load();

 private:
  enum State : uint8_t { kNew = 0, kOpen = 1, kShell = 2, kOpenWhole = 4, kWhole = 8, kFilled = 16 };

  // A code object made from a captured one.
  struct BuiltCode {
    Ref code;
    bool real = false;
    int shift = 0;  // bytes that stand before the captured instructions
  };

  struct MadeFrame {
    Frame message;
    Ref frame;
  };

  struct RealGenerator {
    Ref generator;
    Frame frame;
    bool is_suspended = false;
    bool delegates = false;
    uint32_t handling = 0;
  };

  struct Pending {
    Ref target;  // a namespace made for a frame: filled from `source` at the end
    uint32_t source = 0;
    std::vector<Local> hidden;
  };

  // ---- loader.cc: the phases, and access to what was made
  bool MakeAll();
  bool Make(uint32_t id, bool whole);
  // Ids that must exist before `object` can be made.
  void Needs(const Object& object, std::vector<uint32_t>& needs);
  bool IsDone(uint32_t id, bool whole) const;
  PyObject* MakeShell(uint32_t id, const Object& object);
  bool FillAll();
  void Fill(uint32_t id, const Object& object);
  // The object of an id, borrowed; an Absent for an id that the file does not hold. Never null but out of memory.
  PyObject* Get(uint32_t id);
  PyObject* NewGet(uint32_t id);
  PyObject* NewItem(uint32_t id);
  // As Get, but null for 0 and for what is not an instance of `type`.
  PyObject* GetIf(uint32_t id, PyTypeObject* type);
  // The str of a string id, interned; borrowed.
  PyObject* Name(uint32_t id);
  Ref NewAbsent(const Absent& absent, uint32_t type);
  Ref NewAbsent(const char* reason, const std::string& detail, uint32_t type);
  // Clears the error indicator; false when it was a MemoryError (which stays set).
  bool Recover();

  // ---- values.cc
  PyObject* MakeScalar(uint32_t id, const Object& object, PyTypeObject* type);
  PyObject* MakeSequence(const Object& object, PyTypeObject* type);
  PyObject* MakeMapping(const Object& object, PyTypeObject* type);
  PyObject* MakeSlice(const Object& object);
  PyObject* MakeInstance(uint32_t id, const Object& object, PyTypeObject* type);
  // Borrowed; null when there is none.
  PyObject* FindStandIn(uint32_t type_id);
  PyObject* FindImported(uint32_t type_id);
  // What FindImported() of its type makes of an object, given its `values` (dict of parts) and its attributes. Null
  // without an error when it makes nothing of it.
  PyObject* MakeImported(uint32_t id, const Object& object, Ref values);
  PyObject* MakeParts(uint32_t id, const Object& object, PyTypeObject* type);
  // Those of a value's items that did not exist when it was made.
  void FillItems(uint32_t id, const Object& object);
  // What the builder of an object looks at in one of its parts: to be made before, and put in there. Nothing is put in
  // where something does not exist yet, as in a cycle.
  void NeedsOfPart(uint32_t id, std::vector<uint32_t>& needs);
  void FillPart(uint32_t id);
  void FillSequence(PyObject* made, const Object& object);
  void FillFrozenset(PyObject* made, const Object& object);
  void FillSet(PyObject* made, const Object& object);
  void FillMapping(PyObject* made, const Object& object);
  // The __dict__ of what has one.
  void FillDict(PyObject* made, const Object& object);
  void FillAttributes(PyObject* made, const Object& object);
  // False for what cannot be hashed within bounds (see hash_guard.h).
  bool Hashable(PyObject* object);
  // A stand-in for a key that cannot be one.
  Ref KeyStandIn(PyObject* key);
  // The class of a type id when it is one, else null. Borrowed.
  PyTypeObject* ClassOf(uint32_t type_id);
  bool IsRebuilt(PyTypeObject* type) const { return rebuilt_.count(type) != 0; }

  // ---- types.cc
  // An empty instance, made without running Python code.
  PyObject* NewInstance(PyTypeObject* type);
  PyObject* MakeType(const Object& object);
  PyObject* RebuildType(const Type& type, PyTypeObject* metaclass);
  void FillType(PyObject* made, const Type& type);

  // ---- functions.cc
  PyObject* MakeFunction(const Object& object);
  PyObject* MakeMethod(const Object& object);
  PyObject* MakeBuiltinFunction(const Object& object);
  PyObject* MakeModule(const Object& object, PyTypeObject* type);
  Ref AnnotationsDict(uint32_t id);
  PyObject* MakeDeque(const Object& object, PyTypeObject* base, PyTypeObject* cls);
  void FillHiddenFields(PyObject* made, const Object& object);
  PyObject* MakeStructSequence(const Sequence& sequence, PyTypeObject* type);
  void FillFunction(PyObject* made, const Object& object);

  // ---- generators.cc
  PyObject* MakeSuspended(uint32_t id, const Object& object);
  void FillSuspended(PyObject* made, uint32_t id, const Object& object);
  // One that can go on, not started for now; null, perhaps with an error, when a stand-in must do.
  PyObject* MakeGenerator(uint32_t id, const Generator& generator);
  PyObject* NewStackItem(uint32_t id);
  bool WasIterator(uint32_t type_id);
  // Puts those that were suspended where they were, when all objects are whole.
  void SuspendGenerators();
  // The __del__ of captured objects is left to the program; those that running code makes have theirs.
  void NeverFinalize();

  // ---- code.cc
  PyObject* MakeCode(uint32_t id, const Object& object);
  BuiltCode BuildRealCode(const Code& code);
  BuiltCode BuildSyntheticCode(const Code& code, PyObject* raises, bool shift);
  Ref NameTuple(const Ids& ids);
  // What captured variables become as arguments of types.CodeType.
  struct Variables {
    Ref locals;
    Ref cells;
    Ref frees;
    std::vector<int> cell_slots;
    int free_count = 0;
    bool ok = false;
  };
  Variables SplitVariables(const Code& code);
  Ref NewCode(const Code& code,
              const Variables& variables,
              PyObject* bytecode,
              PyObject* consts,
              PyObject* names,
              const std::string& line_table,
              PyObject* exception_table,
              unsigned flags,
              unsigned stack_size);
  // The code of a function that refuses to run.
  PyObject* RefusingCode(uint32_t code_id);
  // The code object for a frame: of `code_id`, or a placeholder with this line.
  PyObject* FrameCode(uint32_t code_id, uint32_t line, int* shift);

  // ---- frames.cc
  PyObject* MakeFrame(const Frame& frame);
  Ref GlobalsOf(const Frame& frame);
  // The frame of a thread or greenlet that a frame object is, or null.
  MadeFrame* FindThreadFrame(uint32_t id, const Frame& frame);
  void FillFrame(PyObject* made, const Frame& frame);
  PyObject* MakeTraceback(const Object& object);
  void FillTraceback(PyObject* made, const Object& object);
  void LinkTracebacks();
  // Adds a stack's frames to thread_frames_.
  void AddStack(const std::vector<Bytes>& frames);
  bool MakeThreads();
  void FillThreads();
  void FillPending();
  Ref ThreadDict(const Thread& thread, size_t index);

  // ---- exceptions.cc
  PyObject* MakeException(const Object& object, PyTypeObject* type);
  void FillException(PyObject* made, const Object& object);

  // ---- result.cc
  Ref Result();
  Ref HeaderDict();
  Ref CaptureDict();
  Ref TaskDict(const Task& task);
  Ref GreenletDict(const Greenlet& greenlet, size_t index);
  // Those of a stack, of which the first is thread_frames_[index].
  Ref FrameList(size_t index, size_t count);
  Ref ContextList();
  Ref ObjectOrNone(uint32_t id);
  Ref AbsentOrNone(const Absent& why);
  // What has to be known where captured code may run.
  Ref RunningDict();
  Ref StandingList();
  Ref EndedList();
  struct FrameFacts {
    bool real = false;  // it has the bytecode that it was captured with
    bool torn = false;  // a variable is not as it was
  };
  FrameFacts FactsOfVariables(const Frame& frame) const;
  bool IsBare(uint32_t id);

  const SnapshotFile& file_;
  LoadOptions options_;
  bool same_code_ = false;  // captured bytecode is this interpreter's
  unsigned source_minor_ = 0;
  std::vector<PyObject*> made_;  // by object id; owned
  std::vector<uint8_t> state_;
  std::vector<PyObject*> names_;  // by string id; owned
  std::unordered_map<uint32_t, Ref> missing_;
  std::unordered_map<uint32_t, PyObject*> stand_in_of_;  // by type id; borrowed from options_.stand_ins, or null
  std::unordered_map<uint32_t, PyObject*> imported_of_;  // the same from options_.imported
  std::unordered_set<uint32_t> imported_;                // ids of what was made by those
  std::unordered_map<uint32_t, Ref> item_lists_;         // of values made of parts, by object id
  std::unordered_set<PyTypeObject*> rebuilt_;
  std::unordered_map<PyTypeObject*, int> type_depth_;
  std::unordered_map<uint32_t, BuiltCode> codes_;
  std::unordered_map<uint32_t, Ref> refusing_;
  // Where a frame object's id, or a frame's address, is in thread_frames_.
  std::unordered_map<uint32_t, size_t> frames_by_id_;
  std::unordered_map<uint64_t, size_t> frames_by_address_;
  std::vector<Thread> threads_;
  std::vector<Task> tasks_;
  std::vector<Greenlet> greenlets_;
  std::unordered_set<PyObject*> callers_;                     // frames that may be another's f_back
  std::vector<MadeFrame> thread_frames_;                      // of all threads and greenlets, in their order
  std::vector<size_t> stack_sizes_;                           // how many of them each has
  std::unordered_map<uint32_t, MadeFrame> generator_frames_;  // by the generator's object id
  std::vector<RealGenerator> real_generators_;
  std::vector<std::pair<uint32_t, FrameFacts>> ended_frames_;  // by object id
  std::vector<uint32_t> tracebacks_;
  std::vector<uint32_t> types_;
  std::vector<uint32_t> hashed_;                               // ids whose filling waits for phase 3
  std::unordered_set<uint32_t> real_namespaces_;               // dict ids that are the interpreter's own
  std::unordered_set<PyObject*> globals_;                      // dicts used as globals
  std::vector<std::pair<PyObject*, uint64_t>> partial_;        // those that had more names, and how many more
  std::vector<std::pair<PyObject*, uint64_t>> partial_types_;  // the same of rebuilt classes
  std::vector<Pending> pending_;
  std::vector<std::pair<Ref, std::vector<Context>>> contexts_;  // of frames that are inside of any
  HashGuard hash_guard_;
  Ref empty_tuple_;
  Ref empty_str_;
  Ref dict_name_;
  Ref builtins_;
  std::vector<std::string> problems_;
};

}  // namespace pysnap::replay

#endif  // PYSNAP_REPLAY_LOADER_H_
