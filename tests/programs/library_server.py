"""A web application of Flask, SQLAlchemy, pydantic, attrs and numpy that answers its own clients until a line comes in.

Prints "ready" when the first answers were right, and at the end how many were, and "right" if all.
"""

import datetime
import decimal
import http.client
import json
import logging
import sys
import threading
import time
import typing

import attr
import flask
import numpy
import pydantic
import sqlalchemy
import sqlalchemy.orm
import sqlalchemy.pool
import werkzeug.serving

Base = sqlalchemy.orm.declarative_base()
CLIENTS = 3


class User(Base):
    __tablename__ = "user"
    id = sqlalchemy.Column(sqlalchemy.Integer, primary_key=True)
    name = sqlalchemy.Column(sqlalchemy.String)
    orders = sqlalchemy.orm.relationship("Order", back_populates="user")


class Order(Base):
    __tablename__ = "order"
    id = sqlalchemy.Column(sqlalchemy.Integer, primary_key=True)
    total = sqlalchemy.Column(sqlalchemy.Float)
    user_id = sqlalchemy.Column(sqlalchemy.Integer, sqlalchemy.ForeignKey("user.id"))
    user = sqlalchemy.orm.relationship("User", back_populates="orders")


@attr.s(auto_attribs=True, slots=True)
class Point:
    x: int
    y: int = 3


class Item(pydantic.BaseModel):
    name: str
    price: decimal.Decimal
    tags: typing.List[str] = []
    when: datetime.datetime


engine = sqlalchemy.create_engine(
    "sqlite://", connect_args={"check_same_thread": False}, poolclass=sqlalchemy.pool.StaticPool
)
database = threading.Lock()  # one connection for all of them
app = flask.Flask(__name__)


@app.route("/work/<int:number>")
def work(number):
    point = Point(number, 7)
    item = Item(name="teapot", price="12.50", tags=["a", "b"], when="2024-01-02T03:04:05")
    array = numpy.arange(12, dtype="i8").reshape(3, 4)
    rows = array[1:, ::-1]
    with database, sqlalchemy.orm.Session(engine) as session:
        user = session.query(User).first()
        total = sum(order.total for order in user.orders)
        counter = number * 10
        time.sleep(0.002)
        session.expunge_all()
    return flask.jsonify(total=total, number=counter // 10, point=point.x, tags=item.tags, corner=int(rows[-1, 0]))


class Client(threading.Thread):
    def __init__(self, port, stop):
        super().__init__(daemon=True)
        self.port, self.stop = port, stop
        self.right = 0
        self.wrong = None

    def run(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        number = 0
        while not self.stop.is_set() and self.wrong is None:
            connection.request("GET", "/work/%d" % number)
            answer = json.loads(connection.getresponse().read())
            want = {"total": 4.0, "number": number, "point": number, "tags": ["a", "b"], "corner": 11}
            if answer == want:
                self.right += 1
            else:
                self.wrong = answer
            number += 1


def main():
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    Base.metadata.create_all(engine)
    with sqlalchemy.orm.Session(engine) as session:
        session.add(User(name="Ada", orders=[Order(total=1.5), Order(total=2.5)]))
        session.commit()
    server = werkzeug.serving.make_server("127.0.0.1", 0, app, threaded=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    stop = threading.Event()
    clients = [Client(server.server_port, stop) for _ in range(CLIENTS)]
    for client in clients:
        client.start()
    while not all(client.right or client.wrong for client in clients):
        time.sleep(0.01)
    print("ready", flush=True)
    sys.stdin.readline()
    stop.set()
    for client in clients:
        client.join()
    count = sum(client.right for client in clients)
    print(count, "right" if all(client.wrong is None for client in clients) else [client.wrong for client in clients])


if __name__ == "__main__":
    main()
