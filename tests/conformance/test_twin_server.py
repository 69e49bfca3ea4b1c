"""A twin served from a thread of its own: whoever blocks can talk to it, and nothing of it is left behind or hidden."""

import http.client
import threading
from urllib.parse import urlsplit

import pytest

from pilotfish.venues.session import SECOND
from pilotfish.venues.twins.faults import Fault, TwinFaults
from pilotfish.venues.twins.server import server_in_thread, serving
from tests.unit.toy_protocol import ToyTwin

NOW_NS = 1_800_000_000 * SECOND


def ask(url: str, path: str, method: str = "POST", timeout: float = 10.0) -> tuple[int, bytes, dict[str, str]]:
    client = http.client.HTTPConnection(urlsplit(url).netloc, timeout=timeout)
    try:
        client.request(method, path, b"body", {"X-Key": "1"})
        answer = client.getresponse()
        return answer.status, answer.read(), {name.lower(): value for name, value in answer.getheaders()}
    finally:
        client.close()


def twin() -> ToyTwin:
    return ToyTwin(NOW_NS + 3600 * SECOND)


def clock() -> int:
    return NOW_NS


def test_every_path_and_method_reaches_the_twin_as_it_was_sent():
    with serving(served := twin(), clock=clock) as url:
        status, body, headers = ask(url, "/order?coid=4")
        assert (status, body) == (200, b'{"status":"ok"}')
        assert headers["content-type"] == "application/json"
        assert headers["x-coid"] == "4"
        assert ask(url, "/a%2Fb?x=%20&x=2", "PATCH")[0] == 404
    method, path, headers, body = served.requests[1]
    assert (method, path, headers["x-key"], body) == ("PATCH", "/a%2Fb?x=%20&x=2", "1", b"body")


def test_the_port_is_free_again_and_nobody_answers_when_it_is_left():
    with serving(twin(), clock=clock) as url:
        assert ask(url, "/order?coid=4")[0] == 200
    with pytest.raises(ConnectionRefusedError):
        ask(url, "/order?coid=4")


@pytest.mark.parametrize(("fault", "executed"), [(Fault.LOST_REQUEST, []), (Fault.LOST_ANSWER, [4])])
def test_a_lost_request_hangs_until_its_client_gives_up(fault, executed):
    faults = TwinFaults()
    faults.plan(fault)
    with serving(served := twin(), faults, clock) as url:
        with pytest.raises(TimeoutError):
            ask(url, "/order?coid=4", timeout=0.3)
        assert served.orders == executed
        assert ask(url, "/order?coid=5")[0] == 200
    assert faults.injected == {fault: 1}


def test_who_still_waits_when_the_server_is_left_is_told_so():
    faults = TwinFaults()
    faults.plan(Fault.LOST_ANSWER)
    answers: list[int] = []
    arrived = threading.Event()
    served = twin()
    execute = served.request

    def request(*args):
        arrived.set()
        return execute(*args)

    served.request = request
    with serving(served, faults, clock) as url:
        waiting = threading.Thread(target=lambda: answers.append(ask(url, "/order?coid=4")[0]))
        waiting.start()
        assert arrived.wait(10)
    waiting.join()
    assert answers == [503]


def test_what_the_twin_raises_is_answered_by_500_and_raised_when_the_server_is_left():
    broken = twin()

    def request(*_):
        raise ZeroDivisionError("a defect of the twin")

    broken.request = request
    with pytest.raises(ZeroDivisionError, match="a defect of the twin"), serving(broken, clock=clock) as url:
        assert ask(url, "/order?coid=4")[0] == 500


def test_a_test_that_fails_is_told_of_the_defect_behind_it():
    broken = twin()
    broken.next_ns = lambda: 1 // 0

    def failing() -> None:
        with serving(broken, clock=clock) as url:
            assert ask(url, "/order?coid=4")[0] == 200

    with pytest.raises(ZeroDivisionError):
        failing()


def test_time_passes_for_the_twin_and_a_thread_may_act_on_it_between_two_messages():
    moved = [NOW_NS]
    counting = ToyTwin(NOW_NS + SECOND)
    with server_in_thread(counting, clock=lambda: moved[0]) as server:
        assert server.call_from_thread(lambda: counting.said) == 0
        moved[0] += 3 * SECOND
        assert ask(server.url, "/none")[0] == 404
        assert server.call_from_thread(lambda: counting.said) == 21, "it was brought up to date before it was asked"


def test_a_port_in_use_is_said_so():
    with server_in_thread(twin(), clock=clock) as server:
        port = urlsplit(server.url).port
        with pytest.raises(OSError, match="in use"), server_in_thread(twin(), clock=clock, port=port):
            pass
