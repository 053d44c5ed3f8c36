// What show and peek print, on snapshots made by hand.
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "snapshotter/format/exception_view.h"
#include "snapshotter/format/json_view.h"
#include "snapshotter/format/repr.h"
#include "snapshotter/format/text_view.h"
#include "tests/unit/format/test_snapshot.h"

namespace pysnap::format {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

std::string Text(const LoadedSnapshot& snapshot, const ShowOptions& options = {}) {
  std::string out;
  WriteTextView(snapshot, options, [&out](std::string_view text) { out += text; });
  return out;
}

// A thread that stands in one frame of /app.py, with its source.
class ViewsTest : public ::testing::Test {
 protected:
  ViewsTest() {
    proto::SourceFile* source = built_.Record().mutable_source();
    source->set_filename("/app.py");
    source->set_content("def work(x):\n    y = f(x)\n");
    code_ = built_.Code("work", "/app.py");
    thread_.set_native_id(12);
    thread_.set_name(built_.String("MainThread"));
    thread_.set_is_main(true);
    thread_.set_stopped(true);
  }

  proto::Frame* AddFrame() {
    proto::Frame* frame = thread_.add_frame();
    frame->set_code(code_);
    frame->set_lasti(4);
    frame->set_line(2);
    frame->set_end_line(2);
    frame->set_column_plus_1(9);
    frame->set_end_column_plus_1(13);
    return frame;
  }
  void AddLocal(proto::Frame* frame, std::string_view name, uint32_t value) {
    proto::Local* local = frame->add_local();
    local->set_name(built_.String(name));
    local->set_value(value);
  }
  std::unique_ptr<LoadedSnapshot> Load() {
    *built_.Record().mutable_thread() = thread_;
    return built_.Load();
  }

  TestSnapshot built_;
  proto::Thread thread_;
  uint32_t code_;
};

TEST_F(ViewsTest, Text) {
  proto::Frame* frame = AddFrame();
  AddLocal(frame, "x", built_.Int(1));
  AddLocal(frame, "unset", 0);
  EXPECT_EQ(Text(*Load()),
            "app.py, pid 4711, Python 3.12.0\n"
            "  command   python3 app.py\n"
            "  taken     2023-11-14 22:13:20 UTC, attach\n"
            "  holds     1 thread, 4 objects\n"
            "\n"
            "Thread 12 \"MainThread\" (main thread)\n"
            "  Stack (most recent call last):\n"
            "    File \"/app.py\", line 2, in work\n"
            "      y = f(x)\n"
            "          ^^^^\n"
            "        x = 1\n");
}

// main → the evaluation of two Python frames → sorted, with something inlined into it.
class NativeViewsTest : public ViewsTest {
 protected:
  NativeViewsTest() {
    AddFrame();
    AddFrame()->set_line(1);
    Native("helper", "/src/sort.c", 7)->set_inlined(true);
    Native("list_sort", "/src/sort.c", 9);
    proto::NativeFrame* evaluation = Native("_PyEval_EvalFrameDefault", "", 0);
    evaluation->set_python_first(0);
    evaluation->set_python_count(2);
    Native("", "", 0)->set_omitted(3);
    Native("main", "", 0);
    thread_.set_native_merged(true);
  }

  proto::NativeFrame* Native(std::string_view function, std::string_view file, uint32_t line) {
    proto::NativeFrame* frame = thread_.add_native_frame();
    frame->set_pc(0x5000 + static_cast<uint64_t>(thread_.native_frame_size()));
    if (!function.empty()) frame->set_function(built_.String(function));
    if (!file.empty()) frame->set_file(built_.String(file));
    frame->set_line(line);
    frame->set_module(built_.String("/lib/libx.so"));
    frame->set_module_address(0x10);
    return frame;
  }

  std::vector<std::string> Kinds(const LoadedSnapshot& snapshot, const char* list = "frames") {
    const nlohmann::ordered_json view = JsonView(snapshot, {});
    std::vector<std::string> kinds;
    for (const auto& frame : view["threads"][0][list]) {
      kinds.push_back(frame["kind"].get<std::string>() + " " +
                      (frame["function"].is_null() ? "?" : frame["function"].get<std::string>()) + " " +
                      (frame["line"].is_null() ? "-" : std::to_string(frame["line"].get<int>())));
    }
    return kinds;
  }
};

TEST_F(NativeViewsTest, PythonFramesStandWhereTheyAreEvaluated) {
  const auto snapshot = Load();
  EXPECT_THAT(Kinds(*snapshot), ::testing::ElementsAre("native main -", "native ? -", "python work 1", "python work 2",
                                                       "native list_sort 9", "native helper 7"));
  EXPECT_THAT(Text(*snapshot), HasSubstr("    Native \"/lib/libx.so\"+0x10, in main\n"
                                         "    [3 native frames left out]\n"
                                         "    Native \"/lib/libx.so\"+0x10, in <unknown>\n"
                                         "    File \"/app.py\", line 1, in work\n"));
  EXPECT_THAT(Text(*snapshot), HasSubstr("    Native \"/src/sort.c\", line 7, in helper (inlined)\n"));
  const nlohmann::ordered_json view = JsonView(*snapshot, {});
  EXPECT_EQ(view["threads"][0]["native_frames"], nullptr);
  EXPECT_EQ(view["threads"][0]["frames"][0]["library"], "/lib/libx.so");
  EXPECT_EQ(view["threads"][0]["frames"][0]["qualname"], nullptr);
}

TEST_F(NativeViewsTest, WhatIsNotMergedStandsApart) {
  thread_.set_native_merged(false);
  thread_.mutable_native_truncated()->set_reason(proto::Absent::UNREADABLE);
  const auto snapshot = Load();
  EXPECT_THAT(Kinds(*snapshot), ::testing::ElementsAre("python work 1", "python work 2"));
  EXPECT_THAT(Kinds(*snapshot, "native_frames"),
              ::testing::ElementsAre("native main -", "native ? -", "native _PyEval_EvalFrameDefault -",
                                     "native list_sort 9", "native helper 7"));
  EXPECT_THAT(Text(*snapshot), HasSubstr("  Native stack, not matched with the Python frames"));
  EXPECT_THAT(Text(*snapshot), HasSubstr("  older native frames are missing: unreadable"));
}

TEST_F(NativeViewsTest, EachPythonFrameComesOnceWhateverTheFileSays) {
  for (const uint32_t first : {0u, 1u, 2u, 4'000'000'000u}) {
    for (const uint32_t count : {1u, 2u, 4'294'967'295u}) {
      for (int i = 0; i < thread_.native_frame_size(); ++i) {
        thread_.mutable_native_frame(i)->set_python_first(first);
        thread_.mutable_native_frame(i)->set_python_count(count);
      }
      TestSnapshot built = built_;
      *built.Record().mutable_thread() = thread_;
      EXPECT_THAT(Kinds(*built.Load()), ::testing::ElementsAre("python work 1", "python work 2"));
    }
  }
}

TEST_F(NativeViewsTest, NativeFramesAreDimmed) {
  EXPECT_THAT(Text(*Load(), {.color = true}), HasSubstr("\x1b[2m  Native \"/lib/libx.so\"+0x10, in main\x1b[0m"));
}

TEST_F(ViewsTest, NoTerminalEscapeGetsThrough) {
  const std::string evil = "\x1b]0;evil\x07\r\n\xe2\x80\xae\xff\xed\xb2\x80";
  code_ = built_.Code(evil, evil);
  proto::Frame* frame = AddFrame();
  AddLocal(frame, evil, built_.Str(evil));
  thread_.set_name(built_.String(evil));
  uint32_t id;
  proto::Object* instance = built_.Add(&id);
  instance->set_type(0);
  const uint32_t type = built_.Type(evil, evil, true);
  built_.object(id)->set_type(type);
  AddLocal(frame, "instance", id);
  built_.header().mutable_process()->add_argv(evil);
  built_.header().mutable_process()->set_cwd(evil);
  built_.header().mutable_process()->set_hostname("\x1b[1m");
  proto::Problem* problem = built_.Record().mutable_problem();
  problem->set_where("\x1b[2m");
  problem->set_reason("\x1b[3m");
  const auto snapshot = Load();
  const std::string text = Text(*snapshot);
  EXPECT_THAT(text, Not(HasSubstr("\x1b")));
  EXPECT_THAT(text, Not(HasSubstr("\r")));
  EXPECT_THAT(text, Not(HasSubstr("\xe2\x80\xae")));
  EXPECT_THAT(PeekLine(*snapshot), Not(HasSubstr("\x1b")));
  EXPECT_NO_THROW(JsonView(*snapshot, {}).dump());
}

TEST_F(ViewsTest, WaitedFilesAreOneHarmlessLine) {
  proto::Wait& wait = *thread_.mutable_wait();
  wait.set_system_call(built_.String("epoll_wait"));
  wait.add_fd(3);
  proto::WaitedFile* epoll = wait.add_file();
  epoll->set_fd(3);
  epoll->set_kind(proto::WaitedFile::EPOLL);
  proto::WaitedFile* socket = wait.add_file();
  socket->set_fd(5);
  socket->set_epoll(3);
  socket->set_events(0x00800001);
  socket->set_kind(proto::WaitedFile::SOCKET);
  socket->set_family(2);
  socket->set_type(1);
  socket->set_address(built_.String("127.0.0.1:80"));
  socket->set_peer(built_.String("\x1b[1m\n"));
  proto::WaitedFile* absent = wait.add_file();
  absent->set_fd(6);
  absent->set_epoll(3);
  absent->mutable_absent()->set_reason(proto::Absent::INCONSISTENT);
  absent->mutable_absent()->set_detail("\x1b[2m");
  proto::WaitedFile* pipe = wait.add_file();
  pipe->set_fd(7);
  pipe->set_epoll(99);
  pipe->set_kind(proto::WaitedFile::PIPE);
  pipe->set_path(4'000'000'000);
  for (int fd : {8, 9}) {
    proto::PipeEnd* end = pipe->add_other_end();
    end->set_pid(12);
    end->set_fd(fd);
    end->set_program(built_.String("\x1b[3m"));
  }
  const auto snapshot = Load();
  EXPECT_THAT(Text(*snapshot),
              HasSubstr("waits for descriptor 3 (epoll_wait): 3 epoll; 5 socket AF_INET 127.0.0.1:80 connected to "
                        "\\x1b[1m\\n in 3; 6 inconsistent: \\x1b[2m in 3; 7 pipe whose other end is held by process 12 "
                        "\"\\x1b[3m\" in 99\n"));
  const auto files = JsonView(*snapshot, {})["threads"][0]["waits_for"]["files"];
  ASSERT_EQ(files.size(), 4u);
  EXPECT_EQ(files[1]["events"].dump(), R"(["EPOLLIN","0x800000"])");
  EXPECT_EQ(files[1]["socket"]["type"], "SOCK_STREAM");
  EXPECT_EQ(files[2]["kind"], nullptr);
  EXPECT_EQ(files[3]["path"], nullptr);
  EXPECT_EQ(files[3]["other_ends"].size(), 2u);
}

TEST_F(ViewsTest, RecursionIsFolded) {
  for (int i = 0; i < 1000; ++i) AddLocal(AddFrame(), "depth", built_.Int(i));
  const std::string text = Text(*Load());
  EXPECT_THAT(text, HasSubstr("depth = 999\n"));
  EXPECT_THAT(text, HasSubstr("depth = 997\n    [Previous line repeated 997 more times]\n"));
  EXPECT_THAT(text, Not(HasSubstr("depth = 996\n")));
}

TEST_F(ViewsTest, NothingIsDroppedInSilence) {
  thread_.mutable_truncated()->set_reason(proto::Absent::UNREADABLE);
  thread_.mutable_truncated()->set_detail("address 0x10");
  thread_.set_stopped(false);
  proto::Frame* frame = AddFrame();
  frame->mutable_absent()->set_reason(proto::Absent::TORN);
  uint32_t cut;
  proto::Object* object = built_.Add(&cut, "list");
  object->mutable_sequence()->set_kind(proto::Sequence::LIST);
  object->mutable_absent()->set_reason(proto::Absent::LIMIT);
  object->mutable_absent()->set_detail("--max-objects 3");
  object->set_length(1000);
  const uint32_t one = built_.Int(1);
  built_.object(cut)->mutable_sequence()->add_item(one);
  AddLocal(frame, "cut", cut);
  AddLocal(frame, "beyond", 12345);
  AddLocal(frame, "long", built_.Str(std::string(5000, 'x')));
  built_.trailer().set_complete(false);
  const std::string text = Text(*Load(), {.max_repr = 60});
  EXPECT_THAT(text, HasSubstr("was not stopped"));
  EXPECT_THAT(text, HasSubstr("older frames are missing: unreadable: address 0x10"));
  EXPECT_THAT(text, HasSubstr("not read: torn"));
  EXPECT_THAT(text, HasSubstr("cut = [1, <999 more limit: --max-objects 3>]"));
  EXPECT_THAT(text, HasSubstr("beyond = <absent: missing from the snapshot>"));
  EXPECT_THAT(text, HasSubstr("long = '" + std::string(59, 'x') + "… (5000 characters)"));
  EXPECT_THAT(text, HasSubstr("incomplete"));
}

TEST_F(ViewsTest, Options) {
  AddLocal(AddFrame(), "x", built_.Int(1));
  const auto snapshot = Load();
  EXPECT_THAT(Text(*snapshot, {.locals = false}), Not(HasSubstr("x = 1")));
  EXPECT_THAT(Text(*snapshot, {.color = true}), HasSubstr("\x1b[36mx\x1b[0m = 1"));
  EXPECT_THAT(Text(*snapshot, {.thread = "12"}), HasSubstr("Thread 12"));
  EXPECT_THAT(Text(*snapshot, {.thread = "MainThread"}), HasSubstr("Thread 12"));
  EXPECT_TRUE(SelectThreads(*snapshot, {.thread = "13"}).empty());
}

TEST_F(ViewsTest, Json) {
  AddLocal(AddFrame(), "x", built_.Int(1));
  const auto json = JsonView(*Load(), {});
  EXPECT_EQ(json["format"], 1);
  EXPECT_EQ(json["reason"].dump(),
            R"({"kind":"attach","signal":null,"exit_code":null,"fault_address":null,"native_id":null})");
  EXPECT_EQ(json["process"].dump(),
            R"({"pid":4711,"argv":["python3","app.py"],"executable":null,"cwd":null,"python":"3.12.0","build":[],)"
            R"("hostname":null})");
  EXPECT_EQ(json["capture"]["time"], "2023-11-14T22:13:20.123456Z");
  EXPECT_EQ(json["capture"]["complete"], true);
  const auto& frame = json["threads"][0]["frames"][0];
  EXPECT_EQ(frame["function"], "work");
  EXPECT_EQ(frame["module"], nullptr);
  EXPECT_EQ(frame["line"], 2);
  EXPECT_EQ(frame["column"], 8);
  EXPECT_EQ(frame["end_column"], 12);
  EXPECT_EQ(frame["source"], "    y = f(x)");
  EXPECT_EQ(frame["locals"].dump(),
            R"({"x":{"type":"int","repr":"1","id":"0x1004","length":null,"truncated":false,"absent":null,)"
            R"("attributes":null}})");
  EXPECT_EQ(json["exception"], nullptr);
  EXPECT_EQ(json["tasks"].dump(), "[]");
}

class ExceptionTest : public ViewsTest {
 protected:
  uint32_t Chained(uint32_t exception, uint32_t context, bool is_cause) {
    proto::Exception* message = built_.object(exception)->mutable_exception();
    if (is_cause) message->set_cause(context);
    message->set_context(context);
    message->set_suppress_context(is_cause);
    return exception;
  }
};

TEST_F(ExceptionTest, ChainsInPythonsWords) {
  const uint32_t first = built_.Exception("KeyError", {built_.Str("k")});
  const uint32_t second = Chained(built_.Exception("ValueError", {built_.Str("bad")}), first, true);
  const uint32_t third = Chained(built_.Exception("TypeError", {}), second, false);
  built_.Record().mutable_exception()->set_object(third);
  const auto snapshot = Load();
  EXPECT_THAT(Text(*snapshot), HasSubstr("KeyError: 'k'\n\n"
                                         "The above exception was the direct cause of the following exception:\n\n"
                                         "ValueError: bad\n\n"
                                         "During handling of the above exception, another exception occurred:\n\n"
                                         "TypeError\n"));
  const auto json = JsonView(*snapshot, {});
  EXPECT_EQ(json["exception"]["context"]["cause"]["message"], "'k'");
  EXPECT_EQ(json["exception"]["context"]["context"]["repeated"], true);
  EXPECT_THAT(PeekLine(*snapshot), HasSubstr(", TypeError, complete"));
}

TEST_F(ExceptionTest, EndlessChains) {
  const uint32_t ring = built_.Exception("ValueError", {});
  Chained(ring, ring, false);
  uint32_t last = ring;
  for (int i = 0; i < 5000; ++i) last = Chained(built_.Exception("KeyError", {}), last, i % 2 == 0);
  built_.Record().mutable_exception()->set_object(last);
  const auto snapshot = Load();
  EXPECT_THAT(Text(*snapshot), HasSubstr("ValueError\n"));
  EXPECT_THAT(JsonView(*snapshot, {})["capture"]["problems"].dump(), HasSubstr("chain"));
}

TEST_F(ExceptionTest, EndlessGroups) {
  const uint32_t group = built_.Exception("ExceptionGroup", {built_.Str("g")});
  const uint32_t members = built_.Tuple({group, group});
  proto::Exception* message = built_.object(group)->mutable_exception();
  message->set_message(built_.Str("g"));
  message->set_exceptions(members);
  built_.Record().mutable_exception()->set_object(group);
  const auto snapshot = Load();
  EXPECT_THAT(Text(*snapshot), HasSubstr("+-+---------------- 1 ----------------"));
  EXPECT_NO_THROW(JsonView(*snapshot, {}).dump());
}

TEST_F(ExceptionTest, Messages) {
  const uint32_t os_error = built_.Exception("OSError", {built_.Int(2), built_.Str("No such file")});
  for (const auto& [name, value] :
       {std::pair{"errno", built_.Int(2)}, std::pair{"strerror", built_.Str("No such file")},
        std::pair{"filename", built_.Str("a'b")}}) {
    const uint32_t field_name = built_.String(name);
    proto::Attribute* field = built_.object(os_error)->mutable_exception()->add_field();
    field->set_name(field_name);
    field->set_value(value);
  }
  const uint32_t several = built_.Exception("ValueError", {built_.Int(1), built_.Str("x")});
  const auto snapshot = Load();
  EXPECT_EQ(ExceptionMessage(*snapshot, os_error, 0), "[Errno 2] No such file: \"a'b\"");
  EXPECT_EQ(ExceptionMessage(*snapshot, several, 0), "(1, 'x')");
  EXPECT_EQ(Repr(*snapshot, several).text, "ValueError(1, 'x')");
}

// Whatever refers to whatever: nothing recurses, nothing is read that is not there.
TEST(HostileViewsTest, EveryValueOfItself) {
  using Object = proto::Object;
  const google::protobuf::Descriptor* descriptor = Object::descriptor();
  for (int number = 4; number <= 26; ++number) {
    TestSnapshot built;
    uint32_t id;
    Object* object = built.Add(&id, "generator");
    const google::protobuf::FieldDescriptor* field = descriptor->FindFieldByNumber(number);
    if (field == nullptr || field->message_type() == nullptr) continue;
    google::protobuf::Message* value = object->GetReflection()->MutableMessage(object, field);
    for (int i = 0; i < field->message_type()->field_count(); ++i) {
      const google::protobuf::FieldDescriptor* part = field->message_type()->field(i);
      if (part->cpp_type() != google::protobuf::FieldDescriptor::CPPTYPE_UINT32) continue;
      if (part->is_repeated()) {
        value->GetReflection()->AddUInt32(value, part, id);
      } else {
        value->GetReflection()->SetUInt32(value, part, id);
      }
    }
    object->set_type(id);
    object->set_dict(id);
    proto::Thread* thread = built.Record().mutable_thread();
    thread->set_handling(id);
    proto::Frame* frame = thread->add_frame();
    frame->set_code(id);
    frame->set_globals(id);
    frame->set_namespace_(id);
    frame->set_function(id);
    proto::Local* local = frame->add_local();
    local->set_name(1);
    local->set_value(id);
    const auto snapshot = built.Load();
    EXPECT_THAT(Text(*snapshot), StartsWith("app.py")) << field->name();
    EXPECT_NO_THROW(JsonView(*snapshot, {}).dump()) << field->name();
    EXPECT_LE(Repr(*snapshot, id, {.max_characters = 1000}).text.size(), 4000u);
  }
}

}  // namespace
}  // namespace pysnap::format
