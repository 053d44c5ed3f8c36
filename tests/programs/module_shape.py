"""Parks while it is being imported."""

import os.path as aliased

from oracle import park

text = "module level"
number = 12345678901234567890
_private = [1, 2]


def function_of_module():
    return text


class ClassOfModule:
    attribute = text


instance = ClassOfModule()
squares = {key: key * key for key in [1, 2, 3] if key != 2 or park()}
if park():
    after = "after"

del aliased
