from facetrack.core.breaker import FAILURES, FIRST_REST, Breaker


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def broken(clock: Clock) -> Breaker:
    breaker = Breaker(clock)
    for _ in range(FAILURES):
        assert breaker.allows()
        breaker.failed()
    return breaker


def test_a_hiccup_changes_nothing() -> None:
    breaker = Breaker(Clock())
    for _ in range(10):
        breaker.failed()
        breaker.succeeded()
    assert breaker.allows()


def test_it_opens_and_lets_one_try_after_the_rest() -> None:
    clock = Clock()
    breaker = broken(clock)
    assert not breaker.allows()
    clock.now += FIRST_REST
    assert breaker.allows()
    assert not breaker.allows(), "only one tries"
    breaker.succeeded()
    assert breaker.allows()


def test_it_rests_longer_each_time_that_it_fails_again() -> None:
    clock = Clock()
    breaker = broken(clock)
    clock.now += FIRST_REST
    assert breaker.allows()
    breaker.failed()
    clock.now += FIRST_REST
    assert not breaker.allows()
    clock.now += FIRST_REST
    assert breaker.allows()
