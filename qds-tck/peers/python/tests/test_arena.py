import random

from qds.arena import Arena


def test_payloads_never_overlap_and_all_space_comes_back() -> None:
    chance = random.Random(7)
    for length in (128, 256, 4096, 64 * 1001):
        arena, live = Arena(length), []
        for _ in range(3000):
            taken = Arena.taken(chance.randrange(0, length // chance.choice([1, 2, 4, 16]) + 1))
            place = arena.place(taken)
            while place is None:
                arena.free(live.pop(0)[0])
                place = arena.place(taken)
            assert place % 64 == 0 and 0 <= place <= length - taken
            assert all(place + taken <= start or start + other <= place for start, other in live)
            arena.occupy(place, taken)
            arena.moved_to(place + taken)
            live.append((place, taken))


def test_one_message_of_half_the_arena_fits_beside_any_other() -> None:
    """QDS1-PUB-09."""
    length = 64 * 101
    most = length // 2 - 64
    for held in range(1, most + 1, 64):
        for begin in range(0, length, 64):
            arena = Arena(length)
            arena.moved_to(begin)
            place = arena.place(Arena.taken(held))
            assert place is not None
            arena.occupy(place, Arena.taken(held))
            arena.moved_to(place + Arena.taken(held))
            assert arena.place(Arena.taken(most)) is not None, (held, begin)


def test_pins_are_passed_over_even_if_they_overlap() -> None:
    arena = Arena(1024)
    arena.set_pins([(64, 640), (128, 64), (1 << 40, 64)])
    assert arena.place(256) == 704
