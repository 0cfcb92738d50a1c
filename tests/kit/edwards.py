"""The curve of Ed25519 in affine coordinates: just enough to find its points of small order (RFC
8032 section 5.1)."""

FIELD = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493
COFACTOR = 8
"""The number of points of small order."""
_D = -121665 * pow(121666, -1, FIELD) % FIELD

Point = tuple[int, int]
NEUTRAL = (0, 1)


def points(y: int) -> list[Point]:
    """The points with this y: two, one or none (RFC 8032 section 5.1.3)."""
    square = (y * y - 1) * pow(_D * y * y + 1, -1, FIELD) % FIELD
    root = pow(square, (FIELD + 3) // 8, FIELD)
    roots = {root, root * pow(2, (FIELD - 1) // 4, FIELD) % FIELD}
    return [(sign * x % FIELD, y) for x in roots if x * x % FIELD == square for sign in (1, -1)]


def added(p: Point, q: Point) -> Point:
    """The sum of two points (RFC 8032 section 5.1.4)."""
    (x1, y1), (x2, y2) = p, q
    product = _D * x1 * x2 * y1 * y2
    x = (x1 * y2 + x2 * y1) * pow(1 + product, -1, FIELD)
    y = (y1 * y2 + x1 * x2) * pow(1 - product, -1, FIELD)
    return x % FIELD, y % FIELD


def multiplied(times: int, p: Point) -> Point:
    """The point added to itself so many times."""
    total = NEUTRAL
    while times:
        if times & 1:
            total = added(total, p)
        p, times = added(p, p), times >> 1
    return total


def points_of_small_order() -> set[Point]:
    """Every point P with 8P = 0: the large subgroup taken out of some points, and the group that
    these generate."""
    found: set[Point] = set()
    for p in (point for y in range(2, 12) for point in points(y)):
        found.add(multiplied(ORDER, p))
        while (more := found | {added(p, q) for p in found for q in found}) != found:
            found = more
        if len(found) == COFACTOR:
            break
    return found


def spellings_of_small_order() -> set[int]:
    """The y of every point of small order, each also spelled as y + p where that fits into 255
    bits."""
    ys = {y for _, y in points_of_small_order()}
    return ys | {y + FIELD for y in ys if y + FIELD < 2**255}
