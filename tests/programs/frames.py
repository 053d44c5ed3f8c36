"""Every shape of frame that Python 3.8 can make, each parked in a thread of its own."""

import contextlib
import functools
import operator
import re
import sys

import oracle
from oracle import park, park_with

suite = oracle.Suite()
shape = suite.shape


# ---------------------------------------------------------------------------------------------------- functions


@shape
def plain_function():
    first = 1
    second = "two"
    park()
    return first, second


@shape
def no_locals():
    park()


@shape
def nested_calls():
    def outer(a):
        def middle(b):
            def inner(c):
                d = c + 1
                park()
                return d

            return inner(b + 1)

        return middle(a + 1)

    assert outer(1) == 4


@shape
def star_arguments():
    def callee(a, *args, b=2, **kwargs):
        park()
        return a, args, b, kwargs

    assert callee(1, 2, 3, c=4, d=5) == (1, (2, 3), 2, {"c": 4, "d": 5})


@shape
def empty_star_arguments():
    def callee(*args, **kwargs):
        park()
        return args, kwargs

    assert callee() == ((), {})


@shape
def positional_only():
    def callee(a, b, /, c, d=4):
        park()
        return a + b + c + d

    assert callee(1, 2, 3) == 10


@shape
def keyword_only():
    def callee(*, key, other="default"):
        park()
        return key, other

    assert callee(key=1) == (1, "default")


@shape
def default_arguments():
    def callee(a=[], b={}, c=None, *, d=(1, 2)):
        park()
        return a, b, c, d

    assert callee() == ([], {}, None, (1, 2))


@shape
def unset_local():
    first = 1
    park()
    never = 2
    return first, never


@shape
def deleted_local():
    first = 1
    doomed = 2
    last = 3
    del doomed
    park()
    return first, last


@shape
def deleted_argument():
    def callee(kept, doomed):
        del doomed
        park()
        return kept

    assert callee(1, 2) == 1


@shape
def rebound_argument():
    def callee(a, b):
        a = [a, b]
        park()
        return a

    assert callee(1, 2) == [1, 2]


@shape
def cell_variable():
    shared = "shared"
    other = "other"

    def reader():
        return shared

    park()
    assert reader() == "shared" and other


@shape
def unset_cell():
    before = 1

    def reader():
        return later

    park()
    later = before
    assert reader() == 1


@shape
def deleted_cell():
    gone = 1

    def reader():
        return gone

    del gone
    park()
    assert reader.__closure__


@shape
def free_variable():
    captured = ["captured"]

    def inner(own):
        result = captured + [own]
        park()
        return result

    assert inner(1) == ["captured", 1]


@shape
def free_variable_through():
    far = "far"

    def middle():
        def inner():
            park()
            return far

        return inner()

    assert middle() == "far"


@shape
def unset_free_variable():
    def inner():
        park()
        return late

    if inner is None:
        late = 1
    try:
        inner()
    except NameError:
        return
    raise AssertionError


@shape
def nonlocal_assignment():
    counter = 0

    def inner():
        nonlocal counter
        counter += 1
        park()

    inner()
    assert counter == 1


@shape
def celled_argument():
    def callee(plain, celled):
        def reader():
            return celled

        park()
        return plain, reader()

    assert callee(1, 2) == (1, 2)


@shape
def celled_argument_rebound():
    def callee(celled, plain):
        celled = {"rebound": celled}

        def reader():
            return celled

        park()
        return plain, reader()

    assert callee(1, 2) == (2, {"rebound": 1})


@shape
def celled_star_arguments():
    def callee(first, *args, **kwargs):
        def reader():
            return first, args, kwargs

        park()
        return reader()

    assert callee(1, 2, k=3) == (1, (2,), {"k": 3})


@shape
def cells_and_frees():
    alpha, beta = 1, 2

    def middle(gamma):
        delta = alpha + gamma
        local = "local"

        def inner():
            park()
            return alpha, beta, gamma, delta

        return inner(), local

    assert middle(3)[0] == (1, 2, 3, 4)


@shape
def lambda_frame():
    function = lambda x, y=2: (park(), x + y)[1]  # noqa: E731
    assert function(1) == 3


@shape
def default_lambda_chain():
    assert (lambda f: f(f, 3))(lambda f, n: n if park() else f) == 3


@shape
def recursion():
    def down(n, trail):
        if n == 0:
            park()
            return 0
        return down(n - 1, trail + (n,)) + 1

    assert down(30, ()) == 30


@shape
def mutual_recursion():
    def even(n):
        return park() if n == 0 else odd(n - 1)

    def odd(n):
        return even(n - 1)

    assert even(10)


# ---------------------------------------------------------------------------------------------------- generators


@shape
def generator_running():
    def generator(limit):
        for number in range(limit):
            doubled = number * 2
            if number == 2:
                park()
            yield doubled

    assert sum(generator(4)) == 12


@shape
def generator_delegating():
    def inner(tag):
        yield tag
        park()
        yield tag * 2

    def outer():
        before = "before"
        yield from inner("in")
        yield before

    assert list(outer()) == ["in", "inin", "before"]


@shape
def generator_with_send():
    def generator():
        received = yield "ready"
        park()
        yield received

    running = generator()
    assert next(running) == "ready"
    assert running.send("sent") == "sent"


@shape
def generator_closing():
    def generator():
        resource = "open"
        try:
            yield resource
        finally:
            resource = "closing"
            park()

    running = generator()
    next(running)
    running.close()


@shape
def generator_thrown_into():
    def generator():
        try:
            yield 1
        except KeyError as error:
            seen = error.args
            park()
            yield seen

    running = generator()
    next(running)
    assert running.throw(KeyError("thrown")) == ("thrown",)


@shape
def generator_expression():
    scale = 10
    assert list((park() and 0) or item * scale if item == 2 else item for item in [1, 2, 3]) == [1, 20, 3]


@shape
def nested_generator_expression():
    assert sum(a * b for a in [1, 2] for b in (park_with(c) for c in [3])) == 9


@shape
def generator_suspended_local():
    def generator(start):
        current = start
        while True:
            yield current
            current += 1

    suspended = generator(5)
    fresh = generator(6)
    finished = (n for n in [])
    list(finished)
    assert next(suspended) == 5
    park()
    assert next(suspended) == 6 and next(fresh) == 6


# ---------------------------------------------------------------------------------------------------- coroutines


def drive(coroutine):
    try:
        while True:
            coroutine.send(None)
    except StopIteration as stop:
        return stop.value


@shape
def coroutine_running():
    async def work(argument):
        local = argument + 1
        park()
        return local

    assert drive(work(1)) == 2


@shape
def coroutine_chain():
    class Ready:
        def __await__(self):
            yield "turn"
            park()
            return "ready"

    async def leaf(depth):
        answer = await Ready()
        return answer, depth

    async def branch(depth):
        return await leaf(depth + 1)

    assert drive(branch(0)) == ("ready", 1)


@shape
def async_generator():
    async def numbers(stop):
        for number in range(stop):
            if number == 1:
                park()
            yield number

    async def consume():
        total = 0
        async for number in numbers(3):
            total += number
        return total

    assert drive(consume()) == 3


@shape
def async_comprehension():
    async def numbers():
        for number in (1, 2, 3):
            yield number

    async def consume():
        offset = 10
        return [offset + number async for number in numbers() if number != 2 or park()]

    assert drive(consume()) == [11, 12, 13]


@shape
def async_with():
    class Manager:
        async def __aenter__(self):
            return "entered"

        async def __aexit__(self, *exc_info):
            return False

    async def use():
        async with Manager() as managed:
            park()
            return managed

    assert drive(use()) == "entered"


@shape
def async_exit():
    class Manager:
        async def __aenter__(self):
            return self

        async def __aexit__(self, exc_type, exc, tb):
            park()
            return True

    async def use():
        async with Manager():
            raise ValueError("swallowed")

    drive(use())


@shape
def suspended_coroutines():
    async def waiter(name):
        class Forever:
            def __await__(self):
                yield

        await Forever()
        return name

    async def fresh():
        pass

    async def agen():
        yield 1

    coroutine = waiter("suspended")
    coroutine.send(None)
    unstarted = fresh()
    async_gen = agen()
    park()
    coroutine.close()
    unstarted.close()
    assert async_gen is not None


# ---------------------------------------------------------------------------------------------------- classes


@shape
def class_body():
    outer = "outer"

    class Body:
        before = 1
        park()
        after = [before, outer]

    assert Body.after == [1, "outer"]


@shape
def nested_class_body():
    class Outer:
        level = 1

        class Inner:
            """With a docstring."""

            level = 2
            annotated: int = 3
            park()

            def method(self):
                return self.level

        other = Inner

    assert Outer.Inner().method() == 2


@shape
def class_body_with_cell():
    class Base:
        def greet(self):
            return "base"

    class Body(Base):
        def greet(self):
            return super().greet() + "!"

        park()

    assert Body().greet() == "base!"


@shape
def method_with_super():
    class Base:
        def act(self, value):
            park()
            return value

    class Derived(Base):
        def act(self, value):
            return super().act(value + 1)

    assert Derived().act(1) == 2


@shape
def static_and_class_methods():
    class Holder:
        @staticmethod
        def static(a):
            return Holder.cls(a)

        @classmethod
        def cls(cls, a):
            park()
            return a

    assert Holder.static(3) == 3


@shape
def property_getter():
    class Holder:
        @property
        def value(self):
            computed = 42
            park()
            return computed

    assert Holder().value == 42


@shape
def getattr_hook():
    class Holder:
        def __getattr__(self, name):
            park()
            return name.upper()

    assert Holder().missing == "MISSING"


@shape
def getattribute_hook():
    class Holder:
        def __getattribute__(self, name):
            park()
            return name

    assert Holder().anything == "anything"


@shape
def setattr_hook():
    class Holder:
        def __setattr__(self, name, value):
            park()
            object.__setattr__(self, name, value)

    holder = Holder()
    holder.attribute = 1
    assert holder.attribute == 1


@shape
def descriptor():
    class Descriptor:
        def __set_name__(self, owner, name):
            self.name = name

        def __get__(self, instance, owner):
            park()
            return self.name

    class Owner:
        field = Descriptor()

    assert Owner().field == "field"


@shape
def metaclass():
    class Meta(type):
        def __new__(mcs, name, bases, namespace, **options):
            park()
            return super().__new__(mcs, name, bases, namespace)

        def __init__(cls, name, bases, namespace, **options):
            super().__init__(name, bases, namespace)

    class Made(metaclass=Meta, option=1):
        field = 1

    assert Made.field == 1


@shape
def init_subclass():
    class Base:
        def __init_subclass__(cls, **kwargs):
            park()

    class Derived(Base, key="value"):
        pass

    assert Derived


@shape
def constructor():
    class Thing:
        def __new__(cls, *args):
            self = super().__new__(cls)
            return self

        def __init__(self, value):
            self.value = value
            park()

    assert Thing(1).value == 1


@shape
def operators():
    class Number:
        def __add__(self, other):
            park()
            return other

    assert Number() + 2 == 2


@shape
def reflected_operator_and_compare():
    class Number:
        def __lt__(self, other):
            park()
            return True

    assert min([1, Number()]) == 1 or True


@shape
def container_protocol():
    class Holder:
        def __getitem__(self, key):
            park()
            return key

    assert Holder()[1:2] == slice(1, 2)


@shape
def iteration_protocol():
    class Counter:
        def __init__(self):
            self.n = 0

        def __iter__(self):
            return self

        def __next__(self):
            self.n += 1
            if self.n == 2:
                park()
            if self.n > 3:
                raise StopIteration
            return self.n

    assert [n for n in Counter()] == [1, 2, 3]


@shape
def hashing():
    class Key:
        def __hash__(self):
            park()
            return 1

        def __eq__(self, other):
            return self is other

    key = Key()
    assert {key: 1}


@shape
def finalizer():
    class Doomed:
        def __del__(self):
            park()

    doomed = Doomed()
    del doomed


# ---------------------------------------------------------------------------------------------------- comprehensions


@shape
def list_comprehension():
    factor = 3
    assert [factor * item for item in [1, 2, 3] if item != 2 or park()] == [3, 6, 9]


@shape
def set_comprehension():
    assert {item + 1 for item in (1, 2) if item != 2 or park()} == {2, 3}


@shape
def dict_comprehension():
    assert {key: value for key, value in [("a", 1), ("b", 2)] if value != 2 or park()} == {"a": 1, "b": 2}


@shape
def nested_comprehension():
    assert [[row * column for column in range(3) if row * column != 2 or park()] for row in range(3)][2][2] == 4


@shape
def comprehension_shadows_local():
    item = "outer"
    assert [item for item in [1, 2] if item != 2 or park()] == [1, 2]
    assert item == "outer"


def comprehension_shadows_cell():
    item = "outer"

    def reader():
        return item

    assert [item for item in [1, 2] if item != 2 or park()] == [1, 2]
    assert reader() == "outer"


if not (3, 13, 0) <= sys.version_info < (3, 13, 2):  # f_locals of such a frame crashes 3.13.0 itself
    shape(comprehension_shadows_cell)


@shape
def comprehension_makes_cell():
    functions = [lambda: item for item in [1, 2] if item != 2 or park()]
    assert [function() for function in functions] == [2, 2]


@shape
def comprehension_in_class_body():
    class Body:
        base = 10
        squares = [number * number for number in [1, 2, 3] if number != 2 or park()]

    assert Body.squares == [1, 4, 9]


@shape
def comprehension_shadows_class_name():
    class Body:
        number = "class level"
        squares = [number * number for number in [1, 2, 3] if number != 2 or park()]

    assert Body.squares == [1, 4, 9] and Body.number == "class level"


@shape
def comprehension_with_lambda_argument():
    def callee(items):
        return [(lambda: (park(), items)[1])() for _ in items]

    assert callee([7]) == [[7]]


@shape
def walrus():
    values = [1, 2, 3]
    assert any((last := value) == 2 and park() for value in values)
    assert last == 2


@shape
def walrus_in_while():
    items = [3, 2, 1]
    while (item := items.pop()) < 2:
        park()
    assert item == 2


# ---------------------------------------------------------------------------------------------------- statements


@shape
def with_statement():
    with contextlib.closing(contextlib.ExitStack()) as stack, contextlib.suppress(KeyError):
        inside = True
        park()
    assert inside and stack


@shape
def with_contextmanager():
    @contextlib.contextmanager
    def manager(name):
        entered = name
        yield entered
        park()

    with manager("inside") as value:
        pass
    assert value == "inside"


@shape
def with_exit_running():
    class Manager:
        def __enter__(self):
            return self

        def __exit__(self, exc_type, exc, tb):
            park()
            return True

    with Manager():
        raise RuntimeError("swallowed")


@shape
def try_body():
    try:
        started = True
        park()
    except ValueError:
        started = False
    else:
        finished = True
    assert started and finished


@shape
def except_handler():
    try:
        raise ValueError("handled", 42)
    except ValueError as error:
        caught = error
        park()
    assert caught.args == ("handled", 42)


@shape
def except_handler_nested():
    try:
        {}["missing"]
    except KeyError:
        try:
            raise LookupError("second") from ZeroDivisionError("cause")
        except LookupError as second:
            assert park() and second.__context__ is not None


@shape
def except_in_caller():
    def helper(depth):
        local = depth
        park()
        return local

    try:
        raise TypeError("in the caller")
    except TypeError:
        assert helper(1) == 1


@shape
def finally_normal():
    try:
        value = 1
    finally:
        park()
    assert value == 1


@shape
def finally_exception():
    def callee():
        try:
            raise OSError(2, "No such file or directory", "name")
        finally:
            state = "cleaning"
            park()
            assert state

    try:
        callee()
    except OSError:
        pass


@shape
def finally_return():
    def callee():
        for index in range(2):
            try:
                return index
            finally:
                park()

    assert callee() == 0


@shape
def for_else():
    for index in range(2):
        for inner in "ab":
            pass
    else:
        park()
    assert index == 1 and inner == "b"


@shape
def star_assignment():
    first, *middle, last = range(5)
    park()
    assert middle == [1, 2, 3] and first + last == 4


@shape
def augmented_and_chained():
    a = b = [1]
    a += [2]
    c = d = len(b)
    park()
    assert c == d == 2


@shape
def conditional_expression():
    value = 1
    result = "yes" if park() and value else "no"
    assert result == "yes"


@shape
def f_string():
    name = "name"
    text = f"{name!r:>10} {park()} {1 + 1}"
    assert text.endswith("True 2")


@shape
def multi_line_call():
    total = sum(
        [
            1,
            park()
            + 1,
            3,
        ]
    )
    assert total == 6


@shape
def multi_line_expression():
    value = 5
    result = (
        value
        + 1
        - (
            park()
            * 2
        )
    )
    assert result == 4


@shape
def several_on_a_line():
    a = 1; b = park(); c = 3  # noqa: E702
    assert a + b + c == 5


@shape
def columns_beyond_ascii():
    text = "ключ – 🔑"; result = [text, park(), "ещё"]  # noqa: E702
    assert len(result) == 3


@shape
def long_line():
    result = [1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, park(), 1, 1]  # noqa: E501
    assert len(result) == 52


@shape
def assertion():
    assert park(), "with a message"


@shape
def loop_with_continue():
    seen = []
    for number in range(5):
        if number % 2:
            continue
        seen.append(number)
        if number == 4:
            park()
    assert seen == [0, 2, 4]


# ---------------------------------------------------------------------------------------------------- decorators


def traced(function):
    @functools.wraps(function)
    def wrapper(*args, **kwargs):
        return function(*args, **kwargs)

    return wrapper


def parametrized(*options):
    def decorate(function):
        park()
        return function

    return decorate


@shape
def decorated_function():
    @traced
    @traced
    def target(a):
        park()
        return a

    assert target(1) == 1


@shape
def decorator_running():
    @traced
    @parametrized(
        1,
        2,
    )
    def target():
        return 1

    assert target() == 1


@shape
def default_being_computed():
    def target(
        a=1,
        b=park(),
    ):
        return a, b

    assert target() == (1, True)


# ---------------------------------------------------------------------------------------------------- callbacks from C


@shape
def sort_key():
    items = [3, 1, 2]
    items.sort(key=lambda item: (park() if item == 2 else 0, item))
    assert items == [1, 3, 2]


@shape
def sorted_with_cmp():
    def compare(left, right):
        if left == 1 or right == 1:
            if not seen:
                seen.append((left, right))
                park()
        return left - right

    seen = []
    assert sorted([2, 1], key=functools.cmp_to_key(compare)) == [1, 2]


@shape
def map_callback():
    assert list(map(lambda x, y: x + y + (park() if x == 2 else 0), [1, 2], [10, 20])) == [11, 23]


@shape
def filter_callback():
    assert list(filter(lambda x: park() if x == 2 else False, [1, 2, 3])) == [2]


@shape
def reduce_callback():
    assert functools.reduce(lambda total, item: total + item + (park() - 1), [1, 2]) == 3


@shape
def partial_callback():
    assert functools.partial(park_with, "bound", key=1)() == "bound"


@shape
def lru_cache_callback():
    @functools.lru_cache(maxsize=None)
    def cached(n):
        return n if n == 0 and park() else cached(n - 1)

    assert cached(3) == 0


@shape
def re_sub_callback():
    assert re.sub("b", lambda match: park() and "B", "abc") == "aBc"


@shape
def iter_sentinel():
    answers = [1, 2, None]
    assert list(iter(lambda: answers.pop(0) or park_with(None), None)) == [1, 2]


@shape
def single_dispatch():
    @functools.singledispatch
    def handler(value):
        return "object"

    @handler.register(int)
    def _(value):
        park()
        return "int"

    assert handler(1) == "int"


@shape
def operator_caller():
    class Target:
        def method(self, value):
            park()
            return value

    assert operator.methodcaller("method", 5)(Target()) == 5


@shape
def c_and_python_alternating():
    def level(n):
        if n == 0:
            return park()
        return list(map(level, [n - 1]))[0]

    assert level(8)


@shape
def str_protocol():
    class Shown:
        def __str__(self):
            park()
            return "shown"

    assert "%s" % Shown() == "shown"


@shape
def callable_instance():
    class Callable:
        def __call__(self, value):
            park()
            return value

    assert Callable()(3) == 3


# ---------------------------------------------------------------------------------------------------- other code


@shape
def exec_with_namespaces():
    global_names = {"park": park, "__name__": "executed", "given": "global"}
    local_names = {"own": 1}
    exec(compile("made = own + 1\npark()\nlate = 3\n", "<executed>", "exec"), global_names, local_names)
    assert local_names["late"] == 3


@shape
def exec_defines_function():
    names = {"park": park}
    exec("def made(a):\n    b = a + 1\n    park()\n    return b\n", names)
    assert names["made"](1) == 2


@shape
def eval_expression():
    assert eval("[own, park(), other]", {"park": park, "other": 2}, {"own": 1}) == [1, True, 2]


@shape
def exec_with_mapping_locals():
    class Names(dict):
        def __missing__(self, name):
            if name == "invented":
                return "made up"
            raise KeyError(name)

    names = Names(own=1)
    exec(compile("copy = invented\npark()\n", "<mapping>", "exec"), {"park": park}, names)
    assert names["copy"] == "made up"


@shape
def module_import():
    import module_shape

    assert module_shape.after == "after"


def generated_source():
    names = ["local_%03d" % number for number in range(300)]
    lines = ["def many_locals():"]
    lines += ["    %s = %d" % (name, number * 1000003) for number, name in enumerate(names)]
    lines += ["    park()", "    return (%s)" % ", ".join(names), ""]
    return "\n".join(lines)


@shape
def three_hundred_locals():
    namespace = {"park": park}
    exec(compile(generated_source(), "<three hundred locals>", "exec"), namespace)
    assert namespace["many_locals"]()[299] == 299 * 1000003


@shape
def many_constants_and_names():
    lines = ["def many():", "    total = 0"]
    lines += ["    total += %d" % (1000 + number) for number in range(600)]
    lines += ["    holder.attribute_%d = total" % number for number in range(300)]
    lines += ["    park()", "    return total", ""]

    class Holder:
        pass

    namespace = {"park": park, "holder": Holder()}
    exec(compile("\n".join(lines), "<many constants>", "exec"), namespace)
    assert namespace["many"]() == sum(range(1000, 1600))


@shape
def distant_lines():
    source = "def distant():\n    first = 1\n" + "\n" * 70000 + "    park()\n" + "\n" * 300 + "    return first\n"
    namespace = {"park": park}
    exec(compile(source, "<distant lines>", "exec"), namespace)
    assert namespace["distant"]() == 1


@shape
def backward_lines():
    source = "def back():\n    for item in [\n        1,\n        2,\n    ]:\n        last = (\n            item,\n            park\n        )[1]()\n    return last\n"
    namespace = {"park": park}
    exec(compile(source, "<backward lines>", "exec"), namespace)
    assert namespace["back"]()


@shape
def replaced_code_names():
    def original(a):
        park()
        return a

    renamed = original
    if hasattr(original.__code__, "replace"):
        renamed.__code__ = original.__code__.replace(co_name="renamed code", co_filename="/no/such/file é.py")
    renamed.__name__ = "only the function's name"
    assert renamed(1) == 1


# ---------------------------------------------------------------------------------------------------- names


@shape
def функция():
    переменная = "значение"
    名前 = 1
    café = 2.5
    𐌰𐌱 = "astral"
    ñandú: int = 3

    def вложенная(аргумент):
        park()
        return аргумент

    assert вложенная(переменная) and 名前 and café and 𐌰𐌱 and ñandú


@shape(name="поток 🧵")
def thread_with_astral_name():
    park()


@shape(name="")
def thread_without_name():
    park()


@shape
def private_names():
    class Private:
        def __init__(self):
            self.__hidden = 1

        def __method(self, __argument):
            __local = __argument
            park()
            return __local + self.__hidden

        def call(self):
            return self.__method(2)

    assert Private().call() == 3


@shape
def very_long_names():
    namespace = {"park": park}
    name = "n" * 5000
    exec("def %s(%s):\n    park()\n    return %s\n" % (name, name + "a", name + "a"), namespace)
    assert namespace[name](1) == 1


@shape
def import_hook_inside():  # the last one: it holds the import lock
    import sys

    class Finder:
        def find_spec(self, name, path=None, target=None):
            if name == "no_such_module_for_oracle":
                park()
            return None

    finder = Finder()
    sys.meta_path.append(finder)
    try:
        import no_such_module_for_oracle  # noqa: F401
    except ImportError:
        pass
    finally:
        sys.meta_path.remove(finder)


if __name__ == "__main__":
    suite.main()
