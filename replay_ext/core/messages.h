// The schema's messages as plain structs over the file's bytes: what the rebuilders read. Text and bytes are views into
// the snapshot's buffers. Decoders throw protozero::exception on broken bytes; no other failure.
#ifndef PYSNAP_REPLAY_MESSAGES_H_
#define PYSNAP_REPLAY_MESSAGES_H_

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace pysnap::replay {

using Bytes = std::string_view;
using Ids = std::vector<uint32_t>;

struct Absent {
  bool set = false;
  uint32_t reason = 0;
  Bytes detail;
};

struct Attribute {
  uint32_t name = 0;
  uint32_t value = 0;
};

struct IntPart {
  uint32_t name = 0;
  int64_t value = 0;
};

struct BytesPart {
  uint32_t name = 0;
  Bytes value;
};

// Field numbers of the oneof in proto.Object.
enum class ValueKind : uint32_t {
  kNone = 0,
  kSingleton = 4,
  kBool = 5,
  kInt = 6,
  kBigInt = 7,
  kFloat = 8,
  kComplex = 9,
  kStr = 10,
  kBytes = 11,
  kSequence = 12,
  kMapping = 13,
  kSlice = 14,
  kType = 15,
  kFunction = 16,
  kMethod = 17,
  kBuiltinFunction = 18,
  kCell = 19,
  kModule = 20,
  kCode = 21,
  kException = 22,
  kTraceback = 23,
  kFrame = 24,
  kGenerator = 25,
  kParts = 26,
};

struct Object {
  uint64_t address = 0;
  uint32_t type = 0;
  Absent absent;
  ValueKind kind = ValueKind::kNone;
  int64_t number = 0;  // singleton, bool, int
  double real = 0;     // float
  Bytes data;          // text, bytes, and the serialized message of every other kind
  uint32_t dict = 0;
  std::vector<Attribute> attributes;
  bool has_length = false;
  uint64_t length = 0;
  Bytes tail;  // of a text or bytes that is too large to be whole

  // Reads `bytes` into this struct, which may have been used before.
  void Decode(Bytes bytes);
};

// The kind of value in a serialized Object and nothing else.
ValueKind PeekKind(Bytes object);

struct Sequence {
  enum Kind : uint32_t { kUnknown, kTuple, kList, kSet, kFrozenset, kDeque };
  uint32_t kind = 0;
  Ids items;
  explicit Sequence(Bytes bytes);
};

struct Mapping {
  Ids keys;
  Ids values;
  uint64_t omitted = 0;
  explicit Mapping(Bytes bytes);
};

struct Complex {
  double real = 0;
  double imag = 0;
  explicit Complex(Bytes bytes);
};

struct Slice {
  bool is_range = false;
  uint32_t start = 0;
  uint32_t stop = 0;
  uint32_t step = 0;
  explicit Slice(Bytes bytes);
};

struct Type {
  uint32_t name = 0;
  uint32_t qualname = 0;
  uint32_t module = 0;
  Ids bases;
  uint64_t flags = 0;
  int64_t dict_offset = 0;
  bool heap = false;
  uint32_t dict = 0;
  Ids slots;
  bool iterator = false;
  explicit Type(Bytes bytes);
};

struct Function {
  uint32_t code = 0;
  uint32_t globals = 0;
  uint32_t name = 0;
  uint32_t qualname = 0;
  uint32_t defaults = 0;
  uint32_t kwdefaults = 0;
  uint32_t closure = 0;
  uint32_t doc = 0;
  uint32_t module = 0;
  uint32_t annotations = 0;
  uint32_t annotate = 0;
  explicit Function(Bytes bytes);
};

struct Method {
  uint32_t function = 0;
  uint32_t self = 0;
  explicit Method(Bytes bytes);
};

struct BuiltinFunction {
  uint32_t name = 0;
  uint32_t self = 0;
  uint32_t module = 0;
  uint32_t objclass = 0;
  explicit BuiltinFunction(Bytes bytes);
};

struct Cell {
  uint32_t contents = 0;
  explicit Cell(Bytes bytes);
};

struct Module {
  uint32_t name = 0;
  uint32_t dict = 0;
  uint32_t file = 0;
  explicit Module(Bytes bytes);
};

struct Code {
  uint32_t name = 0;
  uint32_t qualname = 0;
  uint32_t filename = 0;
  int32_t first_line = 0;
  uint32_t arg_count = 0;
  uint32_t posonly_arg_count = 0;
  uint32_t kwonly_arg_count = 0;
  uint32_t stack_size = 0;
  uint32_t flags = 0;
  Bytes bytecode;
  Ids constants;
  Ids names;
  Ids variables;
  Bytes variable_kinds;
  Bytes line_table;
  Bytes exception_table;
  uint32_t local_count = 0;
  uint32_t cell_count = 0;
  Absent bytecode_absent;
  Code() = default;
  explicit Code(Bytes bytes);
};

struct Exception {
  uint32_t args = 0;
  uint32_t traceback = 0;
  uint32_t context = 0;
  uint32_t cause = 0;
  bool suppress_context = false;
  uint32_t notes = 0;
  uint32_t message = 0;
  uint32_t exceptions = 0;
  std::vector<Attribute> fields;
  explicit Exception(Bytes bytes);
};

struct Traceback {
  uint32_t next = 0;
  uint32_t frame = 0;
  int32_t lasti = 0;
  uint32_t line = 0;
  explicit Traceback(Bytes bytes);
};

struct Local {
  enum Kind : uint32_t { kLocal, kArgument, kCell, kFree, kHidden };
  uint32_t name = 0;
  uint32_t value = 0;
  uint32_t slot = 0;
  uint32_t kind = 0;
  uint32_t cell = 0;
};

// One item of a with statement that a frame is inside of.
struct Context {
  uint32_t manager = 0;
  uint32_t target = 0;
  uint32_t line = 0;
  bool is_async = false;
  bool is_exiting = false;
  bool is_entering = false;
  explicit Context(Bytes bytes);
};

struct Block {
  int32_t type = 0;
  int32_t handler = 0;
  int32_t level = 0;
  explicit Block(Bytes bytes);
};

struct StackNumber {
  uint32_t index = 0;
  int64_t value = 0;
  explicit StackNumber(Bytes bytes);
};

struct Frame {
  uint64_t address = 0;
  uint32_t code = 0;
  uint32_t function = 0;
  uint32_t globals = 0;
  uint32_t builtins = 0;
  uint32_t name_space = 0;
  int32_t lasti = 0;  // proto3: a 0 is not in the file
  uint32_t line = 0;
  std::vector<Local> locals;
  Ids stack;
  bool stack_complete = false;
  std::vector<StackNumber> stack_numbers;
  std::vector<Block> blocks;
  std::vector<Context> contexts;
  Absent absent;
  uint32_t frame_object = 0;
  uint32_t back = 0;
  bool is_entry = false;
  bool stack_below_call = false;
  Absent stack_absent;
  uint32_t called = 0;
  bool has_hidden_caller = false;
  bool has_ended = false;
  Ids call_operands;
  Frame() = default;
  explicit Frame(Bytes bytes);
};

struct Generator {
  uint32_t kind = 0;
  uint32_t state = 0;
  bool has_frame = false;
  Bytes frame;
  uint32_t name = 0;
  uint32_t qualname = 0;
  uint32_t code = 0;
  uint32_t awaiting = 0;
  uint32_t handling = 0;
  explicit Generator(Bytes bytes);
};

struct Parts {
  std::vector<Attribute> parts;
  std::vector<IntPart> ints;
  std::vector<BytesPart> byte_strings;
  Ids items;
  explicit Parts(Bytes bytes);
};

struct Thread {
  int64_t native_id = 0;
  uint64_t ident = 0;
  uint32_t name = 0;
  bool is_main = false;
  bool holds_gil = false;
  int64_t interpreter = 0;
  std::vector<Bytes> frames;  // innermost first
  uint32_t handling = 0;
  uint32_t raised = 0;
  bool stopped = false;
  Absent truncated;
  bool waits = false;      // within a system call
  bool wants_gil = false;  // that is what it waits for
  explicit Thread(Bytes bytes);
};

// What is not set could not be read.
struct CancelScope {
  uint64_t address = 0;
  uint32_t object = 0;
  uint32_t nursery = 0;
  std::optional<double> deadline;
  std::optional<bool> cancelled;
  std::optional<bool> shield;
  explicit CancelScope(Bytes bytes);
};

struct Task {
  uint64_t address = 0;
  uint32_t object = 0;
  uint32_t name = 0;
  uint32_t state = 0;
  uint32_t coroutine = 0;
  uint32_t waiter = 0;
  uint32_t loop = 0;
  int64_t native_id = 0;
  int64_t interpreter = 0;
  std::vector<uint64_t> awaited_by;
  uint32_t library = 0;
  uint32_t role = 0;
  uint64_t parent = 0;
  uint64_t parent_scope = 0;
  std::vector<CancelScope> scopes;  // outermost first
  Absent scopes_absent;
  explicit Task(Bytes bytes);
};

struct Greenlet {
  uint64_t address = 0;
  uint32_t object = 0;
  uint32_t state = 0;
  bool is_main = false;
  uint64_t parent = 0;
  uint64_t main = 0;
  int64_t native_id = 0;
  int64_t interpreter = 0;
  std::vector<Bytes> frames;  // innermost first
  uint32_t run = 0;
  uint32_t handling = 0;
  bool thread_ended = false;
  Absent truncated;
  Absent absent;
  explicit Greenlet(Bytes bytes);
};

struct CrashException {
  uint32_t object = 0;
  int64_t native_id = 0;
  explicit CrashException(Bytes bytes);
};

struct Problem {
  Bytes where;
  Bytes reason;
  explicit Problem(Bytes bytes);
};

struct SourceFile {
  Bytes filename;
  Bytes content;
  explicit SourceFile(Bytes bytes);
};

struct Trailer {
  bool complete = false;
  int64_t pause_ns = 0;
  int64_t total_ns = 0;
  uint64_t objects = 0;
  Trailer() = default;
  explicit Trailer(Bytes bytes);
};

struct Python {
  uint32_t major = 0;
  uint32_t minor = 0;
  uint32_t micro = 0;
  Bytes version;
  bool debug = false;
  bool free_threaded = false;
  uint32_t magic = 0;
  Python() = default;
  explicit Python(Bytes bytes);
};

struct Header {
  uint32_t format = 0;
  Bytes pysnap_version;
  int64_t time_ns = 0;
  // Reason
  uint32_t reason = 0;
  bool has_signal = false;
  int32_t signal = 0;
  bool has_exit_code = false;
  int32_t exit_code = 0;
  bool has_fault_address = false;
  uint64_t fault_address = 0;
  bool has_native_id = false;
  int64_t native_id = 0;
  // Process
  int64_t pid = 0;
  std::vector<Bytes> argv;
  Bytes executable;
  Bytes cwd;
  Bytes hostname;
  Python python;
  Header() = default;
  explicit Header(Bytes bytes);
};

}  // namespace pysnap::replay

#endif  // PYSNAP_REPLAY_MESSAGES_H_
