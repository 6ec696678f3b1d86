"""A smoke test of the fixtures, replaced as the real tests arrive."""

from store.database import Store
from store.version import check_version
from store.broker import Broker


def test_store_is_of_the_right_version(store: Store) -> None:
    check_version(store)


def test_broker_answers(broker: Broker) -> None:
    broker.ping()
    assert broker.depth("echo") == 0
