"""Fifty people at once, for two minutes: nobody meets another error than 'busy', and memory stays flat."""

import collections
import random
import threading
import time

import psutil
import pytest

httpx = pytest.importorskip("httpx", reason="httpx is not installed; pip install -e '.[demo]'")

PEOPLE, SECONDS, PATIENCE = 50, 120, 600


def ask(served, client, seed):
    """ "ok", "busy", or what went wrong."""
    url = f"{served.address}/gradio_api/call/generate"
    answer = client.post(url, json={"data": ["a man", [f"age={seed % 90 + 1}"], [], 2, 0, seed, None]})
    if answer.status_code != 200:
        return "busy" if answer.status_code == 503 else answer.text
    told = client.get(f"{url}/{answer.json()['event_id']}").text
    return "ok" if "event: complete" in told else told


@pytest.mark.slow
def test_fifty_people_are_served(served):
    counts, memory = collections.Counter(), []
    until = time.monotonic() + SECONDS

    def person(number):
        rng = random.Random(number)
        with httpx.Client(timeout=PATIENCE) as client:
            while time.monotonic() < until:
                counts[ask(served, client, rng.randrange(1000))] += 1

    threads = [threading.Thread(target=person, args=(number,)) for number in range(PEOPLE)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        time.sleep(1)
        memory.append(psutil.Process().memory_info().rss)
    half = memory[len(memory) // 2 :]
    assert {*counts} <= {"ok", "busy"} and counts["ok"] > PEOPLE
    assert max(half) < 1.1 * half[0], "memory grows"
