"""A small order service that hangs: the program that scripts/demo.sh takes a snapshot of.

Two workers take the same two locks in opposite order, with a hand-shake that makes them meet each time. It prints
"stuck" when it hangs.
"""

import threading
from dataclasses import dataclass, field


@dataclass
class Item:
    name: str
    price_cents: int
    quantity: int = 1


@dataclass
class Order:
    number: int
    customer: str
    items: list = field(default_factory=list)
    notes: dict = field(default_factory=dict)

    @property
    def total(self):
        return sum(item.price_cents * item.quantity for item in self.items)


class Warehouse:
    def __init__(self):
        self.stock_lock = threading.Lock()
        self.ledger_lock = threading.Lock()
        self.stock = {"teapot": 3, "kettle": 1, "Käsespätzle": 12}
        self.meeting = threading.Barrier(3)

    def ship(self, order, api_key):
        with self.stock_lock:
            remaining = {item.name: self.stock[item.name] - item.quantity for item in order.items}
            self.meeting.wait()
            with self.ledger_lock:  # Never reached: the other worker holds it.
                self.stock.update(remaining)

    def refund(self, order, reason):
        with self.ledger_lock:
            amount = -order.total
            self.meeting.wait()
            with self.stock_lock:  # Never reached.
                for item in order.items:
                    self.stock[item.name] += item.quantity
        return amount


def main():
    warehouse = Warehouse()
    first = Order(1001, "Ada", [Item("teapot", 2499, 2), Item("Käsespätzle", 950)], {"gift": True})
    second = Order(1002, "Grace", [Item("kettle", 4900)], {"returned": ["dented", "too loud"]})
    workers = [
        threading.Thread(target=warehouse.ship, args=(first, "sk-live-0123456789"), name="shipper"),
        threading.Thread(target=warehouse.refund, args=(second, "dented"), name="refunder"),
    ]
    for worker in workers:
        worker.daemon = True
        worker.start()
    warehouse.meeting.wait()
    print("stuck", flush=True)
    for worker in workers:
        worker.join()


if __name__ == "__main__":
    main()
