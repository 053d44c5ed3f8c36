"""Frames whose code is instrumented: settrace, setprofile, opcode tracing, sys.monitoring (3.12+)."""

import sys

import oracle
from oracle import park

suite = oracle.Suite()
shape = suite.shape
seen = []


def counting(frame, event, argument):
    seen.append(event)
    return counting


def opcodes(frame, event, argument):
    frame.f_trace_opcodes = True
    return opcodes


def work(values):
    total = 0
    for value in values:
        total += value
        if value == 2:
            park()
    squares = [value * value for value in values]
    try:
        squares.index(99)
    except ValueError as error:
        total += len(error.args)
    return total


def generator_work(values):
    for value in values:
        if value == 2:
            park()
        yield value


@shape
def warmed_up():
    def hot(a, b):
        return a + b

    for number in range(5000):
        hot(number, 1)
        hot(1.5, 2.5)
        "%s" % hot("a", "b")
    total = 0
    for number in range(20000):
        total += number
        if number == 19999:
            park()
    assert total == 199990000


@shape
def traced():
    sys.settrace(counting)
    try:
        assert work([1, 2, 3]) == 7
    finally:
        sys.settrace(None)


@shape
def traced_by_opcode():
    sys.settrace(opcodes)
    try:
        assert work([1, 2, 3]) == 7
        assert list(generator_work([1, 2])) == [1, 2]
    finally:
        sys.settrace(None)


@shape
def in_trace_function():
    parked = []

    def tracer(frame, event, argument):
        if event == "line" and not parked:
            parked.append(True)
            inner = "in the trace function"
            park()
            assert inner
        return tracer

    def target():
        first = 1
        return first

    sys.settrace(tracer)
    try:
        assert target() == 1
    finally:
        sys.settrace(None)


@shape
def profiled():
    sys.setprofile(counting)
    try:
        assert work([1, 2, 3]) == 7
    finally:
        sys.setprofile(None)


@shape
def in_profile_function():
    parked = []

    def profiler(frame, event, argument):
        if event == "call" and frame.f_code.co_name == "target" and not parked:
            parked.append(True)
            park()

    def target():
        return 1

    sys.setprofile(profiler)
    try:
        assert target() == 1
    finally:
        sys.setprofile(None)


if hasattr(sys, "monitoring"):
    monitoring = sys.monitoring

    @shape
    def monitored_locally():
        def target(values):
            total = 0
            for value in values:
                if value:
                    total += value
                if value == 2:
                    park()
            return total

        tool = 3
        monitoring.use_tool_id(tool, "oracle")
        events = monitoring.events
        local_events = events.LINE | events.INSTRUCTION | events.BRANCH | events.CALL | events.JUMP | events.PY_START
        monitoring.register_callback(tool, events.LINE, lambda *args: None)
        monitoring.register_callback(tool, events.INSTRUCTION, lambda *args: None)
        monitoring.set_local_events(tool, target.__code__, local_events | events.PY_RETURN)
        assert target([1, 2, 0]) == 3

    @shape
    def in_monitoring_callback():
        parked = []

        def target():
            first = 1
            return first

        def callback(code, line):
            if not parked:
                parked.append(line)
                park()

        tool = 4
        monitoring.use_tool_id(tool, "callback")
        monitoring.register_callback(tool, monitoring.events.LINE, callback)
        monitoring.set_local_events(tool, target.__code__, monitoring.events.LINE)
        assert target() == 1


if __name__ == "__main__":
    suite.main()
