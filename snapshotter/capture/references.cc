#include "snapshotter/capture/references.h"

namespace pysnap {
namespace {

class Visitor {
 public:
  explicit Visitor(VisitReference visit) : visit_(visit) {}

  void Frame(proto::Frame& frame) {
    One<&proto::Frame::code, &proto::Frame::set_code>(frame);
    One<&proto::Frame::function, &proto::Frame::set_function>(frame);
    One<&proto::Frame::globals, &proto::Frame::set_globals>(frame);
    One<&proto::Frame::builtins, &proto::Frame::set_builtins>(frame);
    One<&proto::Frame::namespace_, &proto::Frame::set_namespace_>(frame);
    One<&proto::Frame::frame_object, &proto::Frame::set_frame_object>(frame);
    for (proto::Local& local : *frame.mutable_local()) {
      local.set_value(Named(local.value(), local.name()));
      local.set_cell(Named(local.cell(), local.name()));
    }
    All(*frame.mutable_stack());
    for (proto::Context& context : *frame.mutable_context()) {
      One<&proto::Context::manager, &proto::Context::set_manager>(context);
    }
  }

  void Attributes(google::protobuf::RepeatedPtrField<proto::Attribute>& attributes) {
    for (proto::Attribute& attribute : attributes) attribute.set_value(Named(attribute.value(), attribute.name()));
  }

  void Mapping(proto::Mapping& mapping) {
    for (int i = 0; i < mapping.value_size() && i < mapping.key_size(); ++i) {
      const Reference value = {.id = mapping.value(i), .key = mapping.key(i)};
      mapping.set_value(i, value.id == 0 ? 0 : visit_(value));
    }
    All(*mapping.mutable_key());
  }

  void Sequence(proto::Sequence& sequence) {
    google::protobuf::RepeatedField<uint32_t>& items = *sequence.mutable_item();
    if (sequence.kind() != proto::Sequence::TUPLE || items.size() != 2) return All(items);
    const Reference second = {.id = items[1], .key = items[0]};
    if (second.id != 0) items[1] = visit_(second);
    if (items[0] != 0) items[0] = visit_({.id = items[0]});
  }

  void Value(proto::Object& object) {
    using Object = proto::Object;
    switch (object.value_case()) {
      case Object::kSequence:
        return Sequence(*object.mutable_sequence());
      case Object::kMapping:
        return Mapping(*object.mutable_mapping());
      case Object::kSlice:
        One<&proto::Slice::start, &proto::Slice::set_start>(*object.mutable_slice());
        One<&proto::Slice::stop, &proto::Slice::set_stop>(*object.mutable_slice());
        return One<&proto::Slice::step, &proto::Slice::set_step>(*object.mutable_slice());
      case Object::kTypeValue:
        All(*object.mutable_type_value()->mutable_base());
        All(*object.mutable_type_value()->mutable_mro());
        return One<&proto::Type::dict, &proto::Type::set_dict>(*object.mutable_type_value());
      case Object::kFunction:
        return Function(*object.mutable_function());
      case Object::kMethod:
        One<&proto::Method::function, &proto::Method::set_function>(*object.mutable_method());
        return One<&proto::Method::self, &proto::Method::set_self>(*object.mutable_method());
      case Object::kBuiltinFunction: {
        proto::BuiltinFunction& function = *object.mutable_builtin_function();
        One<&proto::BuiltinFunction::self, &proto::BuiltinFunction::set_self>(function);
        One<&proto::BuiltinFunction::module, &proto::BuiltinFunction::set_module>(function);
        return One<&proto::BuiltinFunction::objclass, &proto::BuiltinFunction::set_objclass>(function);
      }
      case Object::kCell:
        return One<&proto::Cell::contents, &proto::Cell::set_contents>(*object.mutable_cell());
      case Object::kModule:
        One<&proto::Module::name, &proto::Module::set_name>(*object.mutable_module());
        One<&proto::Module::dict, &proto::Module::set_dict>(*object.mutable_module());
        return One<&proto::Module::file, &proto::Module::set_file>(*object.mutable_module());
      case Object::kCode:
        return All(*object.mutable_code()->mutable_constant());
      case Object::kException:
        return Exception(*object.mutable_exception());
      case Object::kTraceback:
        One<&proto::Traceback::next, &proto::Traceback::set_next>(*object.mutable_traceback());
        return One<&proto::Traceback::frame, &proto::Traceback::set_frame>(*object.mutable_traceback());
      case Object::kFrame:
        return Frame(*object.mutable_frame());
      case Object::kGenerator: {
        proto::Generator& generator = *object.mutable_generator();
        if (generator.has_frame()) Frame(*generator.mutable_frame());
        One<&proto::Generator::name, &proto::Generator::set_name>(generator);
        One<&proto::Generator::qualname, &proto::Generator::set_qualname>(generator);
        One<&proto::Generator::code, &proto::Generator::set_code>(generator);
        return One<&proto::Generator::awaiting, &proto::Generator::set_awaiting>(generator);
      }
      case Object::kParts:
        Attributes(*object.mutable_parts()->mutable_part());
        return All(*object.mutable_parts()->mutable_item());
      case Object::kSingleton:
      case Object::kBoolValue:
      case Object::kIntValue:
      case Object::kBigInt:
      case Object::kFloatValue:
      case Object::kComplex:
      case Object::kStr:
      case Object::kBytesValue:
      case Object::VALUE_NOT_SET:
        return;
    }
  }

  template <auto get, auto set, typename Message>
  void One(Message& message) {
    const uint32_t id = (message.*get)();
    if (id != 0) (message.*set)(visit_({.id = id}));
  }

 private:
  uint32_t Named(uint32_t id, uint32_t name) { return id == 0 ? 0 : visit_({.id = id, .name = name}); }

  void All(google::protobuf::RepeatedField<uint32_t>& ids) {
    for (uint32_t& id : ids) {
      if (id != 0) id = visit_({.id = id});
    }
  }

  void Function(proto::Function& function) {
    One<&proto::Function::code, &proto::Function::set_code>(function);
    One<&proto::Function::globals, &proto::Function::set_globals>(function);
    One<&proto::Function::name, &proto::Function::set_name>(function);
    One<&proto::Function::qualname, &proto::Function::set_qualname>(function);
    One<&proto::Function::defaults, &proto::Function::set_defaults>(function);
    One<&proto::Function::kwdefaults, &proto::Function::set_kwdefaults>(function);
    One<&proto::Function::closure, &proto::Function::set_closure>(function);
    One<&proto::Function::doc, &proto::Function::set_doc>(function);
    One<&proto::Function::module, &proto::Function::set_module>(function);
    One<&proto::Function::annotations, &proto::Function::set_annotations>(function);
    One<&proto::Function::annotate, &proto::Function::set_annotate>(function);
  }

  void Exception(proto::Exception& exception) {
    One<&proto::Exception::args, &proto::Exception::set_args>(exception);
    One<&proto::Exception::traceback, &proto::Exception::set_traceback>(exception);
    One<&proto::Exception::context, &proto::Exception::set_context>(exception);
    One<&proto::Exception::cause, &proto::Exception::set_cause>(exception);
    One<&proto::Exception::notes, &proto::Exception::set_notes>(exception);
    One<&proto::Exception::message, &proto::Exception::set_message>(exception);
    One<&proto::Exception::exceptions, &proto::Exception::set_exceptions>(exception);
    Attributes(*exception.mutable_field());
  }

  VisitReference visit_;
};

}  // namespace

void VisitReferences(proto::Object& object, VisitReference visit) {
  Visitor visitor(visit);
  visitor.One<&proto::Object::type, &proto::Object::set_type>(object);
  visitor.Value(object);
  visitor.One<&proto::Object::dict, &proto::Object::set_dict>(object);
  visitor.Attributes(*object.mutable_attribute());
}

void VisitReferences(proto::Frame& frame, VisitReference visit) { Visitor(visit).Frame(frame); }

void VisitReferences(proto::Thread& thread, VisitReference visit) {
  Visitor visitor(visit);
  for (proto::Frame& frame : *thread.mutable_frame()) visitor.Frame(frame);
  visitor.One<&proto::Thread::handling, &proto::Thread::set_handling>(thread);
  visitor.One<&proto::Thread::raised, &proto::Thread::set_raised>(thread);
  visitor.One<&proto::Thread::object, &proto::Thread::set_object>(thread);
  if (thread.has_wait()) visitor.One<&proto::Wait::lock, &proto::Wait::set_lock>(*thread.mutable_wait());
}

void VisitReferences(proto::Greenlet& greenlet, VisitReference visit) {
  Visitor visitor(visit);
  for (proto::Frame& frame : *greenlet.mutable_frame()) visitor.Frame(frame);
  visitor.One<&proto::Greenlet::object, &proto::Greenlet::set_object>(greenlet);
  visitor.One<&proto::Greenlet::run, &proto::Greenlet::set_run>(greenlet);
  visitor.One<&proto::Greenlet::handling, &proto::Greenlet::set_handling>(greenlet);
}

void VisitReferences(proto::ProcessState& state, VisitReference visit) {
  Visitor visitor(visit);
  for (proto::SignalHandler& each : *state.mutable_signal_handler()) {
    visitor.One<&proto::SignalHandler::handler, &proto::SignalHandler::set_handler>(each);
  }
}

void VisitReferences(proto::Task& task, VisitReference visit) {
  Visitor visitor(visit);
  visitor.One<&proto::Task::object, &proto::Task::set_object>(task);
  visitor.One<&proto::Task::coroutine, &proto::Task::set_coroutine>(task);
  visitor.One<&proto::Task::waiter, &proto::Task::set_waiter>(task);
  visitor.One<&proto::Task::loop, &proto::Task::set_loop>(task);
  for (proto::CancelScope& scope : *task.mutable_scope()) {
    visitor.One<&proto::CancelScope::object, &proto::CancelScope::set_object>(scope);
    visitor.One<&proto::CancelScope::nursery, &proto::CancelScope::set_nursery>(scope);
  }
}

}  // namespace pysnap
