"""Frames with the syntax of 3.12: type parameters, type aliases, f-strings of any nesting; annotations of 3.14."""

import sys

import oracle
from oracle import park

suite = oracle.Suite()
shape = suite.shape


@shape
def type_parameters():
    def generic[T, *Ts, **P](value: T) -> T:
        park()
        return value

    assert generic(1) == 1


@shape
def type_parameters_default_running():
    def generic[T](value: T = park()) -> T:
        return value

    assert generic() is True


@shape
def generic_class_body():
    class Generic[T]:
        field = 1
        park()

        def method(self) -> T:
            return self.field

    assert Generic().method() == 1


@shape
def generic_class_base_running():
    class Base:
        pass

    def base():
        park()
        return Base

    class Generic[T](base()):
        pass

    assert Generic


@shape
def type_alias_value():
    type Alias = (park(), int)[1]
    assert Alias.__value__ is int


@shape
def type_parameter_bound():
    def generic[T: (park() and int)](value: T):
        return value

    assert generic.__type_params__[0].__bound__ is int


@shape
def f_string_nested():
    values = {"key": [1, 2]}
    text = f"{', '.join(f"{name}={park()}" for name in values)}"
    assert text == "key=True"


@shape
def class_comprehension_with_class_variable():
    class Body:
        values = [1, 2]
        pairs = {(one, two) for one in values for two in [3] if one != 2 or park()}

    assert len(Body.pairs) == 2


@shape
def comprehension_two_levels_shadowing():
    value = "outer"
    inner = [[value for value in range(n)] for n in (1, 2) if n != 2 or park()]
    assert inner[1] == [0, 1] and value == "outer"


@shape
def comprehension_unset_before():
    assert [late for late in (1, 2) if late != 2 or park()]
    late = 5
    assert late == 5


if sys.version_info >= (3, 14):

    @shape
    def annotations_running():
        def annotated(value: park()):
            return value

        assert annotated.__annotations__ == {"value": True}

    @shape
    def class_annotations_running():
        class Annotated:
            field: park()

        assert Annotated.__annotations__ == {"field": True}


if __name__ == "__main__":
    suite.main()
