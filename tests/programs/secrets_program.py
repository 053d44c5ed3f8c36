"""Values that must not be in a snapshot, and their neighbours that must be."""

import array
import collections
import io
import json
import os
import sys

import oracle
from oracle import park

suite = oracle.Suite()
MARK = "pysnap-must-not-see-"


class Client:
    def __init__(self):
        self.user = "visible-user"
        self.password = MARK + "attribute"
        self.headers = {"Authorization": MARK + "header", "Accept": "visible-header", "Cookie": MARK + "cookie"}


class SlottedClient:
    __slots__ = ("api_key", "host")

    def __init__(self):
        self.api_key = MARK + "slot"
        self.host = "visible-host"


def typed(password: "Optional[Visible]" = None):  # noqa: F821
    return password


def hold(secret):
    """A function that keeps its secret in a cell, and one in a default, each made at run time."""

    def use(user, token=str(secret) + "-default"):
        return secret, user, token

    return use


@suite.shape
def secrets():
    held = str.join("-", [MARK, "held"])
    keeper = hold(held)
    # The same strings under names that say nothing.
    innocent = [held, keeper.__defaults__[0], "visible-item"]
    password = MARK + "local"
    db_password = MARK + "prefixed"
    PASSWD = MARK + "upper"
    token = MARK + "token"
    access_token = [MARK + "in a list"]
    secret = {"inner": MARK + "in a dict"}
    client_secret = MARK.encode() + b"bytes"
    api_key = MARK + "api key"
    apikey = MARK + "apikey"
    private_key = MARK + "private key"
    authorization = MARK + "authorization"
    settings = {
        "password": MARK + "key",
        "user": "visible-key",
        b"token": MARK + "bytes key",
        "nested": {"SECRET_KEY": MARK},
    }
    client, slotted = Client(), SlottedClient()
    ordinary = "visible-local"
    secret_count = None
    password_required = True
    by_pattern = "card 1234-5678-9012-3456 visible only without --redact"
    tokenizer_name_of_user = "custom_field_" + MARK[:4]
    custom_field = "custom-value-for-redact"
    park()
    return locals()


@suite.shape
def told():
    """Secrets within texts, and texts that hold a secret of another one. All have digits and end in `-9`."""
    password = "literal-s3cret-9"
    environment = dict(os.environ, DB_PASSWORD="env-s3cret-9", HOME_DIRECTORY="visible-home")
    environment_list = ["DB_PASSWORD=list-s3cret-9", "EDITOR=visible-editor"]
    url = "postgres://user:url-s3cret-9@host/visible"
    plain_url = "http://visible-host:8080/path?query=1"
    json_text = json.dumps({"user": "visible", "password": "json-s3cret-9"})
    form = b"user=visible&token=form-s3cret-9&page=1"
    options = ["--verbose", "--api-key=option-s3cret-9"]
    connection = "host=localhost password=dsn-s3cret-9 dbname=visible"
    request = "GET / HTTP/1.1\r\nHost: visible\r\nAuthorization: Bearer header-s3cret-9\r\n\r\n"
    repeated = "before " + password + " after"
    in_bytes = repeated.encode()
    in_array = array.array("b", in_bytes)
    in_view = memoryview(in_bytes)[3:]
    in_bytes_io = io.BytesIO(in_bytes)
    in_string_io = io.StringIO(repeated)
    in_wide_string_io = io.StringIO("\u65e5" + repeated)
    in_error = ValueError("refused: " + password)
    in_key = {password: "visible value"}
    pairs = [("Authorization", "Basic pair-s3cret-9"), ("Accept", "visible-accept")]
    word = "".join(["never", "shown", "word"])
    pair_of_word = ("token", word)
    # Names, and not what they name: the keywords of the call above, and of a class's fields.
    names = {"visible_slot": 1, "visible_field": 2, "HOME_DIRECTORY": 3}
    # A word of the program's own, and an annotation, which are no secrets where they stand elsewhere.
    cookie_name = "visible_session"
    sessions = {"visible_session": "Optional[Visible]"}
    directory = os.environ.get("PWD")
    modules = {"Cookie": "visible.cookies"}
    module_names = {sys.intern("visible.cookies"): True}
    annotated_by_text = typed
    slotted = type("Slotted", (), {"__slots__": ("password", "visible_slot")})
    fields = collections.namedtuple("Fields", ["token", "visible_field"])
    token_type = "bearer"
    speech = "visible: the bearer of news"
    signature = "def visible(token=None, password: str = ''): ..."
    documentation = "Args:\n    token: visible.\n    password: as well"
    annotated = lambda token: token  # noqa: E731
    annotated.__annotations__ = {"token": "VisibleAnnotation[%d]" % 1}
    Annotated = type("Annotated", (), {"__annotations__": {"password": "VisibleAnnotation[%d]" % 2}})
    park()
    return locals()


if __name__ == "__main__":
    suite.main()
