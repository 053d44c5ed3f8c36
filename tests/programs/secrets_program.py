"""Values that must not be in a snapshot, and their neighbours that must be."""

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


if __name__ == "__main__":
    suite.main()
